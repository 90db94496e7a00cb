// RESP, the language of Redis clients: bytes in, requests out.
//
// A client sends either a line of words (`SET key value`, what a person types into nc) or an array of counted strings
// (`*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n`, what programs send). TCP cuts both anywhere and glues them together, so the
// parser goes on where it stopped, and reads no byte of a long request twice. It makes no strings: a request is a list of
// offsets into the bytes that arrived. The operator `resp` of evio/protocols is for values of every kind and makes an object
// of each; here there are only requests, the limits are Redis's and what is wrong is said in its words.

import { Block, NO_BYTES } from './block.js';
import type { Known } from './commands.js';
import { parseInteger } from './integers.js';

const LF = 10;
const CR = 13;
const CR_LF = 0x0a0d << 16; // the upper half of four bytes, the first being the lowest
const QUOTE = 34;
const DOLLAR = 36;
const APOSTROPHE = 39;
const ZERO = 48;
const ASTERISK = 42;

/** As Redis has them: what a client may make the server remember before a request is complete. */
const MAX_LINE = 64 * 1024;
const MAX_REQUEST = 1024 * 1024 * 1024;

/** The two lines with a number: how many arguments a request has, and how long the next one is. */
const COUNT = {
  sign: ASTERISK,
  min: -Number.MAX_SAFE_INTEGER,
  max: 1024 * 1024,
  invalid: 'invalid multibulk length',
  tooBig: 'too big mbulk count string',
} as const;
const LENGTH = {
  sign: DOLLAR,
  min: 0,
  max: 512 * 1024 * 1024,
  invalid: 'invalid bulk length',
  tooBig: 'too big bulk count string',
} as const;

/** `*1\r\n$0\r\n\r\n`, and of that an argument. */
const SHORTEST = 10;
const SHORTEST_ARGUMENT = 6;

/** `*2\r\n$6\r\nEXISTS\r\n`: as much of a request as can be compared in two halves of eight bytes. */
const LONGEST_HEAD = 16;

const INCOMPLETE = -1;

/** The client does not speak RESP: the text is what Redis tells it before it closes the connection. */
export class ProtocolError extends Error {
  constructor(text: string) {
    super(`Protocol error: ${text}`);
  }
}

/** One request, `request.text(0)` being the command. Valid until the next one is parsed: keep no reference to it. */
export class Request {
  block = NO_BYTES;
  count = 0;
  inline = false;
  /** Whatever is known of the first word, noted by who looked it up: forgotten as soon as a request begins differently. */
  known: Known | undefined;
  /** Where it begins in `block`. */
  begin = 0;
  /** Start and end of each argument from there, one after the other: for a request that begins as the one before, the first two stay. */
  offsets = new Int32Array(32);

  /** In `block`. */
  start(index: number): number {
    return this.begin + (this.offsets[2 * index] ?? 0);
  }

  /** In `block`. */
  end(index: number): number {
    return this.begin + (this.offsets[2 * index + 1] ?? 0);
  }

  /** An argument with one character a byte, so that every sequence of bytes has a string of its own and back. */
  text(index: number): string {
    return this.block.text(this.start(index), this.end(index));
  }

  clear(block: Block, begin: number, inline: boolean): void {
    this.block = block;
    this.begin = begin;
    this.inline = inline;
    this.count = 0;
    this.known = undefined;
  }

  add(start: number, end: number): void {
    const at = 2 * this.count;
    if (at === this.offsets.length) {
      const longer = new Int32Array(2 * at);
      longer.set(this.offsets);
      this.offsets = longer;
    }
    this.offsets[at] = start - this.begin;
    this.offsets[at + 1] = end - this.begin;
    this.count++;
  }

  /** Its bytes were moved to the start of that block. One that is complete has been answered then, and means nothing any more. */
  moveTo(block: Block): void {
    this.block = block;
    this.begin = 0;
  }
}

/** Feed it what arrives, then take requests until there are none. */
export class RequestParser {
  readonly #request = new Request();
  #block = NO_BYTES;
  #begin = 0; // of the request that is being parsed
  #position = 0; // of the next byte to parse
  #scanned = 0; // up to here there is no end of line
  #end = 0; // of the bytes that have arrived
  #missing = 0; // arguments still to come of an array
  #bulk = INCOMPLETE; // length of the argument that comes next, once its line has been read
  #owned = false; // whether #block is the parser's own, with room for more
  // How the request before began, `*3\r\n$3\r\nSET\r\n`, unless its first word is long: the first eight bytes of that and the last
  // eight, which may be some of the first again. Most requests begin as the one before, and what is known of that beginning holds for
  // them. As numbers, for no other reason than to compare eight at a time. NaN is like nothing. The first half ends in `\r\n`, which
  // no NaN or zero does; the second may be either, by the two bytes behind the word, which nobody looks at: the only ones in which
  // what is taken for the same can differ.
  #headStart = NaN;
  #headEnd = NaN;
  #headLength = LONGEST_HEAD;

  /** How many bytes have arrived that belong to no complete request yet. */
  get unfinished(): number {
    return this.#end - this.#begin;
  }

  /** Whether those bytes could still become an array. */
  get unfinishedArray(): boolean {
    return this.unfinished === 0 || this.#block.bytes[this.#begin] === ASTERISK;
  }

  feed(chunk: Buffer): void {
    if (this.#begin === this.#end) {
      this.#block = this.#request.block = Block.around(chunk);
      this.#owned = false;
      this.#begin = this.#position = this.#scanned = chunk.byteOffset;
      this.#end = this.#begin + chunk.length;
      return;
    }
    this.#makeRoom(chunk.length);
    chunk.copy(this.#block.bytes, this.#end);
    this.#end += chunk.length;
  }

  /** What was fed may be overwritten from now on: what is left of it is copied. */
  keep(): void {
    if (!this.#owned && this.unfinished > 0) this.#makeRoom(0);
  }

  /**
   * The next complete request, or undefined until more bytes arrive.
   * @throws ProtocolError, after which the parser is of no use
   */
  next(): Request | undefined {
    if (this.#missing === 0 && (this.#takeSameWord() || this.#parseWhole())) return this.#request;
    return this.#nextCarefully();
  }

  #nextCarefully(): Request | undefined {
    while (this.#position < this.#end) {
      this.#headStart = NaN; // what is known of the first word will be another's
      const array = this.#block.bytes[this.#begin] === ASTERISK;
      if (!(array ? this.#parseArray() : this.#parseLine())) {
        if (!this.#owned) this.#makeRoom(0); // or a few bytes keep a large chunk alive, or are overwritten with it
        return undefined;
      }
      this.#begin = this.#scanned = this.#position;
      if (this.#request.count > 0) return this.#request; // empty lines and empty arrays are nothing at all
    }
    if (this.#begin < this.#end) return undefined; // more of an array that has begun is still to come
    this.#block = this.#request.block = NO_BYTES; // an idle client keeps nothing alive
    this.#begin = this.#position = this.#scanned = this.#end = 0;
    return undefined;
  }

  #makeRoom(more: number): void {
    const rest = this.#end - this.#begin;
    if (rest + more > MAX_REQUEST) throw new ProtocolError('too big request');
    if (this.#owned && this.#end + more <= this.#block.bytes.length) return;
    // Twice as much each time, so that a long request is not copied for every chunk; but no more than it will need.
    const known = this.#bulk === INCOMPLETE ? Infinity : this.#position - this.#begin + this.#bulk + 2;
    const block = Block.ofSize(Math.max(512, rest + more, Math.min(2 * (rest + more), known)));
    this.#block.bytes.copy(block.bytes, 0, this.#begin, this.#end);
    this.#request.moveTo(block);
    this.#position -= this.#begin;
    this.#scanned = Math.max(0, this.#scanned - this.#begin);
    this.#block = block;
    this.#begin = 0;
    this.#end = rest;
    this.#owned = true;
  }

  /** `*1\r\n$4\r\nPING\r\n`, when the request before was the same: little enough for V8 to have it in place of a call. */
  #takeSameWord(): boolean {
    const request = this.#request;
    if (request.count !== 1 || !this.#beginsAlike()) return false;
    request.begin = this.#begin;
    this.#begin = this.#position = this.#begin + this.#headLength;
    return true;
  }

  /**
   * Nearly every array has arrived as a whole and has few arguments: one look at each byte outside of them. False for any
   * other, also for one that is wrong: that is for the careful way to say, from the beginning.
   */
  #parseWhole(): boolean {
    const begin = this.#begin;
    const end = this.#end;
    const { view } = this.#block;
    const request = this.#request;
    const { offsets } = request;
    const alike = this.#beginsAlike();
    let { count } = request;
    let offset = 2;
    let at = begin + this.#headLength;
    if (!alike) {
      if (begin + SHORTEST > end) return false;
      const head = view.getInt32(begin, true);
      count = ((head >>> 8) & 255) - ZERO;
      if ((head & ~0xff00) !== (ASTERISK | CR_LF) || count < 1 || count > 9) return false;
      offset = 0;
      at = begin + 4;
    }
    for (; offset < 2 * count; offset += 2) {
      if (at + SHORTEST_ARGUMENT > end) return false;
      const line = view.getInt32(at, true);
      let length = ((line >>> 8) & 255) - ZERO;
      if ((line & ~0xff00) === (DOLLAR | CR_LF) && length >= 0 && length <= 9) {
        at += 4;
      } else {
        // A second digit, and no third: whatever is longer than 99 bytes can take the careful way.
        const digit = ((line >>> 16) & 255) - ZERO;
        if ((line & 255) !== DOLLAR || line >>> 24 !== CR || length < 1 || length > 9) return false;
        if (digit < 0 || digit > 9) return false;
        length = length * 10 + digit;
        at += 5;
      }
      offsets[offset] = at - begin;
      at += length;
      offsets[offset + 1] = at - begin;
      at += 2;
      if (at > end) return false;
    }
    request.begin = begin;
    if (!alike) this.#remember(count);
    this.#begin = this.#position = at;
    return true;
  }

  #beginsAlike(): boolean {
    const at = this.#begin;
    const { view } = this.#block;
    return (
      at + this.#headLength <= this.#end &&
      view.getFloat64(at, true) === this.#headStart &&
      view.getFloat64(at + this.#headLength - 8, true) === this.#headEnd
    );
  }

  #remember(count: number): void {
    const request = this.#request;
    request.block = this.#block;
    request.inline = false;
    request.count = count;
    request.known = undefined;
    const start = this.#begin;
    const length = request.end(0) + 2 - start;
    this.#headStart = NaN;
    if (length > LONGEST_HEAD) return;
    const { view } = this.#block;
    this.#headStart = view.getFloat64(start, true);
    this.#headEnd = view.getFloat64(start + length - 8, true);
    this.#headLength = length;
  }

  /** `*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n`, as far as it has arrived. */
  #parseArray(): boolean {
    if (this.#missing === 0) {
      this.#request.clear(this.#block, this.#begin, false);
      const count = this.#parseNumber(COUNT);
      if (count === INCOMPLETE) return false;
      this.#missing = count;
    }
    while (this.#missing > 0) {
      if (this.#bulk === INCOMPLETE) {
        this.#bulk = this.#parseNumber(LENGTH);
        if (this.#bulk === INCOMPLETE) return false;
      }
      const end = this.#position + this.#bulk;
      if (end + 2 > this.#end) return false;
      this.#request.add(this.#position, end);
      this.#position = end + 2;
      this.#bulk = INCOMPLETE;
      this.#missing--;
    }
    return true;
  }

  /** A line with a sign and a number: `*2\r\n` or `$12\r\n`. Negative counts of arguments stand for none. */
  #parseNumber(kind: typeof COUNT | typeof LENGTH): number {
    const end = this.#findEndOfLine(CR, kind.tooBig);
    if (end === INCOMPLETE || end + 1 === this.#end) return INCOMPLETE; // the LF is still under way
    const start = this.#position;
    if (this.#block.bytes[start] !== kind.sign) {
      throw new ProtocolError(`expected '$', got '${this.#block.text(start, start + 1)}'`);
    }
    const number = parseInteger(this.#block.bytes, start + 1, end);
    if (!(number <= kind.max && number >= kind.min)) throw new ProtocolError(kind.invalid);
    this.#position = end + 2;
    return Math.max(0, number);
  }

  /** `SET key "a value"\r\n`; the CR may be missing. */
  #parseLine(): boolean {
    const newline = this.#findEndOfLine(LF, 'too big inline request');
    if (newline === INCOMPLETE) return false;
    const carriageReturn = newline > this.#position && this.#block.bytes[newline - 1] === CR;
    this.#request.clear(this.#block, this.#begin, true);
    splitWords(this.#request, this.#position, carriageReturn ? newline - 1 : newline);
    this.#position = newline + 1;
    return true;
  }

  #findEndOfLine(byte: number, complaint: string): number {
    const { bytes } = this.#block;
    let at = Math.max(this.#position, this.#scanned);
    while (at < this.#end && bytes[at] !== byte) at++;
    this.#scanned = at;
    if (at - this.#position > MAX_LINE) throw new ProtocolError(complaint);
    return at < this.#end ? at : INCOMPLETE;
  }
}

/** Words are apart by white space. Lines with quotes are rare and typed by people: they may take the slow way. */
function splitWords(request: Request, start: number, end: number): void {
  const { bytes } = request.block;
  let word = INCOMPLETE;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE || byte === APOSTROPHE) {
      splitQuotedWords(request, request.block.text(start, end));
      return;
    }
    if (isSpace(byte)) {
      if (word !== INCOMPLETE) request.add(word, at);
      word = INCOMPLETE;
    } else if (word === INCOMPLETE) {
      word = at;
    }
  }
  if (word !== INCOMPLETE) request.add(word, end);
}

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

// One word: pieces in double quotes (with escapes), in single quotes (with \' only), or bare. A closing quote ends it.
const DOUBLE = /"((?:[^"\\]|\\[^])*)"(?![^ \t-\r])/.source;
const SINGLE = /'((?:[^'\\]|\\'|\\(?!'))*)'(?![^ \t-\r])/.source;
const WORD = new RegExp(`[ \\t-\\r]*((?:${DOUBLE}|${SINGLE}|[^ \\t-\\r"']+)+)[ \\t-\\r]*`, 'y');
const PIECE = new RegExp(`${DOUBLE}|${SINGLE}|[^"']+`, 'g');
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([^]))/g;
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/** `"a\x01b" 'c d' e`: rewrites the request's bytes, since a word and its text are no longer the same. */
function splitQuotedWords(request: Request, line: string): void {
  const words: string[] = [];
  WORD.lastIndex = 0;
  while (WORD.lastIndex < line.length) {
    const word = WORD.exec(line)?.[1];
    if (word === undefined) throw new ProtocolError('unbalanced quotes in request');
    words.push(
      word.replace(PIECE, (piece, double?: string, single?: string) => {
        if (double !== undefined) return double.replace(ESCAPE, unescape);
        return single === undefined ? piece : single.replaceAll("\\'", "'");
      }),
    );
  }
  request.clear(new Block(Buffer.from(words.join(''), 'latin1')), 0, true);
  let end = 0;
  for (const word of words) request.add(end, (end += word.length));
}

function unescape(_: string, hex?: string, character = ''): string {
  return hex === undefined ? (CONTROLS[character] ?? character) : String.fromCharCode(parseInt(hex, 16));
}
