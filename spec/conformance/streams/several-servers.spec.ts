// Several servers share one poller and its turns, and nothing else: each accepts, reads and ends by itself.

import { expect } from 'chai';
import type { Server } from 'evio';

import { Inbox, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Pair } from '../harness.js';
import { OPTIONS, places } from './events.js';
import { Ledger } from './ledger.js';

async function servers(harness: Harness, count: number): Promise<Server[]> {
  const made: Server[] = [];
  while (made.length < count) made.push(await harness.listening(OPTIONS));
  return made;
}

async function expectEcho({ peer, connection }: Pair): Promise<void> {
  connection.data$.subscribe(connection);
  peer.send('echo');
  await peer.receives('echo');
}

conformance('servers on one poller', (harness) => {
  it('accept by themselves: one is paused, the other not', async () => {
    const [one, two] = (await servers(harness, 2)) as [Server, Server];
    const accepted = valuesOf(two.connections$);
    const waiting = [await harness.connect(one), await harness.connect(one)];
    for (let i = 1; i <= 3; i++) {
      await harness.connect(two);
      await harness.until(() => accepted.length === i);
    }
    await harness.settle();
    expect([one.connections.size, two.connections.size]).to.deep.equal([0, 3]);
    const late = valuesOf(one.connections$);
    await harness.until(() => late.length === 2);
    expect(late.map(({ remote }) => remote.port)).to.deep.equal(waiting.map(({ port }) => port));
  });

  it('take turns in pausing and lose nobody', async () => {
    const both = await servers(harness, 3);
    const accepted = both.map(() => [] as number[]);
    const ports = both.map(() => [] as number[]);
    for (let round = 0; round < 12; round++) {
      const on = round % both.length;
      const subscription = both[on]!.connections$.subscribe(({ id }) => accepted[on]!.push(id));
      for (const [i, server] of both.entries()) ports[i]!.push((await harness.connect(server)).port);
      await harness.until(() => accepted[on]!.length === ports[on]!.length);
      subscription.unsubscribe();
    }
    both.forEach((server, i) => server.connections$.subscribe(({ id }) => accepted[i]!.push(id)));
    await harness.until(() => accepted.every(({ length }) => length === 12));
    for (const [i, server] of both.entries()) {
      expect(accepted[i]).to.deep.equal(Array.from({ length: 12 }, (_, id) => id + 1));
      const remote = [...server.connections.values()].map((connection) => connection.remote.port);
      expect(remote).to.deep.equal(ports[i]);
    }
  });

  it('keep their streams apart: data$, disconnected$ and errors$ tell of their own', async () => {
    const both = await servers(harness, 3);
    const told = both.map((server) => ({
      data: valuesOf(server.data$),
      gone: valuesOf(server.disconnected$),
      errors: valuesOf(server.errors$),
    }));
    const pairs: Pair[] = [];
    for (const server of both) pairs.push(await harness.pair(server));
    pairs.forEach(({ connection }, i) => {
      connection.data$.subscribe(() => {
        throw new Error(`of ${i}`);
      });
    });
    pairs.forEach(({ peer }, i) => peer.send(`to ${i}`));
    await harness.until(() => told.every(({ gone }) => gone.length > 0));
    await harness.turns();
    told.forEach(({ data, gone, errors }, i) => {
      expect(gone.map(({ connection }) => connection)).to.deep.equal([pairs[i]!.connection]);
      expect(errors.map(({ error }) => error.message)).to.deep.equal([`of ${i}`]);
      expect(data.every(({ connection }) => connection === pairs[i]!.connection)).to.equal(true);
    });
  });

  it('relay to one another: the input of one is the output of another', async () => {
    const [one, two] = (await servers(harness, 2)) as [Server, Server];
    const left = await harness.pair(one);
    const right = await harness.pair(two);
    left.connection.data$.subscribe(right.connection);
    right.connection.data$.subscribe(left.connection);
    left.peer.send('to the right');
    right.peer.send('to the left');
    await right.peer.receives('to the right');
    await left.peer.receives('to the left');
    left.peer.fin();
    expect((await right.peer.over()).ended).to.equal(true);
    right.peer.fin();
    expect((await left.peer.over()).ended).to.equal(true);
    await harness.until(() => one.connections.size + two.connections.size === 0);
  });

  it('are not kept from anything by one that is under load', async () => {
    const [one, two] = (await servers(harness, 2)) as [Server, Server];
    const busy = await harness.pairs(one, 5);
    for (const { peer, connection } of busy) {
      connection.data$.subscribe(connection);
      peer.send(Buffer.alloc(8 * 1024 * 1024));
    }
    for (let i = 0; i < 5; i++) await expectEcho(await harness.pair(two));
    const { peer, connection } = await harness.pair(two);
    const inbox = new Inbox(connection.data$);
    peer.fin('bye');
    await inbox.ended;
    expect(inbox.text).to.equal('bye');
  });
});

conformance('a server is closed', (harness) => {
  for (const [title, { happen }] of Object.entries(places)) {
    it(`inside ${title} of another, which goes on`, async () => {
      const [one, two] = (await servers(harness, 2)) as [Server, Server];
      one.errors$.subscribe();
      const closing = new Ledger(harness, two);
      const staying = new Ledger(harness, one);
      const guests = await closing.enterMany(3);
      for (const { connection } of guests) connection.data$.subscribe(connection);
      const resident = await staying.enter();
      let inside = false;
      for (const { peer } of guests) peer.send('at the same time');
      await happen({ harness, server: one, enter: () => staying.enter(), subscription: undefined }, () => {
        inside = true;
        void two.close({ timeout: 0 });
      });
      await harness.until(() => inside);
      expect(two.connections.size).to.equal(0);
      await closing.expectOneEndEach();
      await expectEcho(resident);
      const newcomer = await staying.enter();
      expect(one.connections.get(newcomer.connection.id)).to.equal(newcomer.connection);
      expect(await two.close()).to.deep.equal({ drained: 0, forced: 3 });
      await staying.expectOneEndOfAll();
    });
  }
});
