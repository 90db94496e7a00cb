// A stretch of memory: byte by byte, and four bytes at a time, which is what makes short keys and replies cheap.

/** Node's own `toString('latin1', …)` ends in this method; without what comes before, short strings cost less. */
interface Latin1Buffer extends Buffer {
  latin1Slice(start: number, end: number): string;
}

/** From here on, a call of `copy` is faster than a loop. */
const LONG = 128;

export class Block {
  readonly bytes: Buffer;
  readonly view: DataView;

  readonly #memory: ArrayBuffer;
  readonly #offset: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#memory = bytes.buffer as ArrayBuffer;
    this.#offset = bytes.byteOffset;
    this.view = new DataView(this.#memory, this.#offset, bytes.length);
  }

  static ofSize(size: number): Block {
    return new Block(Buffer.allocUnsafeSlow(size));
  }

  /** All of the memory in which a chunk lies, at `chunk.byteOffset`. */
  static around(chunk: Buffer): Block {
    const memory = chunk.buffer;
    if (memory === last.#memory) return last;
    last = new Block(chunk.length === memory.byteLength ? chunk : Buffer.from(memory));
    return last;
  }

  /** What `bytes.subarray` gives, sooner. */
  part(start: number, end: number): Buffer {
    return Buffer.from(this.#memory, this.#offset + start, end - start);
  }

  /** A string with one character a byte, so that every sequence of bytes has one of its own. */
  text(start: number, end: number): string {
    return (this.bytes as Latin1Buffer).latin1Slice(start, end);
  }
}

export const NO_BYTES = new Block(Buffer.alloc(0));

/** A poller's chunks come out of the same memory again and again, and to make a view of each would cost more than a short request. */
let last = NO_BYTES;

// What follows is on the way of every request. Four bytes are taken at a time, the last four of them again if the length is no
// multiple of that; the views are in variables, so that they are not looked up for each step of a loop.

/** Copies `from[start, end)` to `to[at…]`, which has the room. */
export function copyBytes(from: Block, start: number, end: number, to: Block, at: number): void {
  const length = end - start;
  if (length >= LONG) {
    from.bytes.copy(to.bytes, at, start, end);
    return;
  }
  const source = from.view;
  const target = to.view;
  if (length >= 4) {
    for (let step = 0; step < length - 4; step += 4) {
      target.setInt32(at + step, source.getInt32(start + step, true), true);
    }
    target.setInt32(at + length - 4, source.getInt32(end - 4, true), true);
  } else if (length > 0) {
    const middle = length >> 1;
    target.setInt8(at, source.getInt8(start));
    target.setInt8(at + middle, source.getInt8(start + middle));
    target.setInt8(at + length - 1, source.getInt8(end - 1));
  }
}

/** Whether `one[start, end)` is what `other` has from that offset on. */
export function isSame(one: DataView, start: number, end: number, other: DataView, at: number): boolean {
  const length = end - start;
  if (length < 4) return fewBytes(one, start, length) === fewBytes(other, at, length);
  for (let step = 0; step < length - 4; step += 4) {
    if (one.getInt32(start + step, true) !== other.getInt32(at + step, true)) return false;
  }
  return one.getInt32(end - 4, true) === other.getInt32(at + length - 4, true);
}

const FACTOR = 0x9e3779b1 | 0; // 2^32 divided by the golden ratio, and odd

/** A hash of 32 bits of `view[start, end)`. */
export function hashOf(view: DataView, start: number, end: number, seed: number): number {
  const length = end - start;
  let hash = seed ^ length;
  if (length < 4) {
    hash = Math.imul(hash ^ fewBytes(view, start, length), FACTOR);
  } else {
    for (let at = start; at < end - 4; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at, true), FACTOR);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ view.getInt32(end - 4, true), FACTOR);
  }
  return hash ^ (hash >>> 15);
}

/** Up to three bytes as a number, different for all that are different and as many. */
function fewBytes(view: DataView, start: number, length: number): number {
  if (length === 0) return 0;
  const middle = view.getUint8(start + (length >> 1)) << 8;
  return view.getUint8(start) | middle | (view.getUint8(start + length - 1) << 16);
}
