// What waits costs no time: a hang-up that nobody reads is not looked at again and again.

import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'chai';

import { Inbox, pair } from '../../support/connections.js';
import { destroyPeers } from '../../support/peer.js';
import { overPollers } from '../../support/pollers.js';
import { QUIET, busyShare } from '../../support/quiet.js';
import { closeServers, listening } from '../../support/servers.js';

overPollers('without reading', (poller) => {
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('a FIN behind unread bytes waits for them, and costs no time meanwhile', async () => {
    const server = await listening(poller);
    const { peer, connection } = await pair(server);
    peer.fin('unread');
    await sleep(50);
    expect(await busyShare()).to.be.below(QUIET);
    const inbox = new Inbox(connection.data$);
    await inbox.ended;
    expect(inbox.text).to.equal('unread');
  });

  it('a reset behind unread bytes costs no time until they are read', async () => {
    const server = await listening(poller);
    const { peer, connection } = await pair(server);
    connection.pause();
    const inbox = new Inbox(connection.data$);
    peer.send('unread');
    await sleep(50);
    peer.reset();
    await sleep(50);
    expect(await busyShare()).to.be.below(QUIET);
    connection.resume();
    await inbox.ended;
    expect(inbox.text).to.equal('unread');
  });
});
