// Options of listen() and connect(): validated at the door, with their defaults.

import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';

import { describe, invalidArgument } from './errors.js';
import type { BindAddress, BindOptions, DialOptions, Poller, PollerName } from './poller/poller.js';

/**
 * What `listen` and `connect` have in common. Times are whole milliseconds from 0 to 2147483647, sizes whole bytes; anything
 * else throws a RangeError that names the option, its range and what was given, and an unknown option a TypeError.
 */
export interface ConnectionOptions {
  /**
   * `'auto'` (default): the native poller of this system, or else `net`. The environment variable EVIO_POLLER stands in
   * when this is not given. A {@link Poller} of your own may be passed, for instance a simulated one.
   */
  poller?: 'auto' | PollerName | Poller;
  /** TCP_NODELAY: small writes leave at once. Default true. */
  noDelay?: boolean;
  /** Silence before TCP keep-alive probes, rounded to seconds: 0 (default) is off, at most 32767000. */
  keepAlive?: number;
  /**
   * From 0. `write` returns false while more than this is queued, and an accepted connection is not read (a dialled one is, save an
   * echo: of two ends one must go on reading). Default 1 MiB.
   */
  highWaterMark?: number;
  /** Where that ends, `drained$`. From 0 to `highWaterMark`. Default a quarter of it. */
  lowWaterMark?: number;
  /**
   * A connection with more than this queued is closed with ERR_EVIO_QUEUE_FULL at the next write. From 0. Default 16 MiB, or
   * `highWaterMark` if that is more; `Infinity` opts out.
   */
  maxQueuedBytes?: number;
  /** A connection whose input has ended stays open until you `end` it. Default false: it ends by itself. */
  halfOpen?: boolean;
  /** evio's fast mode: chunks are views of a buffer that the next turn overwrites. Default false: chunks are yours. */
  reuseInputBuffer?: boolean;
  /** Longest time in which no byte moves in either direction, whoever is to blame: ERR_EVIO_IDLE_TIMEOUT. 0 (default) is off. */
  idleTimeout?: number;
  /** Longest gap in what the peer sends, while the connection is being read: ERR_EVIO_READ_TIMEOUT. 0 (default) is off. */
  readTimeout?: number;
  /** The same before the first byte. Default: as `readTimeout`. */
  firstByteTimeout?: number;
  /** Longest time in which the kernel takes nothing of what is queued: the peer has stalled, ERR_EVIO_WRITE_TIMEOUT. On `net` whole writes are counted. 0 (default) is off. */
  writeTimeout?: number;
  /**
   * How soon `connection.established()` must be called, counted from the beginning of the connection:
   * ERR_EVIO_HANDSHAKE_TIMEOUT. 0 (default) is off.
   */
  handshakeTimeout?: number;
  /** Aborting closes at once: a server with `close({ timeout: 0 })`, a connection or a dial by force. */
  signal?: AbortSignal;
}

/** Options of `listen` and `serve`. Times in milliseconds, sizes in bytes. */
export interface ListenOptions extends ConnectionOptions {
  /** Longest queue of connections that wait to be accepted: 1 to 2147483647. Default 4096; the kernel's somaxconn may cut it. */
  backlog?: number;
  /** SO_REUSEPORT: several servers share one port and the kernel spreads the connections. Default false. */
  reusePort?: boolean;
  /** An IPv6 listener refuses IPv4. Default false: `:9999` takes both. */
  ipv6Only?: boolean;
  /** Most connections at a time, from 1. Default `Infinity`. */
  maxConnections?: number;
  /**
   * What happens to those beyond `maxConnections`. `'wait'` (default): they are not accepted and wait in the backlog.
   * `'drop'`: they are accepted and reset, and `server.dropped$` tells.
   */
  whenFull?: 'wait' | 'drop';
  /** Most connections at a time from one remote address, from 1; those beyond are dropped, and `server.dropped$` tells. Default `Infinity`. */
  maxConnectionsPerAddress?: number;
  /** Most connections accepted in a second, from 1, bursts of that many included; others wait in the backlog. Default `Infinity`. */
  acceptRate?: number;
}

/** Part of `lookup` of node:dns. */
export type Lookup = (
  hostname: string,
  options: { readonly all: true; readonly family: 0 | 4 | 6 },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Options of `connect`. Times in milliseconds, sizes in bytes. */
export interface ConnectOptions extends ConnectionOptions {
  /** How long connecting may take, name resolution and all attempts included: ERR_EVIO_CONNECT_TIMEOUT. 0 (default): as long as the system tries. */
  connectTimeout?: number;
  /** Resolves names, as `lookup` of node:dns does with `all: true`, which is the default. */
  lookup?: Lookup;
  /** Where from: `host` or `host:port`, numeric. Default: what the system chooses. */
  localAddress?: string;
}

/** Milliseconds; 0 is off. */
export interface TimeoutLimits {
  readonly idle: number;
  readonly read: number;
  readonly firstByte: number;
  readonly write: number;
  readonly handshake: number;
}

/** What every connection of a server is held to. */
export interface ConnectionLimits {
  readonly highWaterMark: number;
  readonly lowWaterMark: number;
  readonly maxQueuedBytes: number;
  readonly halfOpen: boolean;
  readonly reuseInputBuffer: boolean;
  /** Absent when none is set. */
  readonly timeouts?: TimeoutLimits;
}

/** Whom a server lets in. */
export interface AdmissionLimits {
  readonly most: number;
  readonly dropping: boolean;
  readonly mostPerAddress: number;
  /** A second. */
  readonly rate: number;
}

/** Options with nothing left to decide but the poller, which may have to be made. */
export interface Settings {
  readonly poller: unknown;
  readonly bind: BindOptions;
  readonly admission: AdmissionLimits;
  readonly limits: ConnectionLimits;
  readonly signal: AbortSignal | undefined;
}

const MIB = 1024 * 1024;
/** What Node's own timers take, some 25 days. */
const LONGEST_TIME = 2 ** 31 - 1;
/** TCP_KEEPIDLE takes 1 to 32767 seconds (tcp(7), MAX_TCP_KEEPIDLE). */
const LONGEST_KEEP_ALIVE = 32_767_000;

const COMMON: Readonly<Record<keyof ConnectionOptions, true>> = {
  poller: true,
  noDelay: true,
  keepAlive: true,
  highWaterMark: true,
  lowWaterMark: true,
  maxQueuedBytes: true,
  halfOpen: true,
  reuseInputBuffer: true,
  idleTimeout: true,
  readTimeout: true,
  firstByteTimeout: true,
  writeTimeout: true,
  handshakeTimeout: true,
  signal: true,
};
const LISTEN: Readonly<Record<keyof ListenOptions, true>> = {
  ...COMMON,
  backlog: true,
  reusePort: true,
  ipv6Only: true,
  maxConnections: true,
  whenFull: true,
  maxConnectionsPerAddress: true,
  acceptRate: true,
};
const CONNECT: Readonly<Record<keyof ConnectOptions, true>> = {
  ...COMMON,
  connectTimeout: true,
  localAddress: true,
  lookup: true,
};

/** @throws TypeError or RangeError that names the option, what it must be and what it was. */
export function settingsOf(options: ListenOptions | undefined): Settings {
  const given = known<ListenOptions>(options, LISTEN);
  return {
    bind: bindOptionsOf(given),
    admission: admissionOf(given),
    limits: limitsOf(given),
    signal: signalOf(given.signal),
    poller: given.poller,
  };
}

/** Options of `connect` with nothing left to decide but the poller, which may have to be made. */
export interface ConnectSettings {
  readonly poller: unknown;
  readonly dial: DialOptions;
  readonly limits: ConnectionLimits;
  readonly connectTimeout: number;
  readonly lookup: Lookup;
  readonly signal: AbortSignal | undefined;
}

/** @throws TypeError or RangeError that names the option, what it must be and what it was. */
export function connectSettingsOf(options: ConnectOptions | undefined): ConnectSettings {
  const given = known<ConnectOptions>(options, CONNECT);
  return {
    dial: {
      noDelay: flag('noDelay', given.noDelay, true),
      keepAlive: keepAliveOf(given),
      ...localOf(given.localAddress),
    },
    limits: limitsOf(given),
    connectTimeout: time('connectTimeout', given.connectTimeout, 0),
    lookup: lookupOf(given.lookup),
    signal: signalOf(given.signal),
    poller: given.poller,
  };
}

/** @throws TypeError for anything but an object with options of these names. */
export function known<T extends object>(options: T | undefined, names: Readonly<Record<keyof T, true>>): T {
  const given: object = options ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw invalidArgument(`options must be an object, not ${describe(given)}`, 'ERR_INVALID_ARG_TYPE');
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(names, name)) continue;
    throw invalidArgument(`unknown option ${describe(name)}; valid are ${Object.keys(names).join(', ')}`);
  }
  return given as T;
}

function bindOptionsOf(given: ListenOptions): BindOptions {
  return {
    backlog: integer('backlog', given.backlog, 4096, 1, 0x7fff_ffff),
    reusePort: flag('reusePort', given.reusePort, false),
    ipv6Only: flag('ipv6Only', given.ipv6Only, false),
    noDelay: flag('noDelay', given.noDelay, true),
    keepAlive: keepAliveOf(given),
  };
}

function admissionOf(given: ListenOptions): AdmissionLimits {
  const { whenFull = 'wait' } = given;
  if (!['wait', 'drop'].includes(whenFull)) {
    throw invalidArgument(`option whenFull must be "wait" or "drop", not ${describe(whenFull)}`);
  }
  return {
    most: limit('maxConnections', given.maxConnections),
    dropping: whenFull === 'drop',
    mostPerAddress: limit('maxConnectionsPerAddress', given.maxConnectionsPerAddress),
    rate: limit('acceptRate', given.acceptRate),
  };
}

/** From 1; `Infinity`, the default, is none. */
function limit(name: string, value: unknown): number {
  return value === Infinity ? Infinity : integer(name, value, Infinity, 1, Number.MAX_SAFE_INTEGER);
}

function keepAliveOf(given: ConnectionOptions): number {
  return integer('keepAlive', given.keepAlive, 0, 0, LONGEST_KEEP_ALIVE);
}

function localOf(localAddress: unknown): { local?: BindAddress } {
  if (localAddress === undefined) return {};
  const text = typeof localAddress === 'string' ? localAddress : '';
  const [, bracketed, plain, port = '0'] =
    isIP(text) === 0 ? (/^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? []) : [text, text];
  const address = bracketed ?? plain ?? '';
  const family = isIP(address);
  if (family === 0 || Number(port) > 65535) {
    throw invalidArgument(
      `option localAddress must be numeric, as in "127.0.0.1" or "[::1]:4000", not ${describe(localAddress)}`,
    );
  }
  return { local: { family: family === 4 ? 'IPv4' : 'IPv6', address, port: Number(port) } };
}

function lookupOf(given: unknown): Lookup {
  if (given === undefined) return lookup;
  if (typeof given === 'function') return given as Lookup;
  throw invalidArgument(`option lookup must be a function, not ${describe(given)}`, 'ERR_INVALID_ARG_TYPE');
}

function timeoutsOf(given: ConnectionOptions): { timeouts?: TimeoutLimits } {
  const read = time('readTimeout', given.readTimeout, 0);
  const timeouts = {
    read,
    firstByte: time('firstByteTimeout', given.firstByteTimeout, read),
    idle: time('idleTimeout', given.idleTimeout, 0),
    write: time('writeTimeout', given.writeTimeout, 0),
    handshake: time('handshakeTimeout', given.handshakeTimeout, 0),
  };
  return Object.values(timeouts).some((value) => value > 0) ? { timeouts } : {};
}

function time(name: string, value: unknown, fallback: number): number {
  return integer(name, value, fallback, 0, LONGEST_TIME);
}

function limitsOf(given: ConnectionOptions): ConnectionLimits {
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
    ...timeoutsOf(given),
  };
}

/** @throws TypeError or RangeError that names the option. */
export function integer(name: string, value: unknown, fallback: number, least: number, most: number): number {
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

/** @throws TypeError that names the option. */
export function flag(name: string, value: unknown, fallback: boolean): boolean {
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
