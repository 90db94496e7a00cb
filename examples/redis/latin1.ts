// Strings with one character a byte, and a quick way to those that are made again and again.

/** Node's own `toString('latin1', …)` ends in this method; without what comes before, short strings cost less. */
interface Latin1Buffer extends Buffer {
  latin1Slice(start: number, end: number): string;
}

export function latin1(bytes: Buffer, start: number, end: number): string {
  if (end - start > 3) return (bytes as Latin1Buffer).latin1Slice(start, end);
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}

const LONGEST = 32;
const SLOTS = 4096;

/**
 * Strings for short keys. To make a string and its hash takes longer than to look at the bytes of the one made last
 * time: every sequence of bytes has one slot, and whatever was there before has to go.
 */
export class KeyCache {
  readonly #keys = Array.from({ length: SLOTS }, () => '');
  readonly #bytes = new Uint8Array(SLOTS * LONGEST);

  key(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length > LONGEST) return latin1(bytes, start, end);
    let hash = length;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const cached = this.#keys[slot] ?? '';
    if (cached.length === length && this.#holds(slot, bytes, start, length)) return cached;
    const key = latin1(bytes, start, end);
    this.#keys[slot] = key;
    bytes.copy(this.#bytes, slot * LONGEST, start, end);
    return key;
  }

  #holds(slot: number, bytes: Buffer, start: number, length: number): boolean {
    const known = this.#bytes;
    const offset = slot * LONGEST;
    for (let at = 0; at < length; at++) if (known[offset + at] !== bytes[start + at]) return false;
    return true;
  }
}
