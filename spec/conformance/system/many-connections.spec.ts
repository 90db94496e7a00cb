// Thousands of connections, at once and one after the other: each ends once, and nothing of it is left.

import { fork } from 'node:child_process';
import { once } from 'node:events';

import { expect } from 'chai';
import type { Server } from 'evio';

import { steady } from '../../support/connections.js';
import { descriptors } from '../../support/descriptors.js';
import { overPollers } from '../../support/pollers.js';
import { closeServers, listening, portOf } from '../../support/servers.js';
import type { SwarmOrder } from './swarm-client.js';

const CLIENT = new URL('./swarm-client.js', import.meta.url);

/** How often each connection has ended, by id. */
interface Ends {
  readonly closed: Map<number, number>;
  readonly disconnected: Map<number, number>;
  most: number;
}

function echoAndCount(server: Server): Ends {
  const ends: Ends = { closed: new Map(), disconnected: new Map(), most: 0 };
  const count = (counts: Map<number, number>, id: number): void =>
    void counts.set(id, (counts.get(id) ?? 0) + 1);
  server.connections$.subscribe((connection) => {
    ends.most = Math.max(ends.most, server.connections.size);
    connection.closed$.subscribe(() => count(ends.closed, connection.id));
    connection.data$.subscribe(connection);
  });
  server.disconnected$.subscribe(({ connection }) => count(ends.disconnected, connection.id));
  return ends;
}

async function swarm(order: SwarmOrder): Promise<number> {
  const client = fork(CLIENT);
  const exited = once(client, 'exit');
  client.send(order);
  const [{ done }] = (await once(client, 'message')) as [{ done: number }];
  expect((await exited)[0]).to.equal(0);
  return done;
}

overPollers('many connections', (poller) => {
  afterEach(closeServers);

  for (const { title, ...order } of [
    { title: '2,000 at once', waves: 1, size: 2000, together: true },
    { title: '10,000 in waves', waves: 20, size: 500, together: false },
  ]) {
    it(`${title} are each served and each closed once`, async () => {
      const server = await listening(poller);
      const before = descriptors();
      const ends = echoAndCount(server);
      const total = await swarm({ port: portOf(server), ...order });
      await steady(() => server.connections.size + descriptors());
      if (order.together) expect(ends.most).to.equal(total);
      for (const counts of [ends.closed, ends.disconnected]) {
        expect(counts.size).to.equal(total);
        expect([...counts.values()].filter((count) => count !== 1)).to.deep.equal([]);
      }
      expect(Math.max(...ends.closed.keys())).to.equal(total);
      expect(server.connections.size).to.equal(0);
      expect(descriptors()).to.equal(before);
    }).timeout(60_000);
  }
});
