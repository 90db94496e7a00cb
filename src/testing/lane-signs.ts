// Lanes of numbers and signs: what is read off at a time, not what is sent.

import { laneError, laneText } from './lane-error.js';
import { framesOf, milliseconds, timeAt } from './lane-time.js';
import { nameAt } from './lane-tokens.js';

/** One sign of a lane. */
export interface Sign {
  /** In ms from the beginning of the lane. */
  readonly at: number;
  /** The character, or what stands in braces. */
  readonly sign: string;
  /** Of its first character in the lane's text, 0-based. */
  readonly column: number;
}

/** A lane of signs, and how long it is in ms. */
export interface Signs {
  readonly signs: readonly Sign[];
  readonly duration: number;
}

/**
 * Reads a lane of numbers or signs, as for what is queued at a time. Any character is a sign, what
 * takes several stands in braces, and what a sign means is the caller's business. `-`, spaces and times are as in every lane. There are no groups: at one time there is one sign.
 *
 * @example
 * parseSigns('--0-{64} 20ms 0'); // 0 at 2 ms, 64 at 4 ms, 0 at 28 ms
 * @throws TypeError for anything but a string, for parentheses, and for a brace without its other.
 */
export function parseSigns(text: string): Signs {
  const lane = laneText('lane of signs', text, '--0-{64}--0');
  const signs: Sign[] = [];
  let at = 0;
  let column = 0;
  while (column < text.length) {
    const character = String.fromCodePoint(text.codePointAt(column) as number);
    const time = /\d/.test(character) ? timeAt(lane, column) : undefined;
    let end = time?.end ?? column + character.length;
    let frames = time?.frames ?? (character === ' ' ? 0 : 1);
    if (/[()}]|[^\S ]/.test(character)) {
      throw laneError(
        lane,
        column,
        `expected a sign, {name}, - or a time such as " 20ms ", not ${JSON.stringify(character)}`,
      );
    }
    if (time === undefined && frames === 1 && character !== '-') {
      const named = character === '{' ? nameAt(lane, column) : undefined;
      signs.push({ at, sign: named?.name ?? character, column });
      if (named !== undefined) {
        end = named.end;
        frames = framesOf(named.name) + 2;
      }
    }
    at = milliseconds(at + frames);
    column = end;
  }
  return { signs, duration: at };
}
