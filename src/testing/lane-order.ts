// What may follow what in a lane: nothing is sent after a FIN, and nothing happens before the connection is there.

import { laneError, type LaneText } from './lane-error.js';
import { SIGNS, type MarbleKind, type Token } from './lane-tokens.js';

/** Who acts in a lane. */
export type Side = 'client' | 'server';

type Order = ReadonlyMap<MarbleKind, readonly MarbleKind[]>;

/**
 * What may come after an end, by who acts. A client that has sent FIN may still read, and give up. A server's `!` is that its
 * connection has closed, which is news of its own and comes before or after what the client sees of it.
 */
const AFTER: Readonly<Record<Side, Order>> = {
  client: new Map<MarbleKind, readonly MarbleKind[]>([
    ['fin', ['stop', 'go', 'reset', 'close']],
    ['reset', []],
    ['close', []],
  ]),
  server: new Map<MarbleKind, readonly MarbleKind[]>([
    ['fin', ['reset', 'close']],
    ['reset', ['close']],
    ['close', ['fin', 'reset']],
  ]),
};

/** @throws TypeError for what cannot happen there, with its column. */
export function checkOrder(lane: LaneText, side: Side, tokens: readonly Token[]): void {
  const before: Token[] = [];
  for (const token of tokens) {
    const { kind, column } = token;
    if (kind === 'nothing' || kind === 'open' || kind === 'shut') continue;
    if (side === 'server' && (kind === 'stop' || kind === 'go')) {
      throw laneError(
        lane,
        column,
        `"${SIGNS[kind]}" is for the client lane: it is the client that stops reading`,
      );
    }
    checkConnect(lane, token, before);
    for (const end of before) checkAfter(lane, side, token, end);
    before.push(token);
  }
}

function checkConnect(lane: LaneText, token: Token, before: readonly Token[]): void {
  const [first] = before;
  if (token.kind !== 'connect' || first === undefined) return;
  throw laneError(
    lane,
    token.column,
    first.kind === 'connect'
      ? `a second "^": the first is at column ${first.column}, and a lane is one connection`
      : `"^" must come before everything else that happens, and something does at column ${first.column}`,
  );
}

function checkAfter(lane: LaneText, side: Side, token: Token, end: Token): void {
  const allowed = AFTER[side].get(end.kind as MarbleKind);
  if (allowed === undefined || allowed.includes(token.kind as MarbleKind)) return;
  const written = ({ column, end }: Token): string => `"${lane.text.slice(column, end)}"`;
  const signs = allowed.map((kind) => (kind === 'data' ? '' : `${SIGNS[kind]} `)).join('');
  throw laneError(
    lane,
    token.column,
    `${written(token)} cannot follow the ${written(end)} at column ${end.column}: only ${signs}- spaces and time may`,
  );
}
