// One lane of a wire diagram: what one side of a connection does, in the language of RxJS marbles made for bytes.

import { describe, invalidArgument } from '../errors.js';
import { laneError, laneText, type LaneText } from './lane-error.js';
import { checkOrder, type Side } from './lane-order.js';
import { milliseconds } from './lane-time.js';
import { tokensOf, type MarbleKind, type Token } from './lane-tokens.js';
import type { WireValues } from './lane-values.js';

export type { Side } from './lane-order.js';
export { parseSigns, type Sign, type Signs } from './lane-signs.js';
export type { MarbleKind } from './lane-tokens.js';
export { bytesOf, type HexValue, type WireValue, type WireValues } from './lane-values.js';

/** Something that happens in a lane. */
export interface Marble {
  /** In ms from the beginning of the lane; not always a whole number. */
  readonly at: number;
  readonly kind: MarbleKind;
  /** Of `data`: at least one byte. */
  readonly bytes?: Buffer;
  /** Of its first character in the lane's text, 0-based. */
  readonly column: number;
  /** The column of the parenthesis, for what stands in a group. */
  readonly group?: number;
}

/** A lane that has been read. */
export interface Lane {
  readonly text: string;
  readonly side: Side;
  /** In the order in which they happen. */
  readonly marbles: readonly Marble[];
  /** In ms. */
  readonly duration: number;
}

/**
 * Reads a lane. One character is one frame, which is one virtual millisecond; spaces take no time and serve to align lanes.
 *
 * | written | what it is |
 * | --- | --- |
 * | `-` | a frame in which nothing happens |
 * | ` 20ms `, ` 1.5s `, ` 2m ` | that much time, between spaces |
 * | `a`, `7` | data: the bytes `values.a`, or the character itself |
 * | `{ping}` | data: the bytes `values.ping` |
 * | `'PING\r\n'`, `"…"` | data: a text with JavaScript's escapes, in UTF-8 |
 * | `<0d 0a ff>` | data: bytes |
 * | `\|`, `#` | FIN, the end of this direction; RST |
 * | `!` | this side closes its end |
 * | `^` | the client connects; the server accepts it |
 * | `[`, `]` | the client stops reading; it reads again |
 * | `(…)` | all of it at the frame of the parenthesis: data side by side is one segment, and takes a `\|` with it |
 *
 * What takes several characters happens at the first, and takes as many frames as it has characters; spaces count inside
 * quotes and braces only.
 *
 * @example
 * parseLane('^-{ping}---|', 'client', { ping: 'PING\r\n' });
 * // connect at 0 ms, data at 2 ms, fin at 11 ms
 * @throws TypeError that shows the place, for what cannot be read and for what cannot happen: data after FIN, say.
 */
export function parseLane(text: string, side: Side, values: WireValues = {}): Lane {
  const lane = laneText(`${side} lane`, text, '^--a--b|');
  if (typeof values !== 'object' || values === null) {
    throw invalidArgument(
      `values of the ${side} lane must be an object such as { a: "PING\\r\\n" }, not ${describe(values)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  const tokens = tokensOf(lane, values);
  checkOrder(lane, side, tokens);
  return { text, side, ...marblesOf(lane, tokens) };
}

/** Where in a lane's text a time is: the column of what is written there, or one behind its end. */
export function columnAt(
  { text, side }: Pick<Lane, 'text' | 'side'>,
  values: WireValues,
  at: number,
): number {
  let now = 0;
  for (const { column, frames } of tokensOf(laneText(`${side} lane`, text, ''), values)) {
    if (now + frames > at) return column;
    now = milliseconds(now + frames);
  }
  const end = text.trimEnd().length;
  return at - now < FAR ? end + Math.floor(at - now) : end;
}

/** A place that is further behind the end of a lane is not shown: just that it is behind it. */
const FAR = 40;

/** When everything happens, groups put together; whatever its order is. */
export function marblesOf(lane: LaneText, tokens: readonly Token[]): Pick<Lane, 'marbles' | 'duration'> {
  const marbles: Marble[] = [];
  let now = 0;
  let open: Token | undefined;
  let openedAt = 0;
  for (const token of tokens) {
    checkGroup(lane, token, open);
    if (token.kind === 'open') {
      open = token;
      openedAt = now;
    } else if (token.kind === 'shut') {
      if (marbles.at(-1)?.group !== open?.column) throw laneError(lane, open?.column ?? 0, 'an empty group');
      open = undefined;
    } else if (token.kind !== 'nothing') {
      addMarble(marbles, token.kind, token, open === undefined ? now : openedAt, open?.column);
    }
    now = milliseconds(now + token.frames);
  }
  if (open !== undefined) throw laneError(lane, open.column, 'the group is not closed: expected )');
  return { marbles, duration: now };
}

function checkGroup(lane: LaneText, token: Token, open: Token | undefined): void {
  const { kind, column } = token;
  if (kind === 'open' && open !== undefined) {
    throw laneError(lane, column, `a group inside the group at column ${open.column}`);
  }
  if (kind === 'shut' && open === undefined) throw laneError(lane, column, 'a ")" without its "("');
  if (kind === 'nothing' && open !== undefined) {
    throw laneError(lane, column, 'no time passes inside a group: everything in it happens at once');
  }
}

function addMarble(
  marbles: Marble[],
  kind: MarbleKind,
  token: Token,
  at: number,
  group: number | undefined,
): void {
  const last = marbles.at(-1);
  if (kind === 'data' && group !== undefined && last?.kind === 'data' && last.group === group) {
    const bytes = Buffer.concat([last.bytes as Buffer, token.bytes as Buffer]);
    marbles[marbles.length - 1] = { ...last, bytes };
    return;
  }
  marbles.push({
    at,
    kind,
    column: token.column,
    ...(token.bytes === undefined ? {} : { bytes: token.bytes }),
    ...(group === undefined ? {} : { group }),
  });
}
