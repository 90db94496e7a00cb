// One diagram, one call: two lanes and a protocol. And the same diagram again, cut otherwise, since TCP cuts as it likes.

import type { ListenOptions } from '../options.js';
import type { Protocol } from '../serve-each.js';
import { describe, invalidArgument, toError } from '../errors.js';
import { choicesOf } from './choices.js';
import { parseLane } from './diagram.js';
import type { WireValues } from './diagram.js';
import { ExpectationError } from './expectations.js';
import { quote } from './quote.js';
import { simulate } from './simulate.js';
import type { SimulationOptions, World } from './world.js';
import type { Segments, WireClient } from './wire-client.js';

/** What is served: a protocol, or anything that is set up in the world of the run, such as the classic `serve`. */
export type Serving = Protocol | Setup;

/** Sets up what is served. */
export interface Setup {
  /** Called once at the beginning of each run. */
  readonly start: (world: World) => unknown;
}

/** The two lanes of a wire diagram. */
export interface Lanes {
  /** What the client does. */
  readonly client: string;
  /** What it must be sent. */
  readonly server: string;
}

/** How a diagram is run. */
export interface WireOptions extends SimulationOptions {
  /** Of the server that serves a protocol. */
  readonly listen?: ListenOptions;
}

/** How a diagram is cut. */
export interface ResegmentOptions extends WireOptions {
  /** How many random cuts are tried, from 0. Default 20. */
  readonly random?: number;
  /** For those. Default 1. */
  readonly seed?: number;
  /** Also send all bytes as one segment, and compare bytes and the end without times. Default true. */
  readonly coalesced?: boolean;
}

/**
 * Plays the client's lane against a protocol, and compares what it is sent with the server's lane.
 *
 * @throws ExpectationError that shows both lanes, the bytes and what happened around the difference; TypeError for a lane
 *   that cannot be read.
 * @example
 * ```ts
 * wire(upper, {
 *   client: '--a---b--|',
 *   server: '--A---B--|',
 * }, { a: 'ping', A: 'PING', b: 'pong', B: 'PONG' });
 * ```
 */
export function wire(
  serving: Serving,
  lanes: Lanes,
  values: WireValues = {},
  options: WireOptions = {},
): void {
  play(serving, lanes, values, options, {}, ({ expectWire }, client) =>
    expectWire(client).toBe(lanes.server),
  );
}

export type Expect = (
  world: Pick<World, 'expectWire' | 'expectBytes' | 'expectEnds'>,
  client: WireClient,
) => void;

/** One run of a diagram, with what is expected of it. */
export function play(
  serving: Serving,
  lanes: Lanes,
  values: WireValues,
  { listen = {}, ...options }: WireOptions,
  segments: Segments,
  expect: Expect,
): void {
  check(serving, lanes);
  simulate((world) => {
    if (typeof serving === 'function') world.serving(serving, listen);
    else serving.start(world);
    world.until(parseLane(lanes.server, 'server', values).duration);
    const client = world.client(lanes.client, values, segments);
    expect(
      {
        expectWire: (of) => world.expectWire(of),
        expectBytes: (of) => world.expectBytes(of),
        expectEnds: (of) => world.expectEnds(of),
      },
      client,
    );
  }, options);
}

/** @throws TypeError for what cannot be played. */
export function check(serving: Serving, lanes: Lanes): void {
  const startable = typeof serving === 'object' && serving !== null && typeof serving.start === 'function';
  if (typeof serving !== 'function' && !startable) {
    throw invalidArgument(
      `a wire needs a protocol, or an object with start(world), not ${describe(serving)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  for (const side of ['client', 'server'] as const) {
    const lane: unknown = lanes?.[side];
    if (typeof lane === 'string') continue;
    throw invalidArgument(
      `a wire needs the lanes client and server as strings: ${side} is ${describe(lane)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
}

/**
 * Runs one diagram again and again, with the client's bytes cut otherwise: as written, at every single place, after every
 * byte, at random places, and all in one segment. Where the answer depends on a cut, fails with the smallest set of cuts
 * that shows it.
 *
 * Each byte of the client's lane is a run: keep its values short.
 *
 * @throws ExpectationError as {@link wire}, with the cuts.
 * @example
 * ```ts
 * resegment(upper, { client: "--'ping\n'--|", server: "--'PING\n'--|" });
 * ```
 */
export function resegment(
  serving: Serving,
  lanes: Lanes,
  values: WireValues = {},
  { random = 20, seed = 1, coalesced = true, ...options }: ResegmentOptions = {},
): void {
  check(serving, lanes);
  const bytes = Buffer.concat(
    parseLane(lanes.client, 'client', values).marbles.flatMap((marble) => marble.bytes ?? []),
  );
  const exactly: Expect = ({ expectWire }, client) => expectWire(client).toBe(lanes.server);
  const attempt = (cuts: readonly number[]): Error | undefined => {
    try {
      play(serving, lanes, values, noted(options, bytes, cuts), { cuts }, exactly);
      return undefined;
    } catch (error) {
      return toError(error);
    }
  };
  const asWritten = attempt([]);
  if (asWritten !== undefined) throw asWritten;
  for (const cuts of waysToCut(bytes.length, random, seed)) {
    const failure = attempt(cuts);
    if (failure === undefined) continue;
    throw attempt(smallest(cuts, (fewer) => attempt(fewer) !== undefined)) ?? failure;
  }
  if (coalesced && bytes.length > 0) playCoalesced(serving, lanes, values, options);
}

/** Every single place, after every byte, and at random. */
function* waysToCut(length: number, random: number, seed: number): Generator<number[]> {
  const places = Array.from({ length: Math.max(0, length - 1) }, (_, index) => index + 1);
  for (const place of places) yield [place];
  if (places.length > 1) yield places;
  const { below } = choicesOf(seed);
  for (let i = 0; i < random && places.length > 2; i++) yield places.filter(() => below(3) === 0);
}

/** Leaves cuts out for as long as it still fails. */
function smallest(cuts: readonly number[], fails: (cuts: readonly number[]) => boolean): readonly number[] {
  for (let size = Math.ceil(cuts.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < cuts.length; start += size) {
      const fewer = [...cuts.slice(0, start), ...cuts.slice(start + size)];
      if (fewer.length < cuts.length && fewer.length > 0 && fails(fewer)) return smallest(fewer, fails);
    }
  }
  return cuts;
}

function noted(options: WireOptions, bytes: Buffer, cuts: readonly number[]): WireOptions {
  if (cuts.length === 0) return options;
  const pieces = [0, ...cuts].map((start, index) =>
    quote(bytes.subarray(start, cuts[index] ?? bytes.length), 24),
  );
  const shown = pieces.length > 8 ? [...pieces.slice(0, 4), '…', ...pieces.slice(-3)] : pieces;
  const note = `the client's bytes are cut at ${cuts.slice(0, 12).join(', ')}${cuts.length > 12 ? ', …' : ''}: ${shown.join(' ')}`;
  return { ...options, notes: [...(options.notes ?? []), note] };
}

/** Times move with the bytes, so bytes and the end are compared without them. */
function playCoalesced(serving: Serving, lanes: Lanes, values: WireValues, options: WireOptions): void {
  const { marbles } = parseLane(lanes.server, 'server', values);
  const expected = Buffer.concat(marbles.flatMap((marble) => marble.bytes ?? []));
  const ends = marbles.flatMap(({ kind }) => (kind === 'fin' || kind === 'reset' ? [kind] : []));
  const notes = [...(options.notes ?? []), "all of the client's bytes come in one segment"];
  try {
    play(serving, lanes, values, { ...options, notes }, { coalesced: true }, (world, client) => {
      world.expectBytes(client).toBe(expected);
      world.expectEnds(client).toEqual(ends);
    });
  } catch (error) {
    if (error instanceof ExpectationError) throw error;
    throw new Error(`${notes.join('\n')}: ${String(error)}`, { cause: error });
  }
}
