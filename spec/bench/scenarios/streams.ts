// One bulk stream each way: how many bytes a second of the server's CPU moves.

import { streamed } from '../stream-loads.js';
import { type Bar, MAIN, type Scenario, STREAM_COLUMNS } from '../scenario.js';

const bar = (bound: number, rival: string): Bar => ({ rival, measure: 'perCpu', against: 'c-epoll', bound });
const BOTH = [...MAIN, 'evio-operator', 'evio-reuse', 'bun', 'deno'];

export const streams: readonly Scenario[] = [
  {
    name: 'bulk-echo',
    about: 'one connection: the client sends as fast as it can and reads its echo',
    speaks: 'stream',
    load: streamed('both'),
    columns: STREAM_COLUMNS,
    rivals: BOTH,
    bars: [bar(0.95, 'evio-streams'), bar(0.7, 'evio-operator')],
    note: 'Each byte is counted once, though it is read and written. node-net: socket.pipe(socket).',
  },
  {
    name: 'bulk-receive',
    about: 'one connection: the client sends as fast as it can, the server reads and discards',
    speaks: 'sink',
    load: streamed('in'),
    columns: STREAM_COLUMNS,
    rivals: [...MAIN, 'bun', 'deno'],
  },
  {
    name: 'bulk-send',
    about: 'one connection: the server sends as fast as the client reads',
    speaks: 'source',
    load: streamed('out'),
    columns: STREAM_COLUMNS,
    rivals: [...MAIN, 'bun'],
    note: 'The same 64 KiB again and again: they stay in the cache.',
  },
];
