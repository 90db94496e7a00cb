// Bytes whose every place is recognisable, so that loss, doubling and reordering all show in a hash.

import { createHash } from 'node:crypto';

export const KIB = 1024;
export const MIB: number = 1024 * KIB;

/** Pseudo-random bytes: the same for the same seed, and nowhere periodic within reach. */
export function pattern(length: number, seed = 1): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (seed * 0x9e37_79b9) >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

export function hash(bytes: Uint8Array | readonly Uint8Array[]): string {
  const sha = createHash('sha1');
  for (const part of bytes instanceof Uint8Array ? [bytes] : bytes) sha.update(part);
  return sha.digest('hex');
}
