// redis-benchmark against the Redis of the examples in this process: what the spec of that example leaves alone, a
// connection for every request, hundreds at once, and a unix socket.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect } from 'chai';
import { serveEach } from 'evio';
import type { Server } from 'evio';

import { redis } from '../../../examples/redis/protocol.js';
import { Store } from '../../../examples/redis/store.js';
import { until, valuesOf } from '../../support/connections.js';
import { endProcesses, run } from '../../support/processes.js';
import { closeServers, listening, portOf } from '../../support/servers.js';
import { overPollersWith } from '../../support/tools.js';

overPollersWith('redis-benchmark', 'a load', (poller) => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'evio-'))));
  afterEach(endProcesses);
  afterEach(closeServers);
  afterEach(() => rmSync(folder, { recursive: true }));

  async function serving(address?: string): Promise<Server> {
    const server = await listening(poller, {}, address);
    const protocol = redis(new Store(), {
      settings: { appendonly: 'no', save: '' },
      facts: () => ({}),
      shutdown: () => {},
    });
    server.connections$.pipe(serveEach(protocol)).subscribe();
    return server;
  }

  async function benchmark(...options: readonly string[]): Promise<string[]> {
    const { code, stdout, stderr } = await run('redis-benchmark', ['-q', ...options]);
    const complaints = stderr.replace(/^WARNING: Keepalive disabled.*\n/, ''); // of its own options
    expect({ code, complaints }).to.deep.equal({ code: 0, complaints: '' });
    const results = stdout.split(/[\r\n]+/).filter((line) => line.includes('requests per second'));
    return results.map((line) => line.split(':')[0] ?? '');
  }

  it('with a connection for each of 3,000 requests is served, and nothing of it is left', async () => {
    const server = await serving();
    const gone = valuesOf(server.disconnected$);
    const names = await benchmark(...`-p ${portOf(server)} -t ping_mbulk -k 0 -n 3000`.split(' '));
    expect(names).to.deep.equal(['PING_MBULK']);
    await until(() => server.connections.size === 0);
    expect(gone.length).to.be.at.least(3000);
  });

  it('of 400 connections at once is served', async () => {
    const server = await serving();
    const names = await benchmark(...`-p ${portOf(server)} -t set,get -c 400 -n 8000 -d 3000`.split(' '));
    expect(names).to.deep.equal(['SET', 'GET']);
    await until(() => server.connections.size === 0);
  });

  it('over a unix socket is served', async () => {
    const file = path.join(folder, 'socket');
    const server = await serving(`unix://${file}`);
    const names = await benchmark(...`-s ${file} -t set,get -P 16 -n 20000 -d 500`.split(' '));
    expect(names).to.deep.equal(['SET', 'GET']);
    await until(() => server.connections.size === 0);
  });
});
