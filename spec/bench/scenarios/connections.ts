// What connections cost that come and go, are idle, listen together, or do not read.

import * as format from '../formats.js';
import { churn } from '../loads.js';
import type { Column, Values } from '../measurement.js';
import { cycles, idle } from '../memory-loads.js';
import { CLIENT_BOUND, cpuBar, MAIN, REQUEST_COLUMNS, type Bar, type Scenario } from '../scenario.js';
import { fanOut, slowReaders } from '../stream-loads.js';

const IDLE_COLUMNS: readonly Column[] = [
  {
    key: 'user',
    title: 'idle user B/conn',
    about: 'memory of an idle connection, heap and malloc, bytes',
    format: format.whole,
    spread: true,
    ratio: true,
  },
  {
    key: 'idle',
    title: 'RSS B/conn',
    about: 'growth of the process by an idle connection, RSS, bytes',
    format: format.whole,
    spread: true,
  },
  { key: 'usedUser', title: 'used user B/conn', format: format.whole },
  { key: 'used', title: 'RSS B/conn', format: format.whole, spread: true },
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

const SLOW_COLUMNS: readonly Column[] = [
  {
    key: 'growth',
    title: 'RSS growth MiB',
    about: 'growth of the server’s memory, bytes',
    format: format.mebibytes,
    spread: true,
  },
  { key: 'flooded', title: 'taken MiB', format: format.mebibytes },
  { key: 'before', title: 'others’ p99 µs', format: format.microseconds },
  {
    key: 'p99',
    title: 'meanwhile',
    about: '99th percentile of the others’ latency meanwhile, µs',
    format: format.microseconds,
    spread: true,
  },
  { key: 'slower', title: 'x before', format: format.ratio, spread: true },
  { key: 'cpu', title: 'server cpu-s/M', format: format.cpuSeconds },
];

const idleBar = (bound: number, rival: string): Bar => ({
  rival,
  measure: 'user',
  against: 'node-net',
  bound,
});

export const connections: readonly Scenario[] = [
  {
    name: 'churn',
    about: '50 at a time: connect, one message of 64 B and its echo, close',
    speaks: 'echo',
    load: churn(50, { echo: 64 }),
    columns: REQUEST_COLUMNS,
    rivals: [...MAIN, 'evio-server-data', 'evio-serve', 'bun', 'deno'],
    bars: [cpuBar(1.1)],
    note: `${CLIENT_BOUND} Latency is from connect() to the server’s FIN.`,
  },
  {
    name: 'idle',
    about: '10,000 connections that say nothing, then one message of 64 B on each',
    speaks: 'weighed',
    load: idle(10_000, { echo: 64 }),
    columns: IDLE_COLUMNS,
    rivals: [...MAIN, 'evio-server-data', 'bun', 'deno'],
    bars: [idleBar(0.15, 'evio-server-data'), idleBar(0.3, 'evio-streams')],
    note:
      'User memory: V8’s heap after a collection and what malloc has given out. RSS beside it is what the process has ' +
      'touched. Memory of the sockets in the kernel is in neither.',
  },
  {
    name: 'fan-out',
    about: '1,000 connections: one of them says 64 B, all of them hear it, then the next message',
    speaks: 'fan-out',
    load: fanOut(1000, { echo: 64 }),
    columns: REQUEST_COLUMNS,
    rivals: [...MAIN, 'bun'],
    note: 'Counted is each message that was heard. Latency is until the last of the 1,000 has heard it.',
  },
  {
    name: 'slow-readers',
    about: '20 clients send up to 16 MiB each and read none of their echoes, while 50 others exchange 64 B',
    speaks: 'echo',
    load: slowReaders(20, 16 * 2 ** 20, 50, { echo: 64 }),
    columns: SLOW_COLUMNS,
    rivals: [...MAIN, 'bun', 'deno'],
    note: 'A server that goes on reading keeps in memory what it cannot send: up to 320 MiB here.',
  },
  {
    name: 'cycles',
    about: '10,000 connections opened, used and closed, 3 warm cycles and 5 more',
    speaks: 'counted',
    load: cycles(10_000, { echo: 64 }),
    columns: CYCLE_COLUMNS,
    maxRounds: 3,
    rivals: [...MAIN, 'evio-net'],
    note: 'Growth over the last 5 cycles by the median slope, garbage collected; held: by JavaScript. Allowed: 5 MiB of RSS.',
    faults: cycleFaults,
  },
];

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
