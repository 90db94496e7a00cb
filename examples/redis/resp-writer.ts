// Writes RESP: replies on their way to a client, and requests on their way to the append-only file. What is written
// gathers until it is taken, so that all that answers one piece of input leaves as one piece of output.
//
// Bytes that were handed to a connection belong to it until they are sent, so a part of the buffer is used once: what is
// written next goes behind it, and when the buffer is full a new one takes its place.

import { Block, copyBytes } from './block.js';
import { writeInteger } from './integers.js';

const SIZE = 64 * 1024;
const MAX_REPLY = 1024 * 1024 * 1024; // an MGET may ask for the largest value a million times
const CRLF = '\r\n';

// The replies that are sent most, as numbers of four bytes in the order of memory.
const PLUS_OK_CR = 0x0d4b4f2b;
const PLUS_PON = 0x4e4f502b;
const G_CR_LF = 0x0a0d47;
const NIL = 0x0d312d24;
const NULL = 0x0a0d5f;
/** RESP2 is what every client speaks; RESP3 has maps, sets and a null of its own. Clients choose with HELLO. */
export type Version = 2 | 3;

export class RespWriter {
  version: Version = 2;
  #block = Block.ofSize(SIZE);
  #start = 0;
  #end = 0;

  /** How many bytes are waiting to be taken. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Everything since the last time. */
  take(): Buffer {
    const taken = this.#block.part(this.#start, this.#end);
    this.#start = this.#end;
    if (this.#block.bytes.length > SIZE) this.#renew(SIZE); // the large one goes when its reply has been sent
    return taken;
  }

  ok(): void {
    this.#reserve(8);
    const { view } = this.#block;
    const at = this.#end;
    view.setInt32(at, PLUS_OK_CR, true);
    view.setInt8(at + 4, LF);
    this.#end = at + 5;
  }

  pong(): void {
    this.#reserve(8);
    const { view } = this.#block;
    const at = this.#end;
    view.setInt32(at, PLUS_PON, true);
    view.setInt32(at + 4, G_CR_LF, true);
    this.#end = at + 7;
  }

  simple(text: string): void {
    this.#text(`+${text}${CRLF}`);
  }

  /** The text starts with a code: `ERR no such thing`. What came from a client must not end the line early. */
  error(text: string): void {
    this.#text(`-${text.replace(/[\r\n]/g, ' ')}${CRLF}`);
  }

  integer(value: number | bigint): void {
    if (typeof value === 'number') this.#header(COLON, value);
    else this.#text(`:${value}${CRLF}`);
  }

  nil(): void {
    this.#reserve(8);
    const { view } = this.#block;
    const at = this.#end;
    view.setInt32(at, this.version === 2 ? NIL : NULL, true);
    if (this.version === 2) view.setInt8(at + 4, LF);
    this.#end = at + (this.version === 2 ? 5 : 3);
  }

  /** Of text with one character a byte. */
  bulk(text: string): void {
    this.#header(DOLLAR, text.length);
    this.#text(text);
    this.#text(CRLF);
  }

  /** A part of somebody else's bytes. */
  slice(from: Block, start: number, end: number): void {
    const length = end - start;
    this.#reserve(HEADER + length + 2);
    const block = this.#block;
    const body = writeHeader(block, this.#end, DOLLAR, length);
    copyBytes(from, start, end, block, body);
    block.view.setInt16(body + length, CR_LF, true);
    this.#end = body + length + 2;
  }

  array(length: number): void {
    this.#header(ASTERISK, length);
  }

  set(length: number): void {
    this.#header(this.version === 2 ? ASTERISK : TILDE, length);
  }

  /** Of that many keys, each followed by its value: RESP2 has flat arrays instead. */
  map(entries: number): void {
    if (this.version === 2) this.#header(ASTERISK, 2 * entries);
    else this.#header(PERCENT, entries);
  }

  /** A whole map; `more` is how many entries the caller adds. */
  entries(entries: Readonly<Record<string, string | number>>, more = 0): void {
    const list = Object.entries(entries);
    this.map(list.length + more);
    for (const [name, value] of list) {
      this.bulk(name);
      if (typeof value === 'number') this.integer(value);
      else this.bulk(value);
    }
  }

  /** Text for people, such as INFO. */
  verbatim(text: string): void {
    if (this.version === 2) this.bulk(text);
    else this.#text(`=${text.length + 4}${CRLF}txt:${text}${CRLF}`);
  }

  #header(sign: number, number: number): void {
    this.#reserve(HEADER);
    this.#end = writeHeader(this.#block, this.#end, sign, number);
  }

  #text(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const { bytes } = this.#block;
    if (length > SHORT) {
      this.#end += bytes.write(text, this.#end, 'latin1');
      return;
    }
    let end = this.#end;
    for (let at = 0; at < length; at++) bytes[end++] = text.charCodeAt(at);
    this.#end = end;
  }

  #reserve(length: number): void {
    if (this.#end + length <= this.#block.bytes.length) return;
    const needed = this.length + length;
    if (needed > MAX_REPLY) throw new RangeError('a reply of more than 1 GiB');
    this.#renew(needed > SIZE ? Math.min(2 * needed, MAX_REPLY) : SIZE);
  }

  #renew(size: number): void {
    const kept = this.length;
    const block = Block.ofSize(size);
    this.#block.bytes.copy(block.bytes, 0, this.#start, this.#end);
    this.#block = block;
    this.#start = 0;
    this.#end = kept;
  }
}

const LF = 10;
const CR_LF = 0x0a0d; // in the order of memory, as all that is written here
const DOLLAR = 36;
const PERCENT = 37;
const ASTERISK = 42;
const ZERO = 48;
const COLON = 58;
const TILDE = 126;
const SHORT = 24; // up to here a loop over characters is faster than a call of write()
const HEADER = 20; // a sign, a safe integer and the end of the line

/** `$3\r\n`. Returns where it ends. */
function writeHeader(to: Block, at: number, sign: number, number: number): number {
  if (number >= 0 && number < 10) {
    to.view.setInt32(at, sign | ((ZERO + number) << 8) | (CR_LF << 16), true);
    return at + 4;
  }
  to.bytes[at] = sign;
  const end = writeInteger(to.bytes, at + 1, number);
  to.view.setInt16(end, CR_LF, true);
  return end + 2;
}
