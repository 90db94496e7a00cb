// Memory does not grow with a peer that does not read.

import { expect } from 'chai';

import { MIB } from '../../support/bytes.js';
import { pair, steady } from '../../support/connections.js';
import { destroyPeers } from '../../support/peer.js';
import { overPollers } from '../../support/pollers.js';
import { closeServers, listening } from '../../support/servers.js';

overPollers('output', (poller) => {
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('of an echo whose peer never reads stays bounded, and so does what is read of that peer', async () => {
    const server = await listening(poller);
    const { peer, connection } = await pair(server);
    connection.data$.subscribe(connection);
    peer.stopReading();
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, connection.bytesQueued)), 1);
    const before = process.memoryUsage();
    peer.send(Buffer.alloc(192 * MIB)); // one buffer: the peer's own queue takes no more than this
    const pushed = await steady(() => connection.bytesRead);
    clearInterval(watch);
    const grown = process.memoryUsage().rss - before.rss - 192 * MIB;
    expect(pushed).to.be.within(MIB, 100 * MIB);
    expect(peer.unsent).to.be.above(0);
    expect(most).to.be.within(MIB, 4 * MIB);
    expect(grown).to.be.below(100 * MIB);
    expect(server.connections.size).to.equal(1);
  });
});
