// The Redis server that is told to end in the middle of a load. A request is accepted when the protocol has been given all of
// it, and then it is in the append-only file; what came later, or in part, nobody has accepted. Each accepted request is
// answered: its reply arrives, whole, before the server's FIN.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect } from 'chai';

import { until } from '../support/connections.js';
import { Running, endProcesses } from '../support/processes.js';
import { overPollersWith } from '../support/tools.js';
import { startServer } from './processes.js';
import { RecordingRelay } from './recording-relay.js';
import type { Recorded } from './recording-relay.js';

const CONNECTIONS = 20;
const PIPELINE = 16;
/** More than it gets to: it is told to end after so many replies. */
const REQUESTS = 100_000_000;
const BEFORE_THE_END = 3000;

/** As redis-benchmark sends it. */
const REQUEST = '*3\r\n$3\r\nSET\r\n$16\r\nkey:__rand_int__\r\n$3\r\nVXK\r\n';
const REPLY = '+OK\r\n';

const textOf = (pieces: readonly Buffer[]): string => Buffer.concat(pieces).toString('latin1');

/** How many whole ones there are; what is behind them may be the beginning of another, and nothing else. */
function count(text: string, one: string): number {
  const whole = Math.floor(text.length / one.length);
  expect(text === one.repeat(whole) + one.slice(0, text.length % one.length)).to.equal(true);
  return whole;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

overPollersWith('redis-benchmark', 'the Redis server told to end in the middle of a load', (poller) => {
  let folder = '';
  let relay: RecordingRelay | undefined;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'evio-'))));
  afterEach(() => relay?.close());
  afterEach(endProcesses);
  afterEach(() => rmSync(folder, { recursive: true }));

  it('answers each request that it has accepted, and ends every connection in good order', async () => {
    const file = path.join(folder, 'appendonly.aof');
    const options = ['--poller', poller, '--appendonly', 'yes', '--appendfilename', file];
    const { server, port } = await startServer('redis-server', options);
    const before = (relay = await RecordingRelay.before(port));
    const load = `-p ${before.port} -c ${CONNECTIONS} -P ${PIPELINE} -n ${REQUESTS} -t set`;
    const benchmark = new Running('redis-benchmark', load.split(' '));
    // It asks for the server's settings first, on connections of their own.
    const loaded = (): Recorded[] =>
      before.connections.filter(({ requests }) => requests[0]?.includes('SET\r\n$16') === true);
    const replied = (): number =>
      sum(loaded().map(({ replies }) => sum(replies.map(({ length }) => length)))) / REPLY.length;
    await until(() => loaded().length === CONNECTIONS && replied() > BEFORE_THE_END);
    server.child.kill('SIGTERM');
    await Promise.all(before.connections.map(({ over }) => over));
    const outcome = await server.ended;
    benchmark.child.kill('SIGKILL');

    expect([outcome.code, outcome.stderr]).to.deep.equal([0, '']);
    const accepted = count(readFileSync(file, 'latin1'), REQUEST);
    const replies = loaded().map((connection) => {
      expect([connection.ended, connection.error]).to.deep.equal([true, undefined]);
      const sent = count(textOf(connection.requests), REQUEST);
      const got = textOf(connection.replies);
      expect(got.length % REPLY.length).to.equal(0);
      expect(count(got, REPLY)).to.be.at.most(sent);
      return count(got, REPLY);
    });
    expect(sum(replies)).to.equal(accepted);
    expect(accepted).to.be.above(BEFORE_THE_END);
  }).timeout(60_000);
});
