// The scenarios: what a server must speak, how it is loaded, which figures come out.
//
// A new one is a new entry. A new kind of load is a function in loads.ts, or a command of load-generator.cc.

import * as format from './formats.js';
import { churn, cycles, idle, requests } from './loads.js';
import type { Column, Load, Values } from './measurement.js';
import { find } from './programs.js';
import { redisBenchmark, type Test } from './redis-benchmark.js';
import type { Protocol } from './rivals.js';

export interface Scenario {
  /** `--scenario echo` chooses `echo-50x64` too. */
  readonly name: string;
  readonly about: string;
  readonly speaks: Protocol;
  readonly load: Load;
  readonly columns: readonly Column[];
  /** Each round measures the same: more of them than this say nothing new. */
  readonly maxRounds?: number;
  /** What must be known to read the figures. */
  readonly note?: string;
  /** A program that has to be installed. */
  readonly needs?: string;
  /** What is wrong with the figures of one round, if they are evio's. */
  readonly faults?: (values: Values, quick: boolean) => readonly string[];
}

const REQUEST_COLUMNS: readonly Column[] = [
  { key: 'cpu', title: 'server cpu-s/M', format: format.cpuSeconds, spread: true, ratio: true },
  { key: 'rate', title: 'rate/s', format: format.rate, spread: true },
  { key: 'p50', title: 'p50 µs', format: format.microseconds },
  { key: 'p99', title: 'p99 µs', format: format.microseconds },
  { key: 'rss', title: 'RSS MiB', format: format.mebibytes },
  { key: 'serverUse', title: 'server', format: format.percent },
  { key: 'clientUse', title: 'client', format: format.percent },
];

const IDLE_COLUMNS: readonly Column[] = [
  { key: 'idle', title: 'idle B/conn', format: format.whole, spread: true, ratio: true },
  { key: 'used', title: 'after a message B/conn', format: format.whole, spread: true },
  { key: 'base', title: 'RSS before MiB', format: format.mebibytes },
];

const CYCLE_COLUMNS: readonly Column[] = [
  { key: 'growth', title: 'RSS growth MiB', format: format.mebibytes, spread: true },
  { key: 'held', title: 'held growth MiB', format: format.mebibytes },
  { key: 'warm', title: 'RSS warm', format: format.mebibytes },
  { key: 'last', title: 'RSS last', format: format.mebibytes },
  { key: 'opened', title: 'opened', format: format.whole },
  { key: 'missing', title: 'ends missing', format: format.whole },
  { key: 'repeated', title: 'ends repeated', format: format.whole },
  { key: 'descriptors', title: 'descriptors left', format: format.whole },
  { key: 'cycle', title: 's per cycle', format: format.seconds },
];

const DEPTH = 128;
const CLIENT_BOUND =
  'Where the client is near 100 % the rate is the client’s: compare the server’s CPU seconds per million.';
const SATURATES =
  'redis-benchmark itself gives out at about 8 M requests/s on one core: above that the rate is its own, compare CPU.';

function echo(name: string, connections: number, bytes: number, size: string): Scenario {
  return {
    name: `echo-${name}`,
    about:
      connections === 1
        ? `one connection, one message of ${size}`
        : `${connections} connections, one message of ${size} in flight on each`,
    speaks: 'echo',
    load: requests(connections, { echo: bytes }),
    columns: REQUEST_COLUMNS,
    note: connections === 1 ? 'Wake-up times dominate: under 25 % is not a difference here.' : CLIENT_BOUND,
  };
}

const command = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
const batch = (request: string, reply: string): { request: string; reply: string; depth: number } => ({
  request,
  reply,
  depth: DEPTH,
});
const SET = { request: command('SET', 'key:__rand_int__', 'xxx'), reply: '+OK\r\n' };
const GET = { request: command('GET', 'key:__rand_int__'), reply: '$3\r\nxxx\r\n' };

function resp(name: string, load: Load, about: string): Scenario {
  return {
    name: `resp-${name}`,
    about: `50 connections, batches of ${DEPTH} ${about}, own generator; latency is that of a batch`,
    speaks: 'resp',
    load,
    columns: REQUEST_COLUMNS,
    note: 'Parser and store weigh as much as networking here; the JavaScript rivals share theirs.',
  };
}

function headline(name: string, test: Test): Scenario {
  return {
    name: `redis-benchmark-${name}`,
    about: `redis-benchmark -P ${DEPTH} -c 50 -t ${test}, 6 million requests after a warm-up`,
    speaks: 'resp',
    load: redisBenchmark(test, DEPTH),
    columns: REQUEST_COLUMNS,
    note: SATURATES,
    needs: 'redis-benchmark',
  };
}

export const scenarios: readonly Scenario[] = [
  echo('50x64', 50, 64, '64 B'),
  echo('1x64', 1, 64, '64 B'),
  echo('1000x64', 1000, 64, '64 B'),
  echo('50x16k', 50, 16 * 1024, '16 KiB'),
  resp('ping', requests(50, batch(command('PING'), '+PONG\r\n')), 'PING'),
  resp('set', requests(50, batch(SET.request, SET.reply)), 'SET of 3 bytes, one key'),
  resp('get', requests(50, batch(GET.request, GET.reply), { ...SET, depth: 1 }), 'GET of 3 bytes, one key'),
  headline('ping-inline', 'ping_inline'),
  headline('ping', 'ping_mbulk'),
  headline('set', 'set'),
  headline('get', 'get'),
  {
    name: 'churn',
    about: '50 at a time: connect, one message of 64 B and its echo, close',
    speaks: 'echo',
    load: churn(50, { echo: 64 }),
    columns: REQUEST_COLUMNS,
    note: `${CLIENT_BOUND} Latency is from connect() to the server’s FIN.`,
  },
  {
    name: 'idle',
    about: '10,000 connections that say nothing, then one message of 64 B on each',
    speaks: 'echo',
    load: idle(10_000, { echo: 64 }),
    columns: IDLE_COLUMNS,
    maxRounds: 3,
    note: 'Growth of the process’s RSS: memory of the sockets in the kernel is not in it.',
  },
  {
    name: 'cycles',
    about: '10,000 connections opened, used and closed, 3 warm cycles and 5 more',
    speaks: 'counted',
    load: cycles(10_000, { echo: 64 }),
    columns: CYCLE_COLUMNS,
    maxRounds: 3,
    note: 'Growth over the last 5 cycles by the median slope, garbage collected; held: by JavaScript. Allowed: 5 MiB of RSS.',
    faults: cycleFaults,
  },
];

/** The scenarios with one of these names, or with one as the beginning of theirs. Throws when a name fits none. */
export function choose(names: readonly string[]): Scenario[] {
  const fits = (scenario: Scenario, name: string): boolean =>
    scenario.name === name || scenario.name.startsWith(`${name}-`);
  for (const name of names) {
    if (!scenarios.some((scenario) => fits(scenario, name))) {
      throw new Error(`no scenario '${name}': ${scenarios.map((scenario) => scenario.name).join(', ')}`);
    }
  }
  return scenarios.filter((scenario) => names.length === 0 || names.some((name) => fits(scenario, name)));
}

/** Why a scenario cannot run here. */
export function obstacle({ needs }: Scenario): string | undefined {
  return needs !== undefined && find(needs) === undefined ? `${needs} is not installed` : undefined;
}

function cycleFaults(values: Values, quick: boolean): string[] {
  const { lost = 0, missing = 0, repeated = 0, descriptors = 0, growth = 0 } = values;
  const faults: string[] = [];
  if (lost !== 0) faults.push(`connections that were never announced: ${lost}`);
  if (missing !== 0) faults.push(`connections that never told their end: ${missing}`);
  if (repeated !== 0) faults.push(`ends that were told again: ${repeated}`);
  if (descriptors !== 0) faults.push(`descriptors that are left: ${descriptors}`);
  // A quick run's tenth of the connections does not warm the heap up: its growth says nothing.
  if (!quick && growth >= 5 * 2 ** 20)
    faults.push(`RSS grew by ${format.mebibytes(growth)} MiB, 5 are allowed`);
  return faults;
}
