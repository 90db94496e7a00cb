// Whom a server lets in: limits on how many connections there are, from one address and in all, and on how fast they come.

import { expect } from 'chai';
import type { Dropped, Server } from 'evio';

import { codeOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Peer } from '../harness.js';

async function clients(harness: Harness, server: Server, count: number): Promise<Peer[]> {
  return Promise.all(Array.from({ length: count }, () => harness.connect(server)));
}

/** One more client, which is reset: it may hear of that while it connects, or later. */
async function isTurnedAway(harness: Harness, server: Server): Promise<void> {
  const outcome = await harness.connect(server).then(
    (peer) => peer.over(),
    (error: Error) => ({ error }),
  );
  expect(codeOf(outcome.error)).to.equal('ECONNRESET');
}

conformance('maxConnections', (harness) => {
  it('leaves those beyond it waiting, and lets in as many as leave, in order', async () => {
    const server = await harness.listening({ maxConnections: 3 });
    const accepted = valuesOf(server.connections$);
    server.data$.subscribe();
    const peers: Peer[] = [];
    for (let i = 0; i < 8; i++) peers.push(await harness.connect(server));
    await harness.settle();
    expect(accepted.map(({ id }) => id)).to.deep.equal([1, 2, 3]);
    for (let gone = 0; gone < 5; gone++) {
      accepted[gone]?.destroy();
      await harness.until(() => accepted.length === gone + 4);
      expect(server.connections.size).to.equal(3);
    }
    expect(accepted.map(({ remote }) => remote.port)).to.deep.equal(peers.map(({ port }) => port));
  });

  it('is never exceeded, however fast they come and go', async () => {
    const server = await harness.listening({ maxConnections: 5 });
    let most = 0;
    let served = 0;
    server.connections$.subscribe((connection) => {
      most = Math.max(most, server.connections.size);
      connection.data$.subscribe((data) => {
        served += 1;
        connection.end(data);
      });
    });
    await Promise.all(
      (await clients(harness, server, 100)).map(async (peer) => {
        peer.fin('x');
        expect(String((await peer.over()).received)).to.equal('x');
      }),
    );
    expect(most).to.be.within(1, 5);
    expect(served).to.equal(100);
  });

  it('with whenFull: drop resets those beyond it, and tells of each', async () => {
    const server = await harness.listening({ maxConnections: 2, whenFull: 'drop' });
    const dropped: Dropped[] = valuesOf(server.dropped$);
    const accepted = valuesOf(server.connections$);
    const peers = await clients(harness, server, 2);
    await harness.until(() => accepted.length === 2);
    await isTurnedAway(harness, server);
    await harness.until(() => dropped.length === 1);
    expect(dropped[0]?.reason).to.equal('maxConnections');
    expect(dropped[0]?.remote.address).to.equal('127.0.0.1');
    expect(String(dropped[0]?.local)).to.equal(String(server.addresses[0]));
    peers[0]?.reset();
    accepted[0]?.destroy();
    const next = await harness.connect(server);
    await harness.until(() => accepted.length === 3);
    expect(accepted.map(({ id }) => id)).to.deep.equal([1, 2, 3]);
    expect(next.isOver).to.equal(false);
  });

  it('with whenFull: drop counts those that a rate holds back', async () => {
    const server = await harness.listening({ maxConnections: 2, whenFull: 'drop', acceptRate: 1 });
    const dropped = valuesOf(server.dropped$);
    for (let i = 0; i < 6; i++) await harness.connect(server).catch(() => undefined);
    const accepted = valuesOf(server.connections$);
    await harness.until(() => accepted.length + dropped.length === 6);
    expect([accepted.length, dropped.length]).to.deep.equal([2, 4]);
  });

  it('counts what is announced, not what is held', async () => {
    const server = await harness.listening({ maxConnections: 1 });
    await clients(harness, server, 3);
    await harness.settle();
    expect(server.connections.size).to.equal(0);
    const accepted = valuesOf(server.connections$);
    await harness.until(() => accepted.length === 1);
    await harness.settle();
    expect(server.connections.size).to.equal(1);
  });

  it('does not keep the server from closing', async () => {
    const server = await harness.listening({ maxConnections: 1 });
    server.connections$.subscribe();
    const peers = await clients(harness, server, 3);
    await harness.until(() => server.connections.size === 1);
    expect(await server.close({ timeout: 0 })).to.deep.equal({ drained: 0, forced: 1 });
    for (const peer of peers) await peer.over();
  });
});

conformance('maxConnectionsPerAddress', (harness) => {
  it('drops those beyond it, and lets in others when one has left', async () => {
    const server = await harness.listening({ maxConnectionsPerAddress: 2 });
    const dropped = valuesOf(server.dropped$);
    const accepted = valuesOf(server.connections$);
    await clients(harness, server, 2);
    await harness.until(() => accepted.length === 2);
    await isTurnedAway(harness, server);
    await harness.until(() => dropped.length === 1);
    expect(dropped.map(({ reason }) => reason)).to.deep.equal(['maxConnectionsPerAddress']);
    accepted[1]?.destroy();
    await harness.connect(server);
    await harness.until(() => accepted.length === 3);
    expect(dropped).to.have.length(1);
  });
});

conformance('acceptRate', (harness) => {
  it('lets in a burst of that many, and the others as time goes on: nobody is turned away', async () => {
    const server = await harness.listening({ acceptRate: 20 });
    const accepted = valuesOf(server.connections$);
    await clients(harness, server, 25);
    await harness.until(() => accepted.length >= 20);
    expect(accepted.length).to.be.below(25);
    await harness.until(() => accepted.length === 25);
    expect(accepted.map(({ id }) => id)).to.deep.equal(Array.from({ length: 25 }, (_, i) => i + 1));
  });
});

conformance('closing$', (harness) => {
  it('emits once when the server begins to close, and completes, also for those who come late', async () => {
    const server = await harness.listening();
    const heard: string[] = [];
    const hear = (name: string): void => {
      server.closing$.subscribe({
        next: () => heard.push(`${name} closing`),
        complete: () => heard.push(`${name} complete`),
      });
    };
    hear('early');
    expect(heard).to.deep.equal([]);
    const { peer, connection } = await harness.pair(server);
    server.closing$.subscribe(() => connection.end('bye'));
    const closed = server.close({ timeout: Infinity });
    expect(heard).to.deep.equal(['early closing', 'early complete']);
    hear('late');
    expect(heard.slice(2)).to.deep.equal(['late closing', 'late complete']);
    expect(String((await peer.over()).received)).to.equal('bye');
    peer.fin();
    expect(await closed).to.deep.equal({ drained: 1, forced: 0 });
  });
});
