// Frames that end with a delimiter: what lines and delimited have in common.

import { tooLarge } from './frame-errors.js';
import type { Decoder } from './framing.js';
import { MORE } from './intake.js';
import type { Intake } from './intake.js';

const CR = 13;

export interface Delimited<T> {
  /** In messages. */
  readonly name: string;
  readonly delimiter: Uint8Array;
  /** Bytes of a frame, without what ends it. */
  readonly max: number;
  /** The delimiter is part of the frame. */
  readonly keep: boolean;
  /** A CR before the delimiter belongs to it. */
  readonly dropCR: boolean;
  /** Makes a frame of the first bytes of those that were taken. */
  frame(intake: Intake, length: number): T;
}

export class DelimiterDecoder<T> implements Decoder<T> {
  readonly #of: Delimited<T>;

  constructor(delimited: Delimited<T>) {
    this.#of = delimited;
  }

  next(intake: Intake): T | typeof MORE {
    const { delimiter, keep } = this.#of;
    const at = intake.find(delimiter);
    if (at < 0) {
      // The delimiter may have begun.
      const begun = this.#of.dropCR ? this.#carriageReturn(intake, intake.length) : delimiter.length - 1;
      this.#check(intake.length - begun);
      return MORE;
    }
    const length = this.#of.dropCR ? at - this.#carriageReturn(intake, at) : at;
    this.#check(length);
    intake.take(at + delimiter.length);
    return this.#of.frame(intake, keep ? at + delimiter.length : length);
  }

  last(intake: Intake): T {
    const { length } = intake;
    this.#check(length);
    intake.take(length);
    return this.#of.frame(intake, length);
  }

  /** 1 when there is one before that place. */
  #carriageReturn(intake: Intake, at: number): number {
    return at > 0 && intake.at(at - 1) === CR ? 1 : 0;
  }

  #check(length: number): void {
    const { name, max } = this.#of;
    if (length > max) throw tooLarge(name, `a frame of more than ${max} bytes (max)`);
  }
}
