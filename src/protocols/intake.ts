// What has arrived and belongs to no frame yet. The one place that keeps a part of a frame until the rest comes.
//
// A chunk is read where it lies, which may be a window that the next turn overwrites. Only the beginning of a frame that
// has not arrived whole is kept, in a buffer of its own that grows by doubling: a long frame is copied a bounded number of
// times however it is cut, a small rest keeps no large chunk alive, and between two frames there is nothing to keep. The
// rest of such a frame is copied behind its beginning; what follows it in the chunk is not.
//
// Offsets are counted from the beginning of the frame, wherever its bytes lie.

import { copyBytes } from '../bytes.js';

const NOTHING: Buffer = Buffer.alloc(0);
/** The smallest buffer for a rest, in bytes. */
const SMALLEST = 64;

/** What a decoder says when the next frame has not arrived whole. */
export const MORE: unique symbol = Symbol('evio.more');

export class Intake {
  /** Where the bytes that were taken last lie: `bytes[start, end)`. */
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;
  #chunk: Buffer = NOTHING;
  #at = 0;
  /** The chunk lies in a window. */
  #lent = false;
  /** User code must get copies of the chunk. */
  #copy = false;
  /** The beginning of a frame, from earlier chunks; absent when there is none. */
  #rest: Buffer | undefined;
  #kept = 0;
  /** No delimiter begins before this. */
  #scanned = 0;

  /** How many bytes there are. */
  get length(): number {
    return this.#kept + this.#chunk.length - this.#at;
  }

  /** The chunk before must have been used up, or kept. */
  feed(chunk: Buffer, lent: boolean, copy: boolean): void {
    this.#chunk = chunk;
    this.#at = 0;
    this.#lent = lent;
    this.#copy = copy;
  }

  /** One byte of those that there are. */
  at(offset: number): number {
    const byte = offset < this.#kept ? this.#rest?.[offset] : this.#chunk[this.#at + offset - this.#kept];
    return byte ?? 0;
  }

  /** Where the delimiter begins, or -1. Where one has been looked for in vain it is not looked for again. */
  find(delimiter: Uint8Array): number {
    for (let offset = this.#scanned; offset < this.#kept; offset++) {
      if (this.#isAt(offset, delimiter)) return offset;
    }
    const from = this.#at + Math.max(0, this.#scanned - this.#kept);
    const wanted = delimiter.length === 1 ? (delimiter[0] ?? 0) : delimiter;
    const found = this.#chunk.indexOf(wanted, from);
    if (found >= 0) return found - this.#at + this.#kept;
    this.#scanned = Math.max(0, this.length - delimiter.length + 1);
    return -1;
  }

  #isAt(offset: number, delimiter: Uint8Array): boolean {
    if (offset + delimiter.length > this.length) return false;
    for (let i = 0; i < delimiter.length; i++) {
      if (this.at(offset + i) !== delimiter[i]) return false;
    }
    return true;
  }

  /** Takes that many bytes, at least those that were kept: they lie in `bytes[start, end)`, until the next call. */
  take(length: number): void {
    this.#scanned = 0;
    if (this.#rest === undefined) {
      this.bytes = this.#chunk;
      this.start = this.#at;
      this.#at += length;
      this.end = this.#at;
      return;
    }
    this.#append(length - this.#kept, length);
    this.bytes = this.#rest;
    this.start = 0;
    this.end = length;
    this.#rest = undefined;
    this.#kept = 0;
  }

  /** A part of what was taken, for user code. */
  slice(from: number, to: number): Buffer {
    const start = this.start + from;
    const end = this.start + to;
    // A rest has been given up by now. It may have grown longer than it had to.
    const copy = this.bytes === this.#chunk ? this.#copy : 2 * (to - from) < this.bytes.length;
    return copy ? copyBytes(this.bytes, start, end) : this.bytes.subarray(start, end);
  }

  /** A part of what was taken, which is not handed on before later chunks have come. */
  sliceToKeep(from: number, to: number): Buffer {
    const lent = this.#lent && this.bytes === this.#chunk;
    return lent ? copyBytes(this.bytes, this.start + from, this.start + to) : this.slice(from, to);
  }

  /** A part of what was taken, as text. */
  text(from: number, to: number, encoding: 'utf8' | 'latin1'): string {
    return this.bytes.toString(encoding, this.start + from, this.start + to);
  }

  /** Lets go of the chunk: what is left of it is kept, in no more room than `wanted`, if that is known. */
  keep(wanted: number = Infinity): void {
    const left = this.#chunk.length - this.#at;
    if (left > 0) this.#append(left, wanted);
    this.#letGo();
  }

  #append(count: number, wanted: number): void {
    const needed = this.#kept + count;
    const old = this.#rest;
    let rest = old;
    if (rest === undefined || needed > rest.length) {
      const room = Math.min(Math.max(SMALLEST, 2 * (old?.length ?? 0)), wanted);
      rest = Buffer.allocUnsafe(Math.max(needed, room));
      old?.copy(rest, 0, 0, this.#kept);
      this.#rest = rest;
    }
    this.#chunk.copy(rest, this.#kept, this.#at, this.#at + count);
    this.#kept = needed;
    this.#at += count;
  }

  /** Everything that is left, in order and to keep; nothing is left after that. */
  leftovers(): Buffer[] {
    const left: Buffer[] = [];
    if (this.#rest !== undefined) left.push(this.#rest.subarray(0, this.#kept));
    if (this.#at < this.#chunk.length) {
      const { length } = this.#chunk;
      left.push(this.#lent ? copyBytes(this.#chunk, this.#at, length) : this.#chunk.subarray(this.#at));
    }
    this.clear();
    return left;
  }

  clear(): void {
    this.#rest = undefined;
    this.#kept = this.#scanned = 0;
    this.#letGo();
  }

  #letGo(): void {
    this.#chunk = this.bytes = NOTHING;
    this.#at = this.start = this.end = 0;
  }
}
