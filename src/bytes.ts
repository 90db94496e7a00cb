// What may be written, and copies of what was read.

import { describe, invalidArgument } from './errors.js';
import { viewOf } from './window.js';

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

/** Copies from this length on make a heap grow by megabytes between two collections. */
const LARGE = 4 * 1024;
/** glibc adapts to freed blocks of 32 MiB and less. */
const ADAPTING = 31 * 1024 * 1024;
let adapted = false;

/**
 * A copy of `source[start, end)`: from Node's pool while it is small, so that nothing large is kept alive by it.
 *
 * @throws RangeError when there is no memory.
 */
export function copyBytes(source: Uint8Array, start: number, end: number): Buffer {
  const copy = newMemory(end - start);
  copy.set(start === 0 && end === source.length ? source : viewOf(source, start, end));
  return copy;
}

/** @throws RangeError when there is none. */
export function newMemory(length: number): Buffer {
  if (length >= LARGE && !adapted) adaptAllocator();
  if (length < Buffer.poolSize >>> 1) return Buffer.allocUnsafe(length);
  return Buffer.allocUnsafeSlow(length);
}

/**
 * glibc gives what is free at the end of its heap back to the kernel, above a threshold of twice the largest block that was
 * freed so far (mallopt(3): M_TRIM_THRESHOLD, M_MMAP_THRESHOLD). By chance of what else lies there, some processes gave
 * back all that a collection had freed, and fetched it again page by page: up to 4 times the CPU time per byte, for messages
 * of 16 KiB too. A block that nobody touches, freed by the next collection, has up to 62 MiB stay instead. Thresholds in
 * the environment (MALLOC_TRIM_THRESHOLD_) and other C libraries are not affected.
 */
function adaptAllocator(): void {
  adapted = true;
  try {
    Buffer.allocUnsafeSlow(ADAPTING);
  } catch {
    // RangeError: where so much is not to be had, nothing would be kept either.
  }
}
