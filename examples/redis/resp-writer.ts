// Writes RESP: replies on their way to a client, and requests on their way to the append-only file. What is written
// gathers until it is taken, so that all that answers one piece of input leaves as one piece of output.
//
// Bytes that were handed to a connection belong to it until they are sent, so a part of the buffer is used once: what is
// written next goes behind it, and when the buffer is full a new one takes its place.

import type { Value } from './store.js';

const SIZE = 64 * 1024;
const MAX_REPLY = 1024 * 1024 * 1024; // an MGET may ask for the largest value a million times
const CRLF = '\r\n';

export const OK = Buffer.from('+OK\r\n');
export const PONG = Buffer.from('+PONG\r\n');
const NIL = Buffer.from('$-1\r\n');
const NULL = Buffer.from('_\r\n');

/** RESP2 is what every client speaks; RESP3 has maps, sets and a null of its own. Clients choose with HELLO. */
export type Version = 2 | 3;

export class RespWriter {
  version: Version = 2;
  #bytes = Buffer.allocUnsafeSlow(SIZE);
  #start = 0;
  #end = 0;

  /** How many bytes are waiting to be taken. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Everything since the last time. */
  take(): Buffer {
    const taken = this.#bytes.subarray(this.#start, this.#end);
    this.#start = this.#end;
    if (this.#bytes.length > SIZE) this.#renew(SIZE); // the large one goes when its reply has been sent
    return taken;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const to = this.#bytes;
    let end = this.#end;
    // A loop: for a few bytes it is faster than a call of copy().
    for (let at = 0; at < bytes.length; at++) to[end++] = bytes[at] ?? 0;
    this.#end = end;
  }

  simple(text: string): void {
    this.#text(`+${text}${CRLF}`);
  }

  /** The text starts with a code: `ERR no such thing`. What came from a client must not end the line early. */
  error(text: string): void {
    this.#text(`-${text.replace(/[\r\n]/g, ' ')}${CRLF}`);
  }

  integer(value: number | bigint): void {
    this.#text(`:${value}${CRLF}`);
  }

  nil(): void {
    this.raw(this.version === 2 ? NIL : NULL);
  }

  /** Of text, or of a value with one character a byte. */
  bulk(value: Value): void {
    this.#header(DOLLAR, value.length);
    this.#reserve(value.length + 2);
    if (typeof value === 'string') this.#text(value);
    else this.#end += value.copy(this.#bytes, this.#end);
    this.#bytes[this.#end++] = 13;
    this.#bytes[this.#end++] = 10;
  }

  /** A part of the input, as ECHO gives it back. */
  slice(bytes: Buffer, start: number, end: number): void {
    this.#header(DOLLAR, end - start);
    this.#reserve(end - start + 2);
    this.#end += bytes.copy(this.#bytes, this.#end, start, end);
    this.#bytes[this.#end++] = 13;
    this.#bytes[this.#end++] = 10;
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

  #header(sign: number, length: number): void {
    this.#reserve(16);
    this.#bytes[this.#end++] = sign;
    if (length < 10) this.#bytes[this.#end++] = ZERO + length;
    else this.#text(String(length));
    this.#bytes[this.#end++] = 13;
    this.#bytes[this.#end++] = 10;
  }

  #text(text: string): void {
    const { length } = text;
    this.#reserve(length);
    if (length > SHORT) {
      this.#end += this.#bytes.write(text, this.#end, 'latin1');
      return;
    }
    const to = this.#bytes;
    let end = this.#end;
    for (let at = 0; at < length; at++) to[end++] = text.charCodeAt(at);
    this.#end = end;
  }

  #reserve(length: number): void {
    if (this.#end + length <= this.#bytes.length) return;
    const needed = this.length + length;
    if (needed > MAX_REPLY) throw new RangeError('a reply of more than 1 GiB');
    this.#renew(needed > SIZE ? Math.min(2 * needed, MAX_REPLY) : SIZE);
  }

  #renew(size: number): void {
    const kept = this.length;
    const bytes = Buffer.allocUnsafeSlow(size);
    this.#bytes.copy(bytes, 0, this.#start, this.#end);
    this.#bytes = bytes;
    this.#start = 0;
    this.#end = kept;
  }
}

const DOLLAR = 36;
const PERCENT = 37;
const ASTERISK = 42;
const ZERO = 48;
const TILDE = 126;
const SHORT = 24; // up to here a loop over characters is faster than a call of write()
