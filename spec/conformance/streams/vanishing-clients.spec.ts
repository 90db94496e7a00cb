// Clients that connect and vanish, many of them: those behind them are served, and nothing of them is left.

import { expect } from 'chai';
import type { Connection } from 'evio';

import { conformance } from '../conformance.js';
import type { Harness, Peer } from '../harness.js';
import { Ledger } from './ledger.js';

const MANY = 200;
/** How many connect at a time. */
const WAVE = 50;

const ways: Readonly<Record<string, (peer: Peer) => void>> = {
  reset: (peer) => peer.reset(),
  close: (peer) => peer.destroy(),
  'send FIN': (peer) => peer.fin(),
  'say something and reset': (peer) => (peer.send('bye'), peer.reset()),
  'say something and close': (peer) => (peer.send('bye'), peer.destroy()),
  'say something with FIN': (peer) => peer.fin('bye'),
};
const all: readonly ((peer: Peer) => void)[] = Object.values(ways);

async function crowd(
  harness: Harness,
  ledger: Pick<Ledger, 'server'>,
  leave: (peer: Peer, i: number) => void,
): Promise<void> {
  for (let i = 0; i < MANY; i += WAVE) {
    await Promise.all(
      Array.from({ length: WAVE }, async (_, j) => leave(await harness.connect(ledger.server), i + j)),
    );
  }
}

const echo = (connection: Connection): void => void connection.data$.subscribe(connection);

async function expectEcho(peer: Peer): Promise<void> {
  peer.send('served');
  await peer.receives('served');
}

conformance(`${MANY} clients`, (harness) => {
  for (const [way, leave] of Object.entries(ways)) {
    it(`that ${way} before they are accepted keep nobody behind them from being served`, async () => {
      const server = await harness.listening();
      const first = await harness.connect(server);
      await crowd(harness, { server }, leave);
      const last = await harness.connect(server);
      await harness.settle();
      expect(server.connections.size).to.equal(0);
      const ledger = new Ledger(harness, server);
      server.connections$.subscribe(echo);
      for (const peer of [first, last]) await expectEcho(peer);
      await harness.until(() => server.connections.size === 2);
      expect([...server.connections.values()]).to.deep.equal([
        ledger.connections[0],
        ledger.connections.at(-1),
      ]);
      await ledger.expectOneEndOfAll();
    });

    it(`that ${way} as soon as they are connected keep nobody from being served`, async () => {
      const server = await harness.listening();
      const ledger = new Ledger(harness, server);
      server.connections$.subscribe(echo);
      const first = await harness.connect(server);
      await crowd(harness, ledger, leave);
      const last = await harness.connect(server);
      for (const peer of [first, last]) await expectEcho(peer);
      await harness.until(() => server.connections.size === 2);
      await ledger.expectOneEndOfAll();
    });
  }

  it('that leave in every way, in between others that stay, leave those alone', async () => {
    const server = await harness.listening();
    const ledger = new Ledger(harness, server);
    server.connections$.subscribe(echo);
    const staying: Peer[] = [];
    await crowd(harness, ledger, (peer, i) => {
      if (i % 10 === 0) staying.push(peer);
      else all[i % all.length]?.(peer);
    });
    for (const peer of staying) await expectEcho(peer);
    await harness.until(() => server.connections.size === staying.length);
    const ports = [...server.connections.values()].map(({ remote }) => remote.port);
    expect(ports).to.have.members(staying.map(({ port }) => port));
    await ledger.expectOneEndOfAll();
  });

  it('that leave while the server closes keep it from nothing', async () => {
    const server = await harness.listening();
    const ledger = new Ledger(harness, server);
    server.connections$.subscribe(echo);
    const peers: Peer[] = [];
    await crowd(harness, ledger, (peer) => peers.push(peer));
    await harness.until(() => ledger.connections.length === MANY);
    const closed = server.close({ timeout: Infinity });
    peers.forEach((peer, i) => all[i % all.length]?.(peer));
    expect(await closed).to.deep.equal({ drained: MANY, forced: 0 });
    await ledger.expectOneEndOfAll();
  });
});
