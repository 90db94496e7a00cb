// RESP: redis-benchmark, and the same requests from our own generator, which with batches is not the limit.

import { requests } from '../loads.js';
import type { Load } from '../measurement.js';
import { redisBenchmark, seedCommand, SEED_TESTS, type Test } from '../redis-benchmark.js';
import { type Bar, CLIENT_BOUND, cpuBar, MAIN, REQUEST_COLUMNS, type Scenario } from '../scenario.js';
import * as format from '../formats.js';

const DEPTH = 128;
const RIVALS = [...MAIN, 'evio-operator', 'bun', 'deno', 'redis-server'];
const BENCHMARKED = [...MAIN, 'bun', 'redis-server'];

const command = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
const batch = (request: string, reply: string): { request: string; reply: string; depth: number } => ({
  request,
  reply,
  depth: DEPTH,
});
const SET = { request: command('SET', 'key:__rand_int__', 'xxx'), reply: '+OK\r\n' };
const GET = { request: command('GET', 'key:__rand_int__'), reply: '$3\r\nxxx\r\n' };

function own(name: string, load: Load, about: string, bound: number): Scenario {
  return {
    name: `resp-${name}`,
    about: `50 connections, batches of ${DEPTH} ${about}, own generator; latency is that of a batch`,
    speaks: 'resp',
    load,
    columns: REQUEST_COLUMNS,
    rivals: RIVALS,
    bars: [cpuBar(bound)],
    note: 'Parser and store weigh as much as networking here; the JavaScript rivals share theirs. evio-streams: the redis-server example, which parses its input in place; evio-operator: the same with copies.',
  };
}

function pipelined(name: string, test: Test): Scenario {
  return {
    name: `redis-benchmark-${name}`,
    about: `redis-benchmark -P ${DEPTH} -c 50 -t ${test}, 3 million requests after a warm-up`,
    speaks: 'resp',
    load: redisBenchmark(test, DEPTH, 3_000_000),
    columns: REQUEST_COLUMNS,
    rivals: BENCHMARKED,
    thorough: true,
    note: 'redis-benchmark itself gives out at about 8 M requests/s on one core: above that the rate is its own, compare CPU.',
    needs: 'redis-benchmark',
  };
}

function single(name: string, test: Test, bars: readonly Bar[] = []): Scenario {
  return {
    name: `redis-benchmark-1-${name}`,
    about: `redis-benchmark -P 1 -c 50 -t ${test}, 100,000 requests after a warm-up`,
    speaks: 'resp',
    load: redisBenchmark(test, 1, 100_000),
    columns: REQUEST_COLUMNS,
    rivals: BENCHMARKED,
    bars,
    thorough: bars.length === 0,
    note: CLIENT_BOUND,
    needs: 'redis-benchmark',
  };
}

export const resps: readonly Scenario[] = [
  own('ping', requests(50, batch(command('PING'), '+PONG\r\n')), 'PING', 1.25),
  own('set', requests(50, batch(SET.request, SET.reply)), 'SET of 3 bytes, one key', 1.5),
  own(
    'get',
    requests(50, batch(GET.request, GET.reply), { ...SET, depth: 1 }),
    'GET of 3 bytes, one key',
    1.5,
  ),
  {
    name: 'resp-1-set',
    about: '50 connections, one SET of 3 bytes in flight on each, own generator',
    speaks: 'resp',
    load: requests(50, { ...SET, depth: 1 }),
    columns: REQUEST_COLUMNS,
    rivals: BENCHMARKED,
    thorough: true,
    note: `As redis-benchmark-1-set, from a client that needs less time itself, so that a turn may have more requests. ${CLIENT_BOUND}`,
  },
  pipelined('ping-inline', 'ping_inline'),
  pipelined('ping', 'ping_mbulk'),
  pipelined('set', 'set'),
  pipelined('get', 'get'),
  single('ping', 'ping_mbulk'),
  single('set', 'set', [cpuBar(1.15)]),
  single('get', 'get'),
  {
    name: 'seed-command',
    about: 'redis-benchmark -t ping,set,get -q -P 128 against a server that has just started: V8 is cold',
    speaks: 'resp',
    load: seedCommand,
    columns: SEED_TESTS.map(({ key, title }) => ({
      key,
      title: `${title}/s`,
      about: `${title} per second`,
      format: format.rate,
      spread: true,
      ratio: true,
      more: true,
    })),
    rivals: BENCHMARKED,
    bars: SEED_TESTS.map(({ key }) => ({
      rival: 'evio-streams',
      measure: key,
      against: 'redis-server',
      bound: 1,
    })),
    minRounds: 21,
    note: 'Each test lasts 20 to 50 ms, in whole milliseconds; the client may be the limit.',
    needs: 'redis-benchmark',
  },
];
