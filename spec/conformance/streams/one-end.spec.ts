// Whatever ends a connection at the same time, and however many of it: it ends once, and the first cause that is known
// is the one that is told.

import { expect } from 'chai';
import { serveEach } from 'evio';
import type { Connection, Protocol, Server } from 'evio';
import { map, throwError } from 'rxjs';

import { MIB } from '../../support/bytes.js';
import { codeOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Peer } from '../harness.js';
import { Ledger } from './ledger.js';

interface Scene {
  readonly server: Server;
  readonly peer: Peer;
  readonly connection: Connection;
  readonly controller: AbortController;
}

interface Cause {
  readonly act: (scene: Scene) => void;
  /** What closed$ tells when this comes first; causes that take time, or tell nothing, have none. */
  readonly error?: string;
  /** The connection is closed when `act` has returned. */
  readonly atOnce?: true;
}

const causes: Readonly<Record<string, Cause>> = {
  'FIN of the peer': { act: ({ peer }) => peer.fin('bye') },
  'RST of the peer': { act: ({ peer }) => peer.reset() },
  'the peer goes': { act: ({ peer }) => peer.destroy() },
  'end()': { act: ({ connection }) => connection.end('bye') },
  'destroy()': { act: ({ connection }) => connection.destroy(), atOnce: true },
  'destroy(error)': {
    act: ({ connection }) => connection.destroy(new Error('destroyed')),
    error: 'destroyed',
    atOnce: true,
  },
  'reset()': { act: ({ connection }) => connection.reset(), atOnce: true },
  'error() as an Observer': {
    act: ({ connection }) => throwError(() => new Error('errored')).subscribe(connection),
    error: 'errored',
    atOnce: true,
  },
  'a full queue': {
    act: ({ connection }) => {
      connection.write(Buffer.alloc(12 * MIB));
      connection.write('the last straw');
    },
  },
  'close() of the server': { act: ({ server }) => void server.close({ timeout: 1 }) },
  'close() of the server at once': { act: ({ server }) => void server.close({ timeout: 0 }), atOnce: true },
  'its abort': { act: ({ controller }) => controller.abort(), atOnce: true },
};

async function prepare(harness: Harness): Promise<Scene & { ledger: Ledger }> {
  const controller = new AbortController();
  const server = await harness.listening({ maxQueuedBytes: MIB, signal: controller.signal });
  server.errors$.subscribe();
  const ledger = new Ledger(harness, server);
  const { peer, connection } = await ledger.enter();
  peer.stopReading();
  return { server, peer, connection, controller, ledger };
}

conformance('a connection ends once, and the first tells why, when there come', (harness) => {
  for (const [first, { act, error, atOnce }] of Object.entries(causes)) {
    it(`inside one callback ${first} and any other cause`, async () => {
      for (const second of Object.values(causes)) {
        const scene = await prepare(harness);
        const { peer, connection, ledger } = scene;
        connection.data$.subscribe((data) => {
          if (String(data) !== 'go') return;
          act(scene);
          second.act(scene);
        });
        peer.send('go');
        await harness.until(() => connection.bytesRead > 0);
        peer.readAgain();
        // Where neither ends both directions: a peer that has had enough.
        void peer.over().then(() => peer.destroy());
        await ledger.expectOneEndEach([connection]);
        if (atOnce) expect(codeOf(ledger.error(connection))).to.equal(error);
        await ledger.expectOneEndOfAll();
      }
    });
  }

  it('inside one callback all causes, in either order, with a throw behind them', async () => {
    for (const order of [Object.values(causes), Object.values(causes).reverse()]) {
      const scene = await prepare(harness);
      scene.connection.data$.subscribe(() => {
        for (const { act } of order) act(scene);
        throw new Error('on purpose');
      });
      scene.peer.send('go');
      await scene.ledger.expectOneEndOfAll();
    }
  });

  it('many ends of many connections in one turn, each by every other', async () => {
    const server = await harness.listening();
    server.errors$.subscribe();
    const ledger = new Ledger(harness, server);
    const pairs = await ledger.enterMany(30);
    const ways: readonly ((connection: Connection) => void)[] = [
      (connection) => connection.destroy(),
      (connection) => connection.reset(),
      (connection) => connection.end(),
      (connection) => connection.error(new Error('errored')),
    ];
    pairs.forEach(({ connection }, i) => {
      connection.data$.subscribe(() => {
        pairs.forEach((other, j) => ways[(i + j) % ways.length]?.(other.connection));
      });
      connection.closed$.subscribe(() => {
        for (const other of pairs) other.connection.destroy();
      });
    });
    for (const { peer } of pairs) peer.fin('x');
    await ledger.expectOneEndEach();
    await ledger.expectOneEndOfAll();
  });
});

conformance('a connection served by a protocol ends once when', (harness) => {
  for (const [title, { act }] of Object.entries(causes)) {
    it(`there come ${title}, the protocol’s error and the end of serveEach`, async () => {
      const controller = new AbortController();
      const server = await harness.listening({ maxQueuedBytes: MIB, signal: controller.signal });
      server.errors$.subscribe();
      const ledger = new Ledger(harness, server);
      const failing: Protocol = (data$, connection) =>
        data$.pipe(
          map(() => {
            act({ server, peer, connection, controller });
            subscription.unsubscribe();
            throw new Error('on purpose');
          }),
        );
      const subscription = server.connections$.pipe(serveEach(failing)).subscribe();
      const { peer } = await ledger.enter();
      peer.send('go');
      void peer.over().then(() => peer.destroy());
      await ledger.expectOneEndEach();
      await ledger.expectOneEndOfAll();
    });
  }
});
