// Integers in decimal, as Redis reads and writes them, without a string on the way.

const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const MAX_INT32 = 0x7fff_ffff;

/** With no plus sign and no leading zeros; NaN when it is none. Exact up to 15 digits. */
export function parseInteger(bytes: Buffer, start: number, end: number): number {
  const negative = bytes[start] === MINUS;
  const first = negative ? start + 1 : start;
  if (first >= end || (bytes[first] === ZERO && (negative || end > first + 1))) return NaN;
  let number = 0;
  for (let at = first; at < end; at++) {
    const digit = bytes[at] ?? 0;
    if (digit < ZERO || digit > NINE) return NaN;
    number = number * 10 + (digit - ZERO);
  }
  return negative ? -number : number;
}

/**
 * Writes a safe integer at that offset; there must be room for 17 bytes.
 * @returns where it ends
 */
export function writeInteger(to: Buffer, at: number, value: number): number {
  let rest = value;
  let end = at;
  if (rest < 0) {
    to[end++] = MINUS;
    rest = -rest;
  }
  let digits = 1;
  for (let limit = 10; rest >= limit; limit *= 10) digits++;
  end += digits;
  let place = end - 1;
  for (; rest > MAX_INT32; place--) {
    const tenth = Math.floor(rest / 10);
    to[place] = ZERO + (rest - tenth * 10);
    rest = tenth;
  }
  // What fits into 32 bits the machine divides as integers.
  for (; place >= end - digits; place--) {
    const tenth = ((rest | 0) / 10) | 0;
    to[place] = ZERO + (rest - tenth * 10);
    rest = tenth;
  }
  return end;
}
