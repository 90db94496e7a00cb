// What was due on a wire against what came, moment by moment.

import type { Lane } from './diagram.js';
import type { WireEvent } from './lane-text.js';
import type { Difference } from './mismatch.js';

/** The order in which things of one moment are compared: bytes first, since a group reads so. */
const ORDER = ['connect', 'data', 'fin', 'reset', 'close', 'stop', 'go'] as const;

interface Moment {
  readonly at: number;
  readonly bytes: Buffer;
  readonly kinds: readonly WireEvent['kind'][];
}

/** Things of one millisecond are one moment; how its bytes were cut means nothing. */
export function momentsOf(events: readonly WireEvent[]): Moment[] {
  const byTime = new Map<number, WireEvent[]>();
  for (const event of events) {
    const at = Math.floor(event.at);
    byTime.set(at, [...(byTime.get(at) ?? []), event]);
  }
  return [...byTime]
    .sort(([a], [b]) => a - b)
    .map(([at, all]) => ({
      at,
      bytes: Buffer.concat(all.flatMap(({ bytes }) => bytes ?? [])),
      kinds: ORDER.filter((kind) => kind !== 'data' && all.some((event) => event.kind === kind)),
    }));
}

/** The first thing that differs; undefined when nothing does. */
export function firstDifference(expected: Lane, actual: readonly WireEvent[]): Difference | undefined {
  const wanted = momentsOf(expected.marbles);
  const came = momentsOf(actual);
  for (let i = 0; i < Math.max(wanted.length, came.length); i++) {
    const due = wanted[i];
    const got = came[i];
    if (due !== undefined && (got === undefined || due.at < got.at)) return missing(expected, due);
    if (got !== undefined && (due === undefined || got.at < due.at))
      return { at: got.at, actual: whatOf(got) };
    if (due === undefined || got === undefined) continue;
    const difference = between(expected, due, got);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function missing(lane: Lane, due: Moment): Difference {
  return { at: due.at, ...columnOf(lane, due.at), expected: whatOf(due) };
}

function between(lane: Lane, due: Moment, got: Moment): Difference | undefined {
  const where = { at: due.at, ...columnOf(lane, due.at) };
  if (!due.bytes.equals(got.bytes)) {
    return {
      ...where,
      ...(due.bytes.length > 0 && { expected: due.bytes }),
      ...(got.bytes.length > 0 && { actual: got.bytes }),
    };
  }
  const lacking = due.kinds.find((kind) => !got.kinds.includes(kind));
  const extra = got.kinds.find((kind) => !due.kinds.includes(kind));
  if (lacking === undefined && extra === undefined) return undefined;
  return {
    ...where,
    ...(lacking !== undefined && { expected: lacking }),
    ...(extra !== undefined && { actual: extra }),
  };
}

function whatOf({ bytes, kinds }: Moment): Buffer | string {
  return bytes.length > 0 ? bytes : (kinds[0] ?? 'data');
}

function columnOf(lane: Lane, at: number): { column?: number } {
  const marble = lane.marbles.find((candidate) => Math.floor(candidate.at) === at);
  return marble === undefined ? {} : { column: marble.column };
}
