// What is wrong with a lane, and where: one line in words, then the lane, then a caret below the place.

import { describe, invalidArgument } from '../errors.js';

/** The text of a lane, and what the lane is called in messages: `client lane`. */
export interface LaneText {
  readonly name: string;
  readonly text: string;
}

/**
 * A lane as it was given, if it is one.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE) for anything but a string.
 */
export function laneText(name: string, text: unknown, example: string): LaneText {
  if (typeof text === 'string') return { name, text };
  throw invalidArgument(
    `the ${name} must be a string such as "${example}", not ${describe(text)}`,
    'ERR_INVALID_ARG_TYPE',
  );
}

/**
 * A `TypeError` that shows the place.
 *
 * @param column - in the lane's text, 0-based; without spaces before it, that is the millisecond too
 * @param what - what is wrong, and what was expected
 * @example
 * throw laneError(lane, 4, 'expected …, not "?"');
 * // client lane, column 4: expected …, not "?"
 * //   --a-?b
 * //       ^
 */
export function laneError(lane: LaneText, column: number, what: string, code?: string): TypeError {
  const before = lane.text.slice(0, column);
  return invalidArgument(
    `${lane.name}, column ${column}: ${what}\n  ${lane.text}\n  ${blanksLike(before)}^`,
    code,
  );
}

/** As wide as a text: one blank a character, and tabs as they are. */
function blanksLike(text: string): string {
  return text.replace(/[^\t]/gu, ' ');
}
