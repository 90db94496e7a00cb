// A live server, recorded: what passed on each of its connections, as diagrams that can be played again.

import { describe, invalidArgument } from '../errors.js';
import { known } from '../options.js';
import type { Server } from '../server.js';
import { WATCH } from '../tap.js';
import type { Watchable } from '../tap.js';
import type { Fixture } from './fixture.js';
import { TOLERANCE, toleranceOf } from './leeway.js';
import { Tape } from './tape.js';
import type { Budget } from './tape.js';
import { play } from './wire.js';
import type { Serving, WireOptions } from './wire.js';

/** How a server is recorded. */
export interface RecordOptions {
  /** Bytes that are kept, of all connections together, in both directions. Default 1 MiB. Beyond that, fixtures are cut. */
  readonly max?: number;
  /**
   * Ms: times are rounded down to multiples of it, and what a side sends within as much is one segment. Default 1. With more,
   * an answer mostly stands in the very frame of what it answers, and there is room for more at a time.
   */
  readonly round?: number;
}

const RECORD_OPTIONS: Readonly<Record<keyof RecordOptions, true>> = { max: true, round: true };

/** What has been recorded. */
export interface Recording {
  /** Of every connection that was accepted since the recording began, in that order; those that are open are told so far. */
  readonly fixtures: readonly Fixture[];
  /** The fixtures, for `JSON.stringify`. */
  toJSON(): readonly Fixture[];
  /** Nothing is recorded any more; the fixtures stay. */
  stop(): void;
}

const MAX = 1024 * 1024;

/**
 * Records every connection that a server accepts from now on: input as the poller delivers it, output as the poller is given
 * it, FIN and RST of either side, and when the server closes. It subscribes to nothing: a server that nobody reads from does not
 * read because of it. The fixtures are JSON, to be kept in a file and played by {@link replay}.
 *
 * The server's side is told, not the network's: when bytes reached the client, and whether it was slow to take them, is
 * unknown. What is written together with, or after, the client's reset is left out, since it reaches nobody.
 * What the server's own `close` brings about is recorded too: stop before, where a protocol alone is to be played.
 *
 * @throws TypeError for anything but a server of this library.
 * @example
 * ```ts
 * const server = listen('tcp://127.0.0.1:0');
 * const recording = record(server);
 * server.connections$.pipe(serveEach(upper)).subscribe();
 * // … clients come and go …
 * recording.stop();
 * writeFileSync('upper.json', JSON.stringify(recording));
 * ```
 */
export function record(server: Server, options: RecordOptions = {}): Recording {
  const { max = MAX, round = 1 } = known<RecordOptions>(options, RECORD_OPTIONS);
  const watchable = server as unknown as Partial<Watchable> | null | undefined;
  if (typeof watchable?.[WATCH] !== 'function') {
    throw invalidArgument(`record: needs a server of this library, not ${describe(server)}`, TYPE);
  }
  if (typeof max !== 'number' || !(max >= 0)) {
    throw invalidArgument(`record: max must be a number of bytes from 0, not ${describe(max)}`);
  }
  if (!Number.isInteger(round) || round < 1) {
    throw invalidArgument(`record: round must be a whole number of ms from 1, not ${describe(round)}`);
  }
  return new ServerRecording(watchable as Watchable, max, round);
}

class ServerRecording implements Recording {
  readonly #tapes: Tape[] = [];
  readonly #untap = new Map<Tape, () => void>();
  readonly #unwatch: () => void;

  constructor(server: Watchable, max: number, round: number) {
    const budget: Budget = { left: max };
    this.#unwatch = server[WATCH]((connection, now) => {
      const tape = new Tape(now, budget, round);
      this.#tapes.push(tape);
      this.#untap.set(tape, connection.tapped(tape));
      tape.onOver = () => this.#over(tape);
    });
  }

  get fixtures(): readonly Fixture[] {
    return this.#tapes.map((tape) => tape.fixture());
  }

  toJSON(): readonly Fixture[] {
    return this.fixtures;
  }

  stop(): void {
    this.#unwatch();
    for (const tape of this.#untap.keys()) {
      tape.stop();
      this.#over(tape);
    }
  }

  #over(tape: Tape): void {
    this.#untap.get(tape)?.();
    this.#untap.delete(tape);
  }
}

const TYPE = 'ERR_INVALID_ARG_TYPE';

/** How a fixture is played. */
export interface ReplayOptions extends WireOptions {
  /** Ms by which anything may be earlier or later than it was recorded; 0 is exact. Default 250. */
  readonly tolerance?: number;
}

/**
 * Plays a recorded connection against a protocol, in virtual time: the bytes must be the same, and FIN and RST, about when they
 * were. Of a fixture that was cut, what goes beyond it is not looked at; of a connection that was still open, what may have
 * come after the recording had stopped.
 *
 * @throws ExpectationError as `wire`.
 * @example
 * ```ts
 * for (const fixture of JSON.parse(readFileSync('upper.json', 'utf8')) as Fixture[]) replay(upper, fixture);
 * ```
 */
export function replay(
  serving: Serving,
  fixture: Fixture,
  { tolerance = TOLERANCE, ...options }: ReplayOptions = {},
): void {
  if (typeof fixture !== 'object' || fixture === null) {
    throw invalidArgument(
      `replay: needs a fixture { client, server, values }, not ${describe(fixture)}`,
      TYPE,
    );
  }
  const { server, values, cut = false, open = Infinity } = fixture;
  const leeway = { early: toleranceOf('replay', tolerance), late: tolerance, cut, until: open };
  play(serving, fixture, values, options, {}, ({ expectWire }, client) =>
    expectWire(client).toBe(server, values, leeway),
  );
}
