// RESP from bytes to values. It goes on where it stopped: an aggregate is taken value by value, and only a line or a
// string that has not arrived whole waits.

import { invalid, tooLarge } from './frame-errors.js';
import type { Decoder } from './framing.js';
import { MORE } from './intake.js';
import type { Intake } from './intake.js';
import { Aggregate, partsOf } from './resp-aggregate.js';
import { splitWords } from './resp-inline.js';
import { MAX_DIGITS as MAX_BIG_DIGITS, bigNumberOf, booleanOf, doubleOf, integerOf } from './resp-scalars.js';
import {
  ARRAY,
  ATTRIBUTE,
  BIG_NUMBER,
  BLOB_ERROR,
  BOOLEAN,
  BULK,
  CR,
  DOUBLE,
  ERROR,
  INTEGER,
  LF,
  MAP,
  NULL,
  PUSH,
  QUESTION_MARK,
  SET,
  SIMPLE,
  VERBATIM,
} from './resp-signs.js';
import { RespError, RespSimple, RespVerbatim } from './resp-value.js';
import type { RespValue } from './resp-value.js';

type Value = RespValue<Buffer | string>;

export interface RespLimits {
  readonly max: number;
  readonly maxDepth: number;
  readonly maxValues: number;
  readonly strings: 'buffer' | 'utf8' | 'latin1';
  readonly inline: boolean;
}

const NAME = 'resp';
const NEWLINE: Uint8Array = Buffer.from('\n');
const MAX_LINE = 64 * 1024;
/** Digits of a length or a count, above any that can be waited for. */
const MAX_DIGITS = 15;

/** Part of a value was taken: go on. */
const OPEN = Symbol('evio.resp-open');

export class RespDecoder implements Decoder<Value> {
  wanted: number | undefined;
  readonly #limits: RespLimits;
  /** Those that have begun, the outermost first. */
  readonly #aggregates: Aggregate[] = [];
  /** The sign of a string whose length has been taken; 0 for none. */
  #string = 0;
  #length = 0;
  /** Of the value that is being taken: bytes so far, and values in it that were announced. */
  #bytes = 0;
  #values = 0;

  constructor(limits: RespLimits) {
    this.#limits = limits;
  }

  get midway(): boolean {
    return this.#string !== 0 || this.#aggregates.length > 0;
  }

  next(intake: Intake): Value | typeof MORE {
    while (intake.length > 0) {
      const value = this.#string === 0 ? this.#begin(intake) : this.#takeString(intake);
      if (value === MORE) return MORE;
      if (value === OPEN) continue;
      const whole = this.#complete(value);
      if (whole === OPEN) continue;
      this.#bytes = this.#values = 0;
      return whole;
    }
    return MORE;
  }

  /** A value is there: it may be the last that one around it waited for, and so on outwards. */
  #complete(value: Value): Value | typeof OPEN {
    let whole = value;
    for (;;) {
      const around = this.#aggregates.at(-1);
      if (around === undefined) return whole;
      around.add(whole);
      if (!around.whole) return OPEN;
      this.#aggregates.pop();
      whole = around.value();
    }
  }

  #begin(intake: Intake): Value | typeof OPEN | typeof MORE {
    const sign = intake.at(0);
    switch (sign) {
      case BULK:
      case VERBATIM:
      case BLOB_ERROR:
        return this.#beginString(intake, sign);
      case ARRAY:
      case MAP:
      case SET:
      case PUSH:
      case ATTRIBUTE:
        return this.#beginAggregate(intake, sign);
      case SIMPLE:
      case ERROR:
      case INTEGER:
      case DOUBLE:
      case BIG_NUMBER:
      case BOOLEAN:
      case NULL: {
        const line = this.#takeLine(intake);
        return line === MORE ? MORE : scalarOf(sign, line);
      }
      default:
        if (this.#limits.inline && this.#aggregates.length === 0) return this.#takeInline(intake);
        throw invalid(NAME, `a value that begins with ${shown(sign)}`);
    }
  }

  #beginString(intake: Intake, sign: number): null | typeof OPEN | typeof MORE {
    const length = this.#takeCount(intake);
    if (length === MORE) return MORE;
    if (length < 0 && sign === BULK) return null;
    if (length < 0) throw invalid(NAME, 'a negative length');
    if (this.#bytes + length + 2 > this.#limits.max) throw this.#tooLong();
    this.#string = sign;
    this.#length = length;
    this.wanted = length + 2;
    return OPEN;
  }

  #takeString(intake: Intake): Value | typeof MORE {
    const length = this.#length;
    if (intake.length < length + 2) return MORE;
    if (intake.at(length) !== CR || intake.at(length + 1) !== LF) {
      throw invalid(NAME, 'a string that is longer than its length');
    }
    const sign = this.#string;
    this.#string = 0;
    this.wanted = undefined;
    this.#take(intake, length + 2);
    if (sign === BULK) {
      const { strings } = this.#limits;
      if (strings !== 'buffer') return intake.text(0, length, strings);
      // What is around it may not be whole before the window has been used again.
      return this.#aggregates.length > 0 ? intake.sliceToKeep(0, length) : intake.slice(0, length);
    }
    if (sign === BLOB_ERROR) return new RespError(intake.text(0, length, 'utf8'), true);
    const text = intake.text(0, length, 'latin1');
    if (text[3] !== ':') throw invalid(NAME, 'a verbatim string without its format');
    return new RespVerbatim(text.slice(0, 3), intake.text(4, length, 'utf8'));
  }

  #beginAggregate(intake: Intake, sign: number): Value | typeof OPEN | typeof MORE {
    const count = this.#takeCount(intake);
    if (count === MORE) return MORE;
    if (count < 0 && sign === ARRAY) return null;
    if (count < 0) throw invalid(NAME, 'a negative count');
    const { maxDepth, maxValues } = this.#limits;
    this.#values += partsOf(sign, count);
    if (this.#values > maxValues) throw tooLarge(NAME, `more than ${maxValues} values in one (maxValues)`);
    if (this.#aggregates.length >= maxDepth) {
      throw tooLarge(NAME, `values nested more than ${maxDepth} deep (maxDepth)`);
    }
    const aggregate = new Aggregate(sign, count);
    if (aggregate.whole) return aggregate.value();
    this.#aggregates.push(aggregate);
    return OPEN;
  }

  /** The line with a length or a count: a few bytes, which are looked at one by one. -1 stands for no value. */
  #takeCount(intake: Intake): number | typeof MORE {
    const { length } = intake;
    let count = 0;
    let at = 1;
    for (; at < length; at++) {
      const digit = intake.at(at) - 48;
      if (digit < 0 || digit > 9) break;
      count = count * 10 + digit;
      if (at > MAX_DIGITS) throw invalid(NAME, `a length of more than ${MAX_DIGITS} digits`);
    }
    const digits = at - 1;
    if (digits === 0 && at < length) return this.#takeOddCount(intake);
    if (at < length && intake.at(at) !== CR) throw invalid(NAME, 'a length that is no number');
    if (at + 1 < length && intake.at(at + 1) !== LF)
      throw invalid(NAME, 'a line that does not end with CR LF');
    if (at + 1 >= length) return this.#unfinished(length);
    this.#take(intake, at + 2);
    return count;
  }

  /** `-1`, or `?`. */
  #takeOddCount(intake: Intake): number | typeof MORE {
    if (intake.at(1) === QUESTION_MARK) {
      throw invalid(NAME, `streamed values (${String.fromCharCode(intake.at(0))}?) are not supported`);
    }
    const line = this.#takeLine(intake);
    if (line === MORE) return MORE;
    if (line !== '-1') throw invalid(NAME, 'a length that is no number');
    return -1;
  }

  /** The line without its sign. */
  #takeLine(intake: Intake): string | typeof MORE {
    const newline = intake.find(NEWLINE);
    if (newline < 0) {
      if (intake.length > MAX_LINE + 2) throw tooLarge(NAME, `a line of more than ${MAX_LINE} bytes`);
      return this.#unfinished(intake.length);
    }
    if (newline > MAX_LINE + 2) throw tooLarge(NAME, `a line of more than ${MAX_LINE} bytes`);
    const carriageReturn = intake.at(newline - 1) === CR;
    this.#take(intake, newline + 1);
    if (!carriageReturn) throw invalid(NAME, 'a line that does not end with CR LF');
    return intake.text(1, newline - 1, 'utf8');
  }

  #takeInline(intake: Intake): Value | typeof OPEN | typeof MORE {
    const newline = intake.find(NEWLINE);
    if (Math.max(newline, intake.length * Number(newline < 0)) > MAX_LINE + 1) {
      throw tooLarge(NAME, `a line of more than ${MAX_LINE} bytes`);
    }
    if (newline < 0) return this.#unfinished(intake.length);
    this.#take(intake, newline + 1);
    const words = splitWords(intake.text(0, newline, 'latin1'));
    if (words === undefined) throw invalid(NAME, 'unbalanced quotes in a command');
    if (words.length === 0) {
      this.#bytes = 0;
      return OPEN;
    }
    if (words.length > this.#limits.maxValues) {
      throw tooLarge(NAME, `more than ${this.#limits.maxValues} values in one (maxValues)`);
    }
    return words.map((word) => {
      const bytes = Buffer.from(word, 'latin1');
      return this.#limits.strings === 'buffer' ? bytes : bytes.toString(this.#limits.strings);
    });
  }

  #take(intake: Intake, length: number): void {
    this.#bytes += length;
    if (this.#bytes > this.#limits.max) throw this.#tooLong();
    intake.take(length);
  }

  /** At least that many bytes belong to a line. */
  #unfinished(length: number): typeof MORE {
    if (this.#bytes + length > this.#limits.max) throw this.#tooLong();
    return MORE;
  }

  #tooLong(): Error {
    return tooLarge(NAME, `a value of more than ${this.#limits.max} bytes (max)`);
  }
}

/** How the text of a line is read, by its sign. */
const READERS: Readonly<Record<number, (text: string) => Value | undefined>> = {
  [INTEGER]: integerOf,
  [DOUBLE]: doubleOf,
  [BIG_NUMBER]: bigNumberOf,
  [BOOLEAN]: booleanOf,
};

function scalarOf(sign: number, line: string): Value {
  // A line ends with the first LF: what must not be in it is a CR.
  if (line.includes('\r')) throw invalid(NAME, 'a line with a CR in it');
  if (sign === SIMPLE) return new RespSimple(line);
  if (sign === ERROR) return new RespError(line);
  if (sign === NULL && line === '') return null;
  if (sign === BIG_NUMBER && line.length > MAX_BIG_DIGITS + Number(/^[+-]/.test(line))) {
    throw tooLarge(NAME, `a big number of more than ${MAX_BIG_DIGITS} digits`);
  }
  const value = READERS[sign]?.(line);
  if (value !== undefined) return value;
  const text = JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
  throw invalid(NAME, `${text} behind ${shown(sign)}`);
}

function shown(byte: number): string {
  return byte > 32 && byte < 127
    ? `'${String.fromCharCode(byte)}'`
    : `the byte 0x${byte.toString(16).padStart(2, '0')}`;
}
