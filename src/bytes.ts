// What may be written, and copies of what was read.

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

/** A copy of `source[start, end)`: from Node's pool while it is small, so that nothing large is kept alive by it. */
export function copyBytes(source: Uint8Array, start: number, end: number): Buffer {
  const length = end - start;
  const copy = length < Buffer.poolSize >>> 1 ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
  copy.set(start === 0 && end === source.length ? source : source.subarray(start, end));
  return copy;
}
