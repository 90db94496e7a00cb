// How a server ends: what is in flight is answered, what does not end in time is cut off, and close() says how it went.

import { expect } from 'chai';
import { listen, serveEach } from 'evio';
import type { Server, SocketAddress } from 'evio';
import { concatMap, delay, firstValueFrom, of } from 'rxjs';
import type { Observable } from 'rxjs';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { journalOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Peer } from '../harness.js';

async function expectRefused(harness: Harness, address: SocketAddress): Promise<void> {
  const error = await harness.connect(address).catch((thrown: unknown) => thrown);
  expect(error).to.include({ code: 'ECONNREFUSED' });
}

function addressOf(server: Server): SocketAddress {
  const [address] = server.addresses;
  if (address === undefined) throw new Error('the server is not bound');
  return address;
}

conformance('close()', (harness) => {
  it('of a server without connections resolves with nothing drained', async () => {
    const server = await harness.listening();
    const address = addressOf(server);
    expect(await server.close()).to.deep.equal({ drained: 0, forced: 0 });
    await expectRefused(harness, address);
  });

  it('stops listening at once, before it resolves', async () => {
    const server = await harness.listening();
    const address = addressOf(server);
    const { peer } = await harness.pair(server);
    const closed = server.close({ timeout: Infinity });
    await expectRefused(harness, address);
    await peer.over();
    peer.fin();
    expect(await closed).to.deep.equal({ drained: 1, forced: 0 });
  });

  it('frees the port for another server', async () => {
    const server = await harness.listening();
    const address = addressOf(server);
    const { peer } = await harness.pair(server);
    void server.close({ timeout: 0 });
    const next = await harness.listening({}, `tcp://${String(address)}`);
    expect(String(addressOf(next))).to.equal(String(address));
    await peer.over();
  });

  it('counts who ended by itself and who was cut off', async () => {
    const server = await harness.listening();
    const clients = [await harness.pair(server), await harness.pair(server), await harness.pair(server)];
    clients[0]?.connection.destroy();
    const closed = server.close({ timeout: Infinity });
    await clients[1]?.peer.over();
    clients[1]?.peer.fin();
    await harness.until(() => server.connections.size === 1);
    void server.close({ timeout: 50 }); // the time begins to run only now, however busy the machine is
    expect(await closed).to.deep.equal({ drained: 1, forced: 1 });
    expect((await clients[2]?.peer.over())?.ended).to.equal(true);
  });

  it('with a timeout of 0 cuts off all', async () => {
    const server = await harness.listening();
    const clients = [await harness.pair(server), await harness.pair(server)];
    expect(await server.close({ timeout: 0 })).to.deep.equal({ drained: 0, forced: 2 });
    for (const { peer } of clients) await peer.over();
  });

  it('lets output that is queued arrive', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(24 * MIB, 16);
    connection.write(bytes);
    const closed = server.close({ timeout: Infinity });
    const { received, ended } = await peer.over();
    peer.fin();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
    expect(await closed).to.deep.equal({ drained: 1, forced: 0 });
  });

  it('lets what was asked before be answered: an observable that is still at work', async () => {
    const server = await harness.listening();
    server.connections$
      .pipe(
        serveEach((data$) =>
          data$.pipe(concatMap((data) => of(`answer to ${String(data)}`).pipe(delay(20)))),
        ),
      )
      .subscribe();
    const { peer, connection } = await harness.pair(server);
    peer.send('a question');
    while (connection.bytesRead === 0) await harness.turns(1);
    const closed = server.close({ timeout: Infinity });
    const { received, ended } = await peer.over();
    peer.fin();
    expect([String(received), ended]).to.deep.equal(['answer to a question', true]);
    expect(await closed).to.deep.equal({ drained: 1, forced: 0 });
  });

  it('completes every stream, in order', async () => {
    const server = await harness.listening();
    const told: string[] = [];
    const names = ['connections$', 'data$', 'disconnected$', 'errors$', 'ticks$'] as const;
    for (const name of names) {
      const stream$: Observable<unknown> = server[name];
      stream$.subscribe({ complete: () => told.push(name) });
    }
    const { connection } = await harness.pair(server);
    connection.closed$.subscribe(() => told.push('closed$'));
    server.disconnected$.subscribe(() => told.push('disconnected$ of it'));
    await server.close({ timeout: 0 });
    expect(told.slice(0, 3)).to.deep.equal(['connections$', 'closed$', 'disconnected$ of it']);
    expect(told.slice(3).sort()).to.deep.equal(['data$', 'disconnected$', 'errors$', 'ticks$']);
  });

  it('again gives the same promise, and a shorter timeout counts', async () => {
    const server = await harness.listening();
    await harness.pair(server);
    const closed = server.close({ timeout: Infinity });
    expect(server.close({ timeout: Infinity })).to.equal(closed);
    expect(server.close({ timeout: 1 })).to.equal(closed);
    expect(await closed).to.deep.equal({ drained: 0, forced: 1 });
    expect(await server.close()).to.deep.equal({ drained: 0, forced: 1 });
  });

  it('before anybody is ready rejects ready, and is not an unhandled rejection', async () => {
    const server = listen('tcp://localhost:0', { poller: harness.poller });
    await server.close();
    const error = await server.ready.catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'ERR_EVIO_CLOSED' });
  });

  it('closes clients that nobody has taken', async () => {
    const server = await harness.listening();
    const waiting = await Promise.all([harness.connect(server), harness.connect(server)]);
    await harness.turns();
    await server.close();
    for (const peer of waiting) await peer.over();
  });

  it('refuses a timeout that is none', async () => {
    const server = await harness.listening();
    for (const timeout of [-1, Number.NaN, '1' as never])
      expect(() => server.close({ timeout })).to.throw(TypeError);
  });
});

/** Where close() may be called: each calls back inside one kind of event. */
const places: Readonly<Record<string, (server: Server, close: () => void) => unknown>> = {
  connections$: (server, close) => server.connections$.subscribe(close),
  data$: (server, close) => server.connections$.subscribe(({ data$ }) => data$.subscribe(close)),
  'server.data$': (server, close) => server.data$.subscribe(close),
  'the completion of data$': (server, close) =>
    server.connections$.subscribe(({ data$ }) => data$.subscribe({ complete: close })),
  closed$: (server, close) =>
    server.connections$.subscribe(({ closed$, data$ }) => [closed$.subscribe(close), data$.subscribe()]),
  disconnected$: (server, close) => [server.disconnected$.subscribe(close), server.data$.subscribe()],
  errors$: (server, close) => [
    server.errors$.subscribe(close),
    server.data$.subscribe(() => {
      throw new Error('on purpose');
    }),
  ],
  ticks$: (server, close) => [server.ticks$.subscribe(close), server.data$.subscribe()],
  'send()': (server, close) =>
    server.data$.subscribe(({ connection, data }) =>
      connection.send(data).subscribe({ next: close, error: () => {} }),
    ),
  'a wake': (server, close) =>
    server.connections$.subscribe((connection) => {
      connection.data$.subscribe(close);
      connection.wake();
    }),
};

async function callAndLeave(harness: Harness, server: Server): Promise<void> {
  const peer = await harness.connect(server);
  peer.fin('x');
  await peer.over();
}

conformance('close() inside', (harness) => {
  for (const [place, subscribe] of Object.entries(places)) {
    for (const timeout of [0, 20]) {
      it(`${place}, in ${timeout} ms, ends all connections once`, async () => {
        const server = await harness.listening();
        const ends = valuesOf(server.disconnected$);
        let most = 0;
        server.connections$.subscribe(() => (most = Math.max(most, server.connections.size)));
        const outcome = new Promise((resolve) => {
          subscribe(server, () => void server.close({ timeout }).then(resolve));
        });
        const clients = Promise.allSettled([1, 2, 3].map(() => callAndLeave(harness, server)));
        await outcome;
        await clients; // who comes too late may be refused
        expect(server.connections.size).to.equal(0);
        expect(new Set(ends).size).to.equal(ends.length);
        expect(ends.length).to.be.at.least(most);
      });
    }
  }
});

conformance('a server ends', (harness) => {
  it('at once when its signal is aborted', async () => {
    const controller = new AbortController();
    const server = await harness.listening({ signal: controller.signal });
    const { peer, connection } = await harness.pair(server);
    const journal = journalOf(server, connection);
    controller.abort();
    await journal.over;
    expect(journal.errors).to.deep.equal([undefined, undefined]);
    expect((await peer.over()).ended).to.equal(true);
    expect(await server.close()).to.deep.equal({ drained: 0, forced: 1 });
  });

  it('before it begins when its signal is aborted already', async () => {
    const reason = new Error('never mind');
    const server = listen('tcp://127.0.0.1:0', { poller: harness.poller, signal: AbortSignal.abort(reason) });
    expect(await server.ready.catch((thrown: unknown) => thrown)).to.equal(reason);
    let completed = false;
    server.connections$.subscribe({ complete: () => (completed = true) });
    expect([completed, server.addresses]).to.deep.equal([true, []]);
  });

  it('with its scope: await using', async () => {
    const server = listen('tcp://127.0.0.1:0', { poller: harness.poller });
    let peer: Peer | undefined;
    {
      await using scoped = await server.ready;
      scoped.connections$.subscribe((connection) => connection.data$.subscribe(connection));
      ({ peer } = await harness.pair(scoped));
      peer.send('x');
      await peer.receives('x');
      void peer.over().then(() => peer?.fin());
    }
    expect((await peer.over()).ended).to.equal(true);
    expect(server.connections.size).to.equal(0);
  });

  it('one connection with its scope: await using', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const closed = firstValueFrom(connection.closed$);
    {
      await using scoped = connection;
      scoped.write('hello');
      void peer.over().then(() => peer.fin());
    }
    expect(await closed).to.deep.equal({});
    expect(String(peer.received)).to.equal('hello');
    expect(server.connections.size).to.equal(0);
  });

  it('without the other servers of the process', async () => {
    const servers = [await harness.listening(), await harness.listening(), await harness.listening()];
    for (const server of servers) server.connections$.subscribe((one) => one.data$.subscribe(one));
    const clients = [];
    for (const server of servers) clients.push(await harness.pair(server));
    await servers[1]?.close({ timeout: 0 });
    for (const i of [0, 2]) {
      clients[i]?.peer.send('on');
      await clients[i]?.peer.receives('on');
    }
    expect(servers.map(({ connections }) => connections.size)).to.deep.equal([1, 0, 1]);
  });
});
