// Values that are Buffers of their own, by number. A number that is free is given away again.

import { Block } from './block.js';

export class LargeValues {
  readonly #values: (Block | undefined)[] = [];
  readonly #free: number[] = [];
  /** Of all of them together. */
  bytes = 0;

  get(number: number): Block {
    const value = this.#values[number];
    if (value === undefined) throw new Error(`there is no large value ${number}`);
    return value;
  }

  /** A copy of `bytes[start, end)`. */
  add(bytes: Buffer, start: number, end: number): number {
    const value = Block.ofSize(end - start);
    bytes.copy(value.bytes, 0, start, end);
    const number = this.#free.pop() ?? this.#values.length;
    this.#values[number] = value;
    this.bytes += end - start;
    return number;
  }

  remove(number: number): void {
    this.bytes -= this.get(number).bytes.length;
    this.#values[number] = undefined;
    this.#free.push(number);
  }

  clear(): void {
    this.#values.length = this.#free.length = 0;
    this.bytes = 0;
  }
}
