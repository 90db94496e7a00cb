// Everything that is left to chance in a simulation: which of several ready sockets comes first, how much of a write the
// kernel takes, how long a segment is under way. One list of numbers decides, so that a run can be had again, and made
// smaller by a tool that shrinks lists of numbers.

import { invalidArgument, describe } from '../errors.js';

/**
 * Where chance comes from: a seed, or the numbers themselves (each an integer from 0; past their end it is 0, which is the
 * plain choice: the first, all of it, no delay).
 */
export type Schedule = number | readonly number[];

export interface Choices {
  /** An integer from 0 to below `count`. */
  below(count: number): number;
  /** Whether anything is left to chance at all. */
  readonly random: boolean;
}

/** No chance: always the first, the whole, no delay. */
export const PLAIN: Choices = { below: () => 0, random: false };

/** @throws TypeError for anything but a number, a list of numbers, or undefined. */
export function choicesOf(schedule: Schedule | undefined): Choices {
  if (schedule === undefined) return PLAIN;
  if (typeof schedule === 'number' && Number.isFinite(schedule))
    return { below: randomBelow(schedule), random: true };
  if (Array.isArray(schedule) && schedule.every((choice) => Number.isInteger(choice) && choice >= 0)) {
    const choices = schedule as readonly number[];
    let at = 0;
    return { below: (count) => (choices[at++] ?? 0) % count, random: true };
  }
  throw invalidArgument(
    `a schedule must be a seed or a list of integers from 0, not ${describe(schedule)}`,
    'ERR_INVALID_ARG_TYPE',
  );
}

/** Marsaglia's xorshift of 32 bits, started from a scrambled seed: small, and the same everywhere. */
function randomBelow(seed: number): (count: number) => number {
  let state = Math.imul((seed ^ (seed / 0x1_0000_0000)) | 1, 0x9e37_79b1) | 1;
  return (count) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % count;
  };
}
