// A throw in the teardown of a user's pipeline (RxJS throws it out of `complete` and `unsubscribe`) keeps nothing from
// ending: not the connection, not the others, not the server; and somebody hears of it.

import { expect } from 'chai';
import { listen, serveEach } from 'evio';
import type { Server } from 'evio';
import { NEVER, finalize, merge } from 'rxjs';
import type { MonoTypeOperatorFunction } from 'rxjs';

import { valuesOf } from '../../support/connections.js';
import { withUncaught } from '../../support/uncaught.js';
import { conformance } from '../conformance.js';
import type { Harness, Peer } from '../harness.js';

const BUG = 'a bug in the teardown';

function careless<T>(): MonoTypeOperatorFunction<T> {
  return finalize(() => {
    throw new Error(BUG);
  });
}

/** Whoever hears of it: errors$, or the process, where RxJS wraps it. */
const mentions = (error: Error): boolean => `${error.message} ${error.stack ?? ''}`.includes(BUG);

/** Where the teardown belongs to the first connection. */
const ofConnection: Readonly<Record<string, (server: Server) => void>> = {
  data$: (server) => {
    server.connections$.subscribe(({ id, data$ }) => {
      if (id === 1) data$.pipe(careless()).subscribe();
    });
  },
  closed$: (server) => {
    server.connections$.subscribe(({ id, closed$ }) => {
      if (id === 1) closed$.pipe(careless()).subscribe();
    });
  },
  drained$: (server) => {
    server.connections$.subscribe(({ id, drained$ }) => {
      if (id === 1) drained$.pipe(careless()).subscribe();
    });
  },
  'a protocol that ends with its input': (server) => {
    server.connections$
      .pipe(serveEach((data$, { id }) => (id === 1 ? data$.pipe(careless()) : data$)))
      .subscribe();
  },
  'a protocol that goes on until the connection is gone': (server) => {
    server.connections$
      .pipe(serveEach((data$, { id }) => (id === 1 ? merge(data$, NEVER).pipe(careless()) : data$)))
      .subscribe();
  },
};

/** Where it belongs to the server. */
const ofServer: Readonly<Record<string, (server: Server) => unknown>> = {
  connections$: ({ connections$ }) => connections$.pipe(careless()).subscribe(),
  'server.data$': ({ data$ }) => data$.pipe(careless()).subscribe(),
  disconnected$: ({ disconnected$ }) => disconnected$.pipe(careless()).subscribe(),
  errors$: ({ errors$ }) => errors$.pipe(careless()).subscribe(),
  ticks$: ({ ticks$ }) => ticks$.pipe(careless()).subscribe(),
};

/** Waits with a bound: that it never happens is what these specs are about. */
async function soon(harness: Harness, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await harness.clock.advance(1);
}

/** Whether close() resolves. Not by the support for servers: one that never closes would stop the other specs. */
async function closesSoon(harness: Harness, server: Server): Promise<boolean> {
  let closed = false;
  void server.close({ timeout: 0 }).then(() => (closed = true));
  await soon(harness, () => closed);
  await harness.turns();
  return closed;
}

const leave: Readonly<Record<string, (peer: Peer) => void>> = {
  FIN: (peer) => peer.fin(),
  RST: (peer) => peer.reset(),
};

conformance('a careless teardown', (harness) => {
  for (const [where, serve] of Object.entries(ofConnection)) {
    for (const [how, go] of Object.entries(leave)) {
      if (how === 'FIN' && where.includes('until the connection is gone')) continue; // nothing ends by that
      it(`of ${where} does not keep its connection from ending at ${how}, and is heard of`, async () => {
        const server = await listen('tcp://127.0.0.1:0', { poller: harness.poller }).ready;
        const heard: Error[] = [];
        server.errors$.subscribe(({ error }) => heard.push(error));
        const ends = valuesOf(server.disconnected$);
        serve(server);
        server.connections$.subscribe(({ data$ }) => data$.subscribe());
        await withUncaught(async (uncaught) => {
          const { peer } = await harness.pair(server);
          await harness.turns();
          go(peer);
          await soon(harness, () => ends.length > 0);
          expect(ends.map(({ connection }) => connection.id)).to.deep.equal([1]);
          expect(await closesSoon(harness, server)).to.equal(true);
          await soon(harness, () => [...heard, ...uncaught].some(mentions));
          heard.push(...uncaught);
        });
        expect(heard.filter(mentions)).to.have.length(1);
      });
    }
  }

  for (const [where, serve] of Object.entries(ofServer)) {
    it(`of ${where} does not keep the server from closing, and is heard of`, async () => {
      const server = await listen('tcp://127.0.0.1:0', { poller: harness.poller }).ready;
      await withUncaught(async (uncaught) => {
        serve(server);
        server.connections$.subscribe();
        const peer = await harness.connect(server);
        await harness.until(() => server.connections.size === 1);
        expect(await closesSoon(harness, server)).to.equal(true);
        await peer.over();
        await soon(harness, () => uncaught.some(mentions)); // RxJS tells from a timer
        await harness.turns();
        expect(uncaught.filter(mentions)).to.have.length(1);
      });
    });
  }
});

conformance('a throw in a complete callback', (harness) => {
  for (const [how, end] of Object.entries({
    'the peer resets': (peer: Peer) => peer.reset(),
    'the server closes': (_: Peer, server: Server) => void server.close({ timeout: 0 }),
  })) {
    it(`of data$ is told on errors$ when ${how}`, async () => {
      const server = await harness.listening();
      const failures = valuesOf(server.errors$);
      const { peer, connection } = await harness.pair(server);
      connection.data$.subscribe({
        complete: () => {
          throw new Error(BUG);
        },
      });
      await harness.turns();
      end(peer, server);
      await harness.until(() => server.connections.size === 0);
      expect(failures.map(({ error }) => error.message)).to.deep.equal([BUG]);
    });
  }

  it('of server.data$ is told on errors$', async () => {
    const server = await harness.listening();
    const failures = valuesOf(server.errors$);
    server.data$.subscribe({
      complete: () => {
        throw new Error(BUG);
      },
    });
    await server.close();
    expect(failures.map(({ error }) => error.message)).to.deep.equal([BUG]);
  });
});
