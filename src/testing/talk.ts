// Lanes of clients that say the same, but go earlier, or read otherwise.

import { parseLane } from './diagram.js';
import type { Lane, WireValues } from './diagram.js';
import { formatLane } from './lane-text.js';
import type { WireEvent } from './lane-text.js';

/** Something that clients say. */
export interface Talk {
  /** A client's lane. */
  readonly client: string;
  /** What its names stand for. */
  readonly values?: WireValues;
}

/** When a client connects, and when it has said everything. */
export function spanOf(talk: Talk): { readonly from: number; readonly to: number } {
  const { marbles, duration } = laneOf(talk);
  return { from: marbles.find(({ kind }) => kind === 'connect')?.at ?? 0, to: duration };
}

/** The moments at which something is said, and those just after. */
export function framesOf(talk: Talk): number[] {
  const { from, to } = spanOf(talk);
  const times = laneOf(talk).marbles.flatMap(({ at }) => [Math.floor(at), Math.floor(at) + 1]);
  return [...new Set([from, from + 1, ...times, to])].filter((at) => at >= from && at <= to);
}

/** The same, but that client goes at that time. */
export function leaving(talk: Talk, at: number, how: 'fin' | 'reset' | 'close'): Talk {
  return written(talk, [
    ...laneOf(talk).marbles.filter((marble) => marble.at < at && isSaid(marble)),
    { at, kind: how },
  ]);
}

/** The same, but that client neither resets nor closes: whatever it is answered reaches it. */
export function patient(talk: Talk): Talk {
  return written(talk, laneOf(talk).marbles.filter(isHeard));
}

/** A patient client that does not read until so much later. */
export function readingLate(talk: Talk, later: number): Talk {
  const { from, to } = spanOf(talk);
  const heard = laneOf(talk).marbles.filter(isHeard);
  const first = heard.filter(({ kind }) => kind === 'connect');
  const rest = heard.filter(({ kind }) => kind !== 'connect');
  return written(talk, [...first, { at: from, kind: 'stop' }, ...rest, { at: to + later, kind: 'go' }]);
}

function laneOf({ client, values }: Talk): Lane {
  return parseLane(client, 'client', values);
}

function isSaid({ kind }: WireEvent): boolean {
  return kind === 'connect' || kind === 'data';
}

function isHeard(event: WireEvent): boolean {
  return isSaid(event) || event.kind === 'fin';
}

function written({ values }: Talk, events: readonly WireEvent[]): Talk {
  const lane = formatLane(events, values);
  return { client: lane.text, values: lane.values };
}
