// Descriptors are this process's own: no child inherits them, and a port is free when its server has closed.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

import { expect } from 'chai';

import { pair } from '../../support/connections.js';
import { destroyPeers } from '../../support/peer.js';
import { overPollers } from '../../support/pollers.js';
import { closeServers, listening, portOf } from '../../support/servers.js';

/** What a child has open, among it what this process was itself started with. */
const inherited = (): string => execFileSync('ls', ['/proc/self/fd'], { encoding: 'utf8' });

overPollers('a child process', (poller) => {
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('inherits neither listeners nor connections nor the poller', async () => {
    const before = inherited();
    const server = await listening(poller);
    const { connection } = await pair(server);
    connection.data$.subscribe(connection);
    expect(inherited()).to.equal(before);
  });

  it('that outlives a server keeps neither its port nor its connections', async () => {
    const server = await listening(poller);
    const { peer } = await pair(server);
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    await server.close({ timeout: 0 });
    expect((await peer.over()).ended).to.equal(true);
    const next = await listening(poller, {}, `tcp://127.0.0.1:${portOf(server)}`);
    expect(portOf(next)).to.equal(portOf(server));
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
});
