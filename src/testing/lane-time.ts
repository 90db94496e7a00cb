// Time in a lane: ` 20ms `, as in RxJS.

import { laneError, type LaneText } from './lane-error.js';

/** Some of a lane's time, and the column after what stands for it. */
export interface Time {
  readonly frames: number;
  readonly end: number;
}

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };
const TIME = /(\d+(?:\.\d+)?)(ms|s|m)(?= |$)/y;
const LIKE_TIME = /\d+ms/y;

/** Sums of milliseconds without what binary fractions leave over: `0.1 + 0.2`. */
export function milliseconds(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/** The frames of a text: one a character, as RxJS counts them, by code points. */
export function framesOf(text: string): number {
  return Array.from(text).length;
}

/**
 * The time that begins at a column, if one does: a number with `ms`, `s` or `m`, between spaces or the ends of the lane.
 *
 * @throws TypeError for `20ms` without a space on both sides. RxJS takes it as four values, which nobody means who writes it.
 */
export function timeAt(lane: LaneText, column: number): Time | undefined {
  const { text } = lane;
  const before = text[column - 1] ?? ' ';
  TIME.lastIndex = column;
  const [all = '', number = '', unit = ''] = (before === ' ' && TIME.exec(text)) || [];
  if (all !== '') return { frames: milliseconds(Number(number) * (MS[unit] ?? 1)), end: column + all.length };
  LIKE_TIME.lastIndex = column;
  const [like] = LIKE_TIME.exec(text) ?? [];
  if (like !== undefined && !/\d/.test(before)) {
    throw laneError(lane, column, `a time needs a space on both sides, as in " ${like} "`);
  }
  return undefined;
}
