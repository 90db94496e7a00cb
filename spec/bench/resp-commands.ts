// `npm run bench:resp`: what a command costs the redis-server example, without a socket: parser, commands, store, replies.
//
// Batches of 128 commands go through the protocol into an output that is thrown away. First the cold figures: the first
// 100,000 commands of a process, in the order of `redis-benchmark -t ping,set,get`. Then the warm ones: the median and the range
// of the rounds.

import { Subject } from 'rxjs';

import { inlineMore } from '../../examples/redis/inlining.js';
import { redis } from '../../examples/redis/protocol.js';
import { Store } from '../../examples/redis/store.js';
import { peer } from '../examples/redis-in-memory.js';

const DEPTH = 128;
const BATCHES = 782; // about 100,000 commands
const KEYS = 100_000;
const ROUNDS = 41;

const request = (...words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;

/** As many batches as make up a round, or one that is sent again and again. */
function batches(count: number, command: () => string): Buffer[] {
  return Array.from({ length: count }, () =>
    Buffer.from(Array.from({ length: DEPTH }, command).join(''), 'latin1'),
  );
}

inlineMore();

let state = 1;
function randomKey(): string {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return `key:${String(Math.floor((state / 2 ** 32) * KEYS)).padStart(12, '0')}`;
}

const ONE = 'key:__rand_int__';
const loads: Readonly<Record<string, readonly Buffer[]>> = {
  'PING, inline': batches(1, () => 'PING\r\n'),
  PING: batches(1, () => request('PING')),
  'SET, one key': batches(1, () => request('SET', ONE, 'xxx')),
  'GET, one key': batches(1, () => request('GET', ONE)),
  'INCR, one key': batches(1, () => request('INCR', 'counter:__rand_int__')),
  [`SET, ${KEYS} keys`]: batches(BATCHES, () => request('SET', randomKey(), 'xxx')),
  [`GET, ${KEYS} keys`]: batches(BATCHES, () => request('GET', randomKey())),
};

let discarded = 0;
const input$ = new Subject<Buffer>();
redis(new Store(), { settings: {}, facts: () => ({}), shutdown: () => {} })(input$, peer).subscribe(
  (bytes) => (discarded += bytes.length),
);

/** Nanoseconds a command. */
function round(load: readonly Buffer[]): number {
  const begin = process.cpuUsage();
  for (let at = 0; at < BATCHES; at++) input$.next(load[at % load.length] as Buffer);
  const { user, system } = process.cpuUsage(begin);
  return ((user + system) * 1000) / (BATCHES * DEPTH);
}

const cold = Object.values(loads).map(round);
console.log(`ns per command, batches of ${DEPTH}`);
console.log('                      cold    warm   (range)');
for (const [at, [name, load]] of Object.entries(loads).entries()) {
  const rounds = Array.from({ length: ROUNDS }, () => round(load)).sort((a, b) => a - b);
  const [low, middle, high] = [0, ROUNDS >> 1, ROUNDS - 1].map((index) => (rounds[index] ?? 0).toFixed(1));
  console.log(
    `${name.padEnd(20)} ${(cold[at] ?? 0).toFixed(0).padStart(5)} ${middle?.padStart(7)}   (${low} to ${high})`,
  );
}
if (discarded === 0) throw new Error('nothing was answered');
