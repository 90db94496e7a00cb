// What the test kit's recorder sees: everything that passes between a connection and its poller. Nobody else pays for it:
// a connection that is tapped gets wrappers of its own, all others have none.

import type { PollerStream, StreamEvents } from './poller/poller.js';

/** Told of each call before it happens. Bytes are as the poller has them: to be copied by whoever keeps them. */
export interface Tap {
  data(source: Buffer, start: number, end: number): void;
  ended(): void;
  broken(): void;
  failed(): void;
  write(source: Uint8Array, start: number, end: number): void;
  shutdown(): void;
  close(): void;
  reset(): void;
}

/** Of a server: no public name. */
export const WATCH: unique symbol = Symbol('evio.watch');

/** A connection that can be tapped. */
export interface Tappable {
  /** @returns what ends it. */
  tapped(tap: Tap): () => void;
}

/**
 * Told of every connection as the poller accepts it, before anything else happens to it.
 *
 * @param now - the poller's clock, in ms
 */
export type Watcher = (connection: Tappable, now: () => number) => void;

/** A server that can be watched, which neither accepts nor reads anything by itself. */
export interface Watchable {
  /** @returns what ends it. */
  [WATCH](watcher: Watcher): () => void;
}

const UPWARDS = ['data', 'ended', 'broken', 'failed'] as const;
const DOWNWARDS = ['write', 'shutdown', 'close', 'reset'] as const;

/** Puts wrappers on both sides of a connection. */
export function tapBetween(events: StreamEvents, stream: PollerStream, tap: Tap): () => void {
  const undo = [
    ...UPWARDS.map((name) => wrap(events, name, tap)),
    ...DOWNWARDS.map((name) => wrap(stream, name, tap)),
  ];
  return () => {
    for (const unwrap of undo) unwrap();
  };
}

type Call = (...values: unknown[]) => unknown;

function wrap(target: object, name: keyof Tap, tap: Tap): () => void {
  const methods = target as Record<string, Call>;
  const own = Object.hasOwn(methods, name);
  const original = methods[name] as Call;
  const tell = (tap[name] as Call).bind(tap);
  let on = true;
  const wrapper = function wrapper(this: unknown, ...values: unknown[]): unknown {
    if (on) tell(...values);
    return original.apply(this, values);
  };
  methods[name] = wrapper;
  return () => {
    on = false;
    // Somebody else may have wrapped the wrapper: then it stays, and does nothing.
    if (methods[name] !== wrapper) return;
    if (own) methods[name] = original;
    else delete methods[name];
  };
}
