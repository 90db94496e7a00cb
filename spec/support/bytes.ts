// Bytes whose every place is recognisable, so that loss, doubling and reordering all show in a hash.

import { createHash } from 'node:crypto';

export const KIB = 1024;
export const MIB: number = 1024 * KIB;

/** How far seeds are apart in what is generated, in words; a prime, so that no two of the 2^18 starts are the same. */
const STRIDE = 4093;
const STARTS = 2 ** 18;

/** What has been generated so far: it takes longer than all that is done with it, so it is done once. */
let words = new Uint32Array(0);
let state = 0x9e37_79b9;

function generate(count: number): void {
  const from = words.length;
  if (count <= from) return;
  const more = new Uint32Array(Math.max(count, Math.min(2 * from, 2 ** 22)));
  more.set(words);
  let next = state;
  for (let i = from; i < more.length; i++) {
    next ^= next << 13;
    next ^= next >>> 17;
    next ^= next << 5;
    more[i] = next;
  }
  words = more;
  state = next;
}

/** Pseudo-random bytes of one's own: the same for the same seed, others for another, and nowhere periodic within reach. */
export function pattern(length: number, seed = 1): Buffer {
  const start = (seed * STRIDE) % STARTS;
  generate(start + Math.ceil(length / 4));
  return Buffer.from(words.buffer.slice(4 * start, 4 * start + length));
}

export function hash(bytes: Uint8Array | readonly Uint8Array[]): string {
  const sha = createHash('sha1');
  for (const part of bytes instanceof Uint8Array ? [bytes] : bytes) sha.update(part);
  return sha.digest('hex');
}
