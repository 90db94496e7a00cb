// Unsigned LEB128, as in Protocol Buffers: seven bits a byte, the lowest first, and a bit that says whether more follow.

import { invalid } from './frame-errors.js';
import type { Intake } from './intake.js';

/** Of Number.MAX_SAFE_INTEGER, which has 53 bits. */
const LONGEST = 8;

/** How many bytes a number takes. */
export function varintSize(value: number): number {
  let size = 1;
  for (let left = value; left >= 128; left = Math.floor(left / 128)) size += 1;
  return size;
}

export function writeVarint(to: Buffer, value: number): void {
  let left = value;
  let at = 0;
  for (; left >= 128; left = Math.floor(left / 128)) to[at++] = (left % 128) + 128;
  to[at] = left;
}

/** How many bytes the number that has arrived takes; 0 when it has not arrived whole. */
export function varintEnd(intake: Intake, operator: string): number {
  const there = Math.min(intake.length, LONGEST);
  for (let at = 0; at < there; at++) {
    if (intake.at(at) < 128) return at + 1;
  }
  if (there === LONGEST) throw invalid(operator, `a varint of more than ${LONGEST} bytes`);
  return 0;
}

/** @throws EvioError for a number above 2^53 - 1, and for one that would have fitted into fewer bytes. */
export function readVarint(intake: Intake, size: number, operator: string): number {
  let value = 0;
  for (let at = size - 1; at >= 0; at--) value = value * 128 + (intake.at(at) & 127);
  if (size > 1 && intake.at(size - 1) === 0)
    throw invalid(operator, 'a varint with more bytes than it needs');
  if (!Number.isSafeInteger(value)) throw invalid(operator, 'a varint above 2^53 - 1');
  return value;
}
