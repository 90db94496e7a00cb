// A lane in pieces: each with its column and the time it takes, without regard to what may follow what.

import { laneError, type LaneText } from './lane-error.js';
import { hexAt, textAt, type Literal } from './lane-literal.js';
import { framesOf, timeAt } from './lane-time.js';
import { isName, valueOf, type WireValues } from './lane-values.js';

/** What happens in a lane. `fin` is the end of that direction; `stop` and `go` are the client's reading. */
export type MarbleKind = 'data' | 'fin' | 'reset' | 'close' | 'connect' | 'stop' | 'go';

/** One piece of a lane. */
export interface Token {
  /** `nothing` is time that passes; `open` and `shut` are the parentheses of a group. */
  readonly kind: MarbleKind | 'nothing' | 'open' | 'shut';
  /** Of its first character, 0-based. */
  readonly column: number;
  /** The column after it. */
  readonly end: number;
  /** The time it takes, in ms. */
  readonly frames: number;
  readonly bytes?: Buffer;
}

/** The signs, by what they mean. */
export const SIGNS: Readonly<Record<Exclude<MarbleKind, 'data'>, string>> = {
  fin: '|',
  reset: '#',
  close: '!',
  connect: '^',
  stop: '[',
  go: ']',
};

const KINDS: ReadonlyMap<string, Token['kind']> = new Map<string, Token['kind']>([
  ['-', 'nothing'],
  ['(', 'open'],
  [')', 'shut'],
  ...(Object.entries(SIGNS) as [Token['kind'], string][]).map(([kind, sign]) => [sign, kind] as const),
]);

const EXPECTED =
  'a letter or digit, {name}, \'text\', "text", <hex>, (group), - | # ! ^ [ ] or a time such as " 20ms "';

/**
 * The pieces of a lane in order; spaces are none.
 *
 * @throws TypeError for what is no piece, with its column.
 */
export function tokensOf(lane: LaneText, values: WireValues): Token[] {
  const tokens: Token[] = [];
  let column = 0;
  let grouped = false;
  while (column < lane.text.length) {
    if (lane.text[column] === ' ') {
      column += 1;
      continue;
    }
    const token = tokenAt(lane, column, values, grouped);
    tokens.push(token);
    column = token.end;
    if (token.kind === 'open') grouped = true;
    if (token.kind === 'shut') grouped = false;
  }
  return tokens;
}

function tokenAt(lane: LaneText, column: number, values: WireValues, grouped: boolean): Token {
  const character = String.fromCodePoint(lane.text.codePointAt(column) as number);
  const end = column + character.length;
  const kind = KINDS.get(character);
  if (kind !== undefined) return { kind, column, end, frames: 1 };
  if (/\d/.test(character)) {
    const time = grouped ? undefined : timeAt(lane, column);
    if (time !== undefined) return { kind: 'nothing', column, ...time };
  }
  if (isName(character)) {
    return {
      kind: 'data',
      column,
      end,
      frames: 1,
      bytes: valueOf(lane, column, character, values, character),
    };
  }
  const literal = literalAt(lane, column, character, values);
  if (literal === undefined) {
    throw laneError(lane, column, `expected ${EXPECTED}, not ${JSON.stringify(character)}`);
  }
  const text = lane.text.slice(column, literal.end);
  const counted = character === '<' ? text.replaceAll(' ', '') : text;
  return { kind: 'data', column, end: literal.end, frames: framesOf(counted), bytes: literal.bytes };
}

function literalAt(
  lane: LaneText,
  column: number,
  character: string,
  values: WireValues,
): Literal | undefined {
  if (character === "'" || character === '"') return textAt(lane, column);
  if (character === '<') return hexAt(lane, column);
  if (character !== '{') return undefined;
  const { name, end } = nameAt(lane, column);
  return { bytes: valueOf(lane, column, name, values), end };
}

/** Reads `{name}`, whose brace is at that column. Spaces inside belong to the name. */
export function nameAt(lane: LaneText, column: number): { readonly name: string; readonly end: number } {
  const close = lane.text.indexOf('}', column);
  if (close < 0) throw laneError(lane, column, 'the name is not closed: expected }');
  const name = lane.text.slice(column + 1, close);
  if (name.trim() === '') throw laneError(lane, column, 'expected a name between { and }');
  return { name, end: close + 1 };
}
