// From wherever a program comes to write: it leaves before the event loop blocks.

import type { Connection } from 'evio';

import { pair } from '../../support/connections.js';
import { destroyPeers } from '../../support/peer.js';
import { overPollers } from '../../support/pollers.js';
import { closeServers, listening } from '../../support/servers.js';

/** Ways to come to write. */
const places: Readonly<Record<string, (connection: Connection, write: () => void) => unknown>> = {
  'a timer': (_, write) => setTimeout(write, 1),
  setImmediate: (_, write) => setImmediate(write),
  'process.nextTick': (_, write) => process.nextTick(write),
  'a promise': (_, write) => Promise.resolve().then(write),
  'the call that announces the connection': (_, write) => write(),
  'a data callback': ({ data$ }, write) => data$.subscribe(write),
  'a promise of a data callback': ({ data$ }, write) =>
    data$.subscribe(() => void Promise.resolve().then(write)),
  'a wake': (connection, write) => {
    connection.data$.subscribe(({ length }) => length === 0 && write());
    connection.pause();
    connection.wake();
    connection.resume();
  },
};

overPollers('write()', (poller) => {
  afterEach(closeServers);
  afterEach(destroyPeers);

  for (const [place, go] of Object.entries(places)) {
    it(`sends from ${place}`, async () => {
      const server = await listening(poller);
      server.connections$.subscribe((connection) => {
        go(connection, () => {
          connection.write('one ');
          connection.write('two');
        });
      });
      const { peer } = await pair(server);
      peer.send('go');
      await peer.receives('one two');
    });
  }
});
