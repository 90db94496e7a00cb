// One direction of a link: the bytes that one end sends, and what has come of them at the other.

import { MIB, pattern } from '../support/bytes.js';

const BYTES = pattern(32 * MIB);
/** Directions begin at different places, so that one's bytes are never taken for another's. */
const APART = 1_000_003;

export class Flow {
  /** Bytes that were written and accepted. */
  written = 0;
  /** Bytes that arrived. */
  received = 0;
  /** Whoever sends has closed in the middle of it, on purpose: the end that is seen may be a false one. */
  cut = false;
  /** Bytes may be dropped on purpose: nobody takes them any more. */
  mayLose = false;
  readonly #start: number;

  constructor(index: number) {
    this.#start = index * APART;
  }

  /** What is to be sent next. */
  next(length: number): Buffer {
    return BYTES.subarray(this.#start + this.written, this.#start + this.written + length);
  }

  /** What is wrong with what has arrived, if anything. */
  receive(chunk: Buffer): string | undefined {
    const from = this.received;
    this.received += chunk.length;
    if (this.received > this.written)
      return `received ${this.received} bytes when ${this.written} were written`;
    const expected = BYTES.subarray(this.#start + from, this.#start + this.received);
    return chunk.equals(expected) ? undefined : `received other bytes than were written, from ${from} on`;
  }
}
