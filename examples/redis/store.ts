// The data: keys and values are sequences of bytes, kept as strings with one character a byte.
//
// Such strings are compact, have a hash for the Map, and are copies: nothing here points into input that was received.

import { latin1 } from './latin1.js';

/** Short values are strings with one character a byte, long ones are bytes. */
export type Value = string | Buffer;

const SHORT = 16 * 1024;
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

export class Store {
  readonly #values = new Map<string, Value>();

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  set(key: string, value: Value): void {
    this.#values.set(key, value);
  }

  /** Whether there was one. */
  delete(key: string): boolean {
    return this.#values.delete(key);
  }

  clear(): void {
    this.#values.clear();
  }

  /**
   * Adds one to a number, a missing one being 0.
   * @returns the new number, or why there is none
   */
  increment(key: string): bigint | number | 'not an integer' | 'overflow' {
    const text = this.#values.get(key) ?? '0';
    if (typeof text !== 'string' || !/^(?:0|-?[1-9][0-9]{0,18})$/.test(text)) return 'not an integer';
    // 15 digits fit into a number; the rest of the 64 bits is worth a slower way.
    if (text.length <= 15) {
      const sum = Number(text) + 1;
      this.#values.set(key, String(sum));
      return sum;
    }
    const number = BigInt(text);
    if (number < MIN || number > MAX) return 'not an integer';
    if (number === MAX) return 'overflow';
    this.#values.set(key, String(number + 1n));
    return number + 1n;
  }
}

/** A copy of bytes that somebody else is going to reuse. */
export function valueOf(bytes: Buffer, start: number, end: number): Value {
  if (end - start <= SHORT) return latin1(bytes, start, end);
  return Buffer.copyBytesFrom(bytes, start, end - start);
}
