// What the options of framing operators have in common.

import { describe, invalidArgument } from '../errors.js';
import { integer } from '../options.js';

/**
 * What becomes of bytes at the end of input that make no whole frame: they are emitted as a last, shorter frame; or the
 * stream errors with ERR_EVIO_FRAME_TRUNCATED; or they are dropped.
 */
export type Rest = 'emit' | 'error' | 'drop';

/** Frames may not be longer than this: an array buffer of that size can be had everywhere. */
export const LONGEST = 0x7fff_ffff;

export function maxOf(value: unknown, fallback: number): number {
  return integer('max', value, fallback, 1, LONGEST);
}

/** @throws TypeError that names the option and lists what is valid. */
export function choice<T extends string>(name: string, value: unknown, fallback: T, valid: readonly T[]): T {
  if (value === undefined) return fallback;
  if (valid.includes(value as T)) return value as T;
  const list = valid.map((one) => JSON.stringify(one)).join(', ');
  throw invalidArgument(`option ${name} must be one of ${list}, not ${describe(value)}`);
}
