// What may be written, and copies of what was read.

import { markAsUntransferable } from 'node:worker_threads';

import { describe, invalidArgument } from './errors.js';

/** What a connection sends. Strings are UTF-8. */
export type Bytes = Uint8Array | string;

/**
 * Bytes as they go out.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE) for anything but a string, a Buffer or a Uint8Array.
 */
export function toBytes(bytes: Bytes): Uint8Array {
  if (typeof bytes === 'string') return Buffer.from(bytes);
  if (bytes instanceof Uint8Array) return bytes;
  throw invalidArgument(
    `bytes must be a string, a Buffer or a Uint8Array, not ${describe(bytes)}`,
    'ERR_INVALID_ARG_TYPE',
  );
}

/** Copies of less than this, and too long for Node's pool, are cut out of one block of this many bytes. */
const SHARED = 8 * 1024;
const BLOCK = 32 * 1024;
let block: ArrayBufferLike | undefined;
let used = 0;

/** Copies from this length on make a heap grow by megabytes between two collections. */
const LARGE = 32 * 1024;
/** glibc adapts to freed blocks of 32 MiB and less. */
const ADAPTING = 31 * 1024 * 1024;
let adapted = false;

/**
 * A copy of `source[start, end)`: out of a larger block while it is small. What keeps a copy alive keeps no more than Node's
 * pool, or eight times its length.
 *
 * @throws RangeError when there is no memory.
 */
export function copyBytes(source: Uint8Array, start: number, end: number): Buffer {
  const length = end - start;
  const copy =
    length < Buffer.poolSize >>> 1
      ? Buffer.allocUnsafe(length)
      : length < SHARED
        ? cutFromBlock(length)
        : Buffer.allocUnsafeSlow(length);
  if (length >= LARGE && !adapted) adaptAllocator();
  copy.set(start === 0 && end === source.length ? source : source.subarray(start, end));
  return copy;
}

/** Memory of its own costs as much as copying several KiB into it, and is longer in coming back. */
function cutFromBlock(length: number): Buffer {
  if (block === undefined || used + length > BLOCK) {
    block = Buffer.allocUnsafeSlow(BLOCK).buffer;
    markAsUntransferable(block); // as Node's pool is: with one copy all would go
    used = 0;
  }
  const copy = Buffer.from(block, used, length);
  used += (length + 7) & ~7; // so that any typed array can be laid over it
  return copy;
}

/**
 * glibc gives what is free at the end of its heap back to the kernel, above a threshold of twice the largest block that was
 * freed so far (mallopt(3): M_TRIM_THRESHOLD, M_MMAP_THRESHOLD). By chance of what else lies there, some processes gave
 * back all that a collection had freed, and fetched it again page by page: 3 to 4 times the CPU time per byte. A block that
 * nobody touches, freed by the next collection, has up to 62 MiB stay instead. Thresholds in the environment
 * (MALLOC_TRIM_THRESHOLD_) and other C libraries are not affected.
 */
function adaptAllocator(): void {
  adapted = true;
  try {
    Buffer.allocUnsafeSlow(ADAPTING);
  } catch {
    // RangeError: where so much is not to be had, nothing would be kept either.
  }
}
