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
const ONE_WORD = 0x0a0d312a; // `*1\r\n`
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

/** `*2\r\n$4\r\nINCR\r\n`: as much of a request as is compared with the one before. */
const LONGEST_BEGINNING = 14;

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
  /** Start and end of each argument in `block`, one after the other. */
  offsets = new Int32Array(32);

  start(index: number): number {
    return this.offsets[2 * index] ?? 0;
  }

  end(index: number): number {
    return this.offsets[2 * index + 1] ?? 0;
  }

  /** An argument with one character a byte, so that every sequence of bytes has a string of its own and back. */
  text(index: number): string {
    return this.block.text(this.start(index), this.end(index));
  }

  clear(block: Block, inline: boolean): void {
    this.block = block;
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
    this.offsets[at] = start;
    this.offsets[at + 1] = end;
    this.count++;
  }

  /** The same request after its bytes were moved to lower offsets. */
  move(block: Block, distance: number): void {
    this.block = block;
    for (let at = 0; at < 2 * this.count; at++) this.offsets[at] = (this.offsets[at] ?? 0) - distance;
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
  // How the request before began, `*3\r\n$3\r\nSET\r\n`, if its first word has three or four letters: its first 12 bytes, and the four
  // that end with that word's line. Most requests begin as the one before.
  #first = 0;
  #second = 0;
  #third = 0;
  #last = 0;
  #wordEnd = 0; // from the beginning of the request

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
      this.#block = Block.around(chunk);
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
    if (this.#missing === 0 && (this.#parseWord() || this.#parseWhole())) return this.#request;
    return this.#nextCarefully();
  }

  #nextCarefully(): Request | undefined {
    while (this.#position < this.#end) {
      this.#first = 0; // what is known of the first word will be another's
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
    this.#request.move(block, this.#begin);
    this.#position -= this.#begin;
    this.#scanned = Math.max(0, this.#scanned - this.#begin);
    this.#block = block;
    this.#begin = 0;
    this.#end = rest;
    this.#owned = true;
  }

  /** `*1\r\n$4\r\nPING\r\n`, or any other word of one digit's length: little enough for V8 to have it in place of a call. */
  #parseWord(): boolean {
    const block = this.#block;
    const { view } = block;
    const begin = this.#begin;
    if (begin + SHORTEST > this.#end || view.getInt32(begin, true) !== ONE_WORD) return false;
    const start = begin + 8;
    let end = begin + this.#wordEnd;
    if (begin + LONGEST_BEGINNING > this.#end || !this.#beginsAlike(view, begin)) {
      const line = view.getInt32(begin + 4, true);
      const length = ((line >>> 8) & 255) - ZERO;
      end = start + length;
      if ((line & ~0xff00) !== (DOLLAR | CR_LF) || length < 0 || length > 9 || end + 2 > this.#end)
        return false;
      this.#remember(view, begin, length);
    }
    const request = this.#request;
    request.offsets[0] = start;
    request.offsets[1] = end;
    request.block = block;
    request.inline = false;
    request.count = 1;
    this.#begin = this.#position = end + 2;
    return true;
  }

  /**
   * Nearly every array has arrived as a whole and has few arguments: one look at each byte outside of them. False for any
   * other, also for one that is wrong: that is for the careful way to say, from the beginning.
   */
  #parseWhole(): boolean {
    const block = this.#block;
    const { view } = block;
    const end = this.#end;
    const request = this.#request;
    const { offsets } = request;
    let at = this.#begin;
    if (at + SHORTEST > end) return false;
    const head = view.getInt32(at, true);
    const count = ((head >>> 8) & 255) - ZERO;
    if ((head & ~0xff00) !== (ASTERISK | CR_LF) || count < 1 || count > 9) return false;
    let offset = 0;
    const alike = at + LONGEST_BEGINNING <= end && this.#beginsAlike(view, at);
    if (alike) {
      offsets[0] = at + 8;
      at += this.#wordEnd;
      offsets[1] = at;
      at += 2;
      offset = 2;
    } else {
      at += 4;
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
      offsets[offset] = at;
      at += length;
      offsets[offset + 1] = at;
      at += 2;
      if (at > end) return false;
    }
    request.block = block;
    request.inline = false;
    request.count = count;
    if (!alike) this.#remember(view, this.#begin, (offsets[1] ?? 0) - (offsets[0] ?? 0));
    this.#begin = this.#position = at;
    return true;
  }

  /** There must be as many bytes as the longest beginning has. */
  #beginsAlike(view: DataView, at: number): boolean {
    return (
      view.getInt32(at + 8, true) === this.#third &&
      view.getInt32(at, true) === this.#first &&
      view.getInt32(at + 4, true) === this.#second &&
      view.getInt32(at + this.#wordEnd - 2, true) === this.#last
    );
  }

  #remember(view: DataView, at: number, length: number): void {
    this.#request.known = undefined;
    this.#first = 0;
    if (length !== 3 && length !== 4) return;
    this.#wordEnd = 8 + length;
    this.#first = view.getInt32(at, true);
    this.#second = view.getInt32(at + 4, true);
    this.#third = view.getInt32(at + 8, true);
    this.#last = view.getInt32(at + this.#wordEnd - 2, true);
  }

  /** `*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n`, as far as it has arrived. */
  #parseArray(): boolean {
    if (this.#missing === 0) {
      this.#request.clear(this.#block, false);
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
    this.#request.clear(this.#block, true);
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
  request.clear(new Block(Buffer.from(words.join(''), 'latin1')), true);
  let end = 0;
  for (const word of words) request.add(end, (end += word.length));
}

function unescape(_: string, hex?: string, character = ''): string {
  return hex === undefined ? (CONTROLS[character] ?? character) : String.fromCharCode(parseInt(hex, 16));
}
