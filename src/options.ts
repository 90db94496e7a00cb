// Options of listen(): validated at the door, with their defaults.

import { describe, invalidArgument } from './errors.js';
import type { BindOptions, Poller, PollerName } from './poller/poller.js';

/** Options of `listen` and `serve`. Times in milliseconds, sizes in bytes. */
export interface ListenOptions {
  /**
   * `'auto'` (default): the native poller of this system, or else `net`. The environment variable EVIO_POLLER stands in
   * when this is not given. A {@link Poller} of your own may be passed, for instance a simulated one.
   */
  poller?: 'auto' | PollerName | Poller;
  /** Longest queue of connections that wait to be accepted. Default 4096; the kernel's somaxconn may cut it. */
  backlog?: number;
  /** SO_REUSEPORT: several servers share one port and the kernel spreads the connections. Default false. */
  reusePort?: boolean;
  /** An IPv6 listener refuses IPv4. Default false: `:9999` takes both. */
  ipv6Only?: boolean;
  /** TCP_NODELAY: small writes leave at once. Default true. */
  noDelay?: boolean;
  /** Silence before TCP keep-alive probes, rounded to seconds; 0 (default) is off. At most 32767000. */
  keepAlive?: number;
  /** `write` returns false, and reading of that connection pauses, while more than this is queued. Default 1 MiB. */
  highWaterMark?: number;
  /** Where that ends, `drained$`. Default a quarter of `highWaterMark`; never above it. */
  lowWaterMark?: number;
  /** A connection with more than this queued is closed with ERR_EVIO_QUEUE_FULL at the next write. Default 16 MiB; `Infinity` opts out. */
  maxQueuedBytes?: number;
  /** A connection whose input has ended stays open until you `end` it. Default false: it ends by itself. */
  halfOpen?: boolean;
  /** evio's fast mode: chunks are views of a buffer that the next turn overwrites. Default false: chunks are yours. */
  reuseInputBuffer?: boolean;
  /** Aborting closes the server and its connections at once. */
  signal?: AbortSignal;
}

/** What every connection of a server is held to. */
export interface ConnectionLimits {
  readonly highWaterMark: number;
  readonly lowWaterMark: number;
  readonly maxQueuedBytes: number;
  readonly halfOpen: boolean;
  readonly reuseInputBuffer: boolean;
}

/** Options with nothing left to decide but the poller, which may have to be made. */
export interface Settings {
  readonly poller: unknown;
  readonly bind: BindOptions;
  readonly limits: ConnectionLimits;
  readonly signal: AbortSignal | undefined;
}

const MIB = 1024 * 1024;
/** TCP_KEEPIDLE takes 1 to 32767 seconds (tcp(7), MAX_TCP_KEEPIDLE). */
const LONGEST_KEEP_ALIVE = 32_767_000;

const NAMES: Readonly<Record<keyof ListenOptions, true>> = {
  poller: true,
  backlog: true,
  reusePort: true,
  ipv6Only: true,
  noDelay: true,
  keepAlive: true,
  highWaterMark: true,
  lowWaterMark: true,
  maxQueuedBytes: true,
  halfOpen: true,
  reuseInputBuffer: true,
  signal: true,
};

/** @throws TypeError or RangeError that names the option, what it must be and what it was. */
export function settingsOf(options: ListenOptions | undefined): Settings {
  const given: ListenOptions = options ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw invalidArgument(`options must be an object, not ${describe(given)}`, 'ERR_INVALID_ARG_TYPE');
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(NAMES, name)) continue;
    throw invalidArgument(`unknown option ${describe(name)}; valid are ${Object.keys(NAMES).join(', ')}`);
  }
  return {
    bind: bindOptionsOf(given),
    limits: limitsOf(given),
    signal: signalOf(given.signal),
    poller: given.poller,
  };
}

function bindOptionsOf(given: ListenOptions): BindOptions {
  return {
    backlog: integer('backlog', given.backlog, 4096, 1, 0x7fff_ffff),
    reusePort: flag('reusePort', given.reusePort, false),
    ipv6Only: flag('ipv6Only', given.ipv6Only, false),
    noDelay: flag('noDelay', given.noDelay, true),
    keepAlive: integer('keepAlive', given.keepAlive, 0, 0, LONGEST_KEEP_ALIVE),
  };
}

function limitsOf(given: ListenOptions): ConnectionLimits {
  const highWaterMark = integer('highWaterMark', given.highWaterMark, MIB, 0, Number.MAX_SAFE_INTEGER);
  const lowWaterMark = integer(
    'lowWaterMark',
    given.lowWaterMark,
    Math.floor(highWaterMark / 4),
    0,
    highWaterMark,
  );
  const maxQueuedBytes =
    given.maxQueuedBytes === Infinity
      ? Infinity
      : integer(
          'maxQueuedBytes',
          given.maxQueuedBytes,
          Math.max(16 * MIB, highWaterMark),
          0,
          Number.MAX_SAFE_INTEGER,
        );
  return {
    highWaterMark,
    lowWaterMark,
    maxQueuedBytes,
    halfOpen: flag('halfOpen', given.halfOpen, false),
    reuseInputBuffer: flag('reuseInputBuffer', given.reuseInputBuffer, false),
  };
}

function integer(name: string, value: unknown, fallback: number, least: number, most: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number') {
    throw invalidArgument(`option ${name} must be a number, not ${describe(value)}`, 'ERR_INVALID_ARG_TYPE');
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    throw Object.assign(
      new RangeError(`option ${name} must be an integer from ${least} to ${most}, not ${value}`),
      { code: 'ERR_OUT_OF_RANGE' },
    );
  }
  return value;
}

function flag(name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw invalidArgument(
    `option ${name} must be true or false, not ${describe(value)}`,
    'ERR_INVALID_ARG_TYPE',
  );
}

function signalOf(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw invalidArgument(
    `option signal must be an AbortSignal, not ${describe(signal)}`,
    'ERR_INVALID_ARG_TYPE',
  );
}
