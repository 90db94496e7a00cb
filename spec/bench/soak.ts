// `npm run soak -- --minutes 10 [--poller epoll]`: a server under everything at once, for a while: clients that come and go,
// peers that read slowly or not at all, resets at any moment, big messages, and echoes that are checked byte by byte.
//
// Every few seconds the server's RSS and descriptors are written down; at the end both are drawn, and the exit code is 1 when
// an echo was wrong, a descriptor is left, or the RSS of the last third is clearly above that of the second.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { openDescriptors, residentBytes } from './proc.js';

const SERVER = fileURLToPath(new URL('./soak-server.js', import.meta.url));
const MIB = 2 ** 20;
const SAMPLES = 60;
/** RSS may breathe: that much more in the last third than in the second is growth. */
const ALLOWED_GROWTH = 16 * MIB;

interface Sample {
  readonly seconds: number;
  readonly rss: number;
  readonly descriptors: number;
}

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, poller: { type: 'string', default: 'auto' } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes takes a number, not '${values.minutes}'`);

const counts = { served: 0, wrong: 0, reset: 0, slow: 0, big: 0 };
const ending = new AbortController();

function client(port: number): Socket {
  return connect(port, '127.0.0.1').on('error', () => {});
}

const hash = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

/** Sends, and expects the same back, and the end. */
async function echo(port: number, size: number, slowly: boolean): Promise<void> {
  const bytes = randomBytes(size);
  const socket = client(port);
  const chunks: Buffer[] = [];
  socket.on('data', (data: Buffer) => {
    chunks.push(data);
    if (!slowly) return;
    socket.pause();
    setTimeout(() => socket.resume(), 20);
  });
  socket.end(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  if (hash(Buffer.concat(chunks)) === hash(bytes)) counts.served += 1;
  else counts.wrong += 1;
}

/** Leaves by RST at some moment, with whatever was under way. */
async function reset(port: number): Promise<void> {
  const socket = client(port);
  socket.write(randomBytes(1 + Math.floor(Math.random() * 200_000)));
  await sleep(Math.random() * 30);
  socket.resetAndDestroy();
  counts.reset += 1;
}

/** Sends and never reads; leaves after a while. */
async function deaf(port: number): Promise<void> {
  const socket = client(port);
  socket.pause();
  socket.write(Buffer.alloc(32 * MIB));
  await sleep(3000);
  socket.destroy();
  counts.slow += 1;
}

async function repeat(work: () => Promise<void>, pause: number): Promise<void> {
  while (!ending.signal.aborted) {
    await work();
    await sleep(pause * (0.5 + Math.random()));
  }
}

function watch(pid: number, samples: Sample[], start: number): NodeJS.Timeout {
  const look = (): void => {
    samples.push({
      seconds: (performance.now() - start) / 1000,
      rss: residentBytes(pid),
      descriptors: openDescriptors(pid),
    });
  };
  look();
  return setInterval(look, (minutes * 60_000) / SAMPLES);
}

/** Lines of a plot, eight rows high. */
function plot(title: string, numbers: readonly number[], unit: string): string {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const rows = 8;
  const level = (value: number): number =>
    most === least ? 0 : Math.round(((value - least) / (most - least)) * (rows - 1));
  const lines = Array.from({ length: rows }, (_, row) => {
    const label = row === 0 ? most.toFixed(0) : row === rows - 1 ? least.toFixed(0) : '';
    return `${label.padStart(8)} |${numbers.map((value) => (level(value) >= rows - 1 - row ? '#' : ' ')).join('')}`;
  });
  return [`${title} (${unit})`, ...lines].join('\n');
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;

async function start(): Promise<{ child: ChildProcess; port: number; pid: number }> {
  const child = fork(SERVER, [values.poller]);
  process.once('exit', () => child.kill('SIGKILL'));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { child, port, pid: child.pid as number };
}

const { child, port, pid } = await start();
await echo(port, 1000, false);
await sleep(500);
const idle = openDescriptors(pid);
const samples: Sample[] = [];
const began = performance.now();
const watching = watch(pid, samples, began);
const loads = [
  ...Array.from({ length: 12 }, () =>
    repeat(() => echo(port, 1 + Math.floor(Math.random() * 20_000), false), 5),
  ),
  ...Array.from({ length: 4 }, () => repeat(() => echo(port, 300_000, true), 20)),
  ...Array.from({ length: 4 }, () => repeat(() => reset(port), 5)),
  ...Array.from({ length: 3 }, () => repeat(() => deaf(port), 100)),
  repeat(async () => {
    await echo(port, 8 * MIB, false);
    counts.big += 1;
  }, 500),
];
await sleep(minutes * 60_000);
ending.abort();
await Promise.all(loads);
clearInterval(watching);
await sleep(1500);
const left = openDescriptors(pid) - idle;
child.kill('SIGKILL');

const third = Math.floor(samples.length / 3);
const rssOf = (part: readonly Sample[]): number => median(part.map(({ rss }) => rss));
const growth = rssOf(samples.slice(2 * third)) - rssOf(samples.slice(third, 2 * third));
console.log(
  plot(
    'RSS',
    samples.map(({ rss }) => rss / MIB),
    'MiB',
  ),
);
console.log(
  plot(
    'descriptors',
    samples.map(({ descriptors }) => descriptors),
    `open, over ${minutes} min`,
  ),
);
console.log(
  `${counts.served} echoes right and ${counts.wrong} wrong, ${counts.big} of 8 MiB, ${counts.reset} resets, ` +
    `${counts.slow} peers that did not read; RSS of the last third is ${(growth / MIB).toFixed(1)} MiB above that of the ` +
    `second; descriptors left: ${left}`,
);
if (counts.wrong > 0 || left !== 0 || growth > ALLOWED_GROWTH) process.exitCode = 1;
