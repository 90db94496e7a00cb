// However a connection ends, its streams tell it once and in one order: data$ completes, closed$, disconnected$.

import { expect } from 'chai';
import type { Connection, ListenOptions, Server } from 'evio';
import { firstValueFrom } from 'rxjs';

import { MIB } from '../../support/bytes.js';
import { codeOf, journalOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Pair } from '../harness.js';

interface Ending extends Pair {
  readonly harness: Harness;
  readonly server: Server;
}

interface Way {
  readonly title: string;
  readonly options?: ListenOptions;
  /** Makes it end. */
  readonly end: (ending: Ending) => unknown;
  /** The code or message of the error on closed$; none by default. */
  readonly error?: string;
}

const LOCAL = new Error('as the application says');

const queueOutput = async ({ harness, peer, connection }: Ending): Promise<void> => {
  peer.stopReading();
  while (connection.bytesQueued === 0) {
    connection.write(Buffer.alloc(4 * MIB));
    await harness.turns(2);
  }
};

const ways: readonly Way[] = [
  { title: 'FIN of the peer', end: ({ peer }) => peer.fin() },
  { title: 'FIN of the peer behind bytes', end: ({ peer }) => peer.fin('bytes') },
  { title: 'RST of the peer', end: ({ peer }) => peer.reset(), error: 'ECONNRESET' },
  {
    title: 'RST of the peer behind bytes',
    end: async ({ peer, connection }) => {
      peer.send('bytes');
      await firstValueFrom(connection.data$);
      peer.reset();
    },
    error: 'ECONNRESET',
  },
  {
    title: 'FIN of the peer while paused',
    end: ({ peer, connection }) => {
      connection.pause();
      peer.fin();
    },
  },
  {
    title: 'RST of the peer while paused',
    end: ({ peer, connection }) => {
      connection.pause();
      peer.reset();
    },
    error: 'ECONNRESET',
  },
  {
    title: 'FIN of the peer with output queued',
    end: async (ending) => {
      await queueOutput(ending);
      ending.peer.fin();
      await ending.harness.turns();
      ending.peer.readAgain();
    },
  },
  {
    title: 'RST of the peer with output queued',
    end: async (ending) => {
      await queueOutput(ending);
      ending.peer.reset();
    },
    error: 'ECONNRESET',
  },
  {
    title: 'end() and the FIN that answers it',
    end: ({ peer, connection }) => {
      connection.end('bye');
      void peer.over().then(() => peer.fin());
    },
  },
  { title: 'destroy()', end: ({ connection }) => connection.destroy() },
  {
    title: 'destroy(error)',
    end: ({ connection }) => connection.destroy(LOCAL),
    error: LOCAL.message,
  },
  {
    title: 'destroy() with output queued',
    end: async (ending) => {
      await queueOutput(ending);
      ending.connection.destroy();
    },
  },
  { title: 'reset()', end: ({ connection }) => connection.reset() },
  { title: 'complete() as an Observer', end: ({ connection, peer }) => (connection.complete(), peer.fin()) },
  {
    title: 'error() as an Observer',
    end: ({ connection }) => connection.error(LOCAL),
    error: LOCAL.message,
  },
  { title: 'close({ timeout: 0 }) of the server', end: ({ server }) => server.close({ timeout: 0 }) },
  {
    title: 'close() of the server',
    end: ({ server, peer }) => {
      void server.close({ timeout: Infinity });
      void peer.over().then(() => peer.fin());
    },
  },
  {
    title: 'close() of the server when the time is up',
    end: ({ server }) => server.close({ timeout: 20 }),
  },
  {
    title: 'a full queue',
    options: { maxQueuedBytes: MIB },
    end: async (ending) => {
      await queueOutput(ending);
      await queueOutput({ ...ending, connection: untilClosed(ending.connection) });
    },
    error: 'ERR_EVIO_QUEUE_FULL',
  },
  {
    title: 'a throw of its handler',
    end: ({ server, peer, connection }) => {
      server.errors$.subscribe();
      connection.data$.subscribe(() => {
        throw LOCAL;
      });
      peer.send('bytes');
    },
    error: LOCAL.message,
  },
];

/** As far as `queueOutput` is concerned there is never anything queued until the connection has closed. */
function untilClosed(connection: Connection): Connection {
  let closed = false;
  connection.closed$.subscribe(() => (closed = true));
  return {
    write: (bytes: Buffer) => connection.write(bytes),
    get bytesQueued() {
      return closed ? 1 : 0;
    },
  } as unknown as Connection;
}

const ONE_END = ['data$ completes', 'closed$', 'closed$ completes', 'disconnected$'];

conformance('the end of a connection', (harness) => {
  for (const { title, options, end, error } of ways) {
    it(`is told once and in order: ${title}`, async () => {
      const server = await harness.listening(options);
      const both = await harness.pair(server);
      const journal = journalOf(server, both.connection);
      await harness.turns(); // a connection that is read notices its end on every poller
      await end({ harness, server, ...both });
      await journal.over;
      await harness.turns();
      expect(journal.events).to.deep.equal(ONE_END);
      expect(journal.errors.map(codeOf)).to.deep.equal([error, error]);
      expect(server.connections.size).to.equal(0);
    });
  }

  it('is told to those who subscribe later, too', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    connection.destroy(LOCAL);
    const journal = journalOf(server, connection);
    expect(journal.events).to.deep.equal(ONE_END.slice(0, 3));
    expect(journal.errors).to.deep.equal([LOCAL]);
  });

  for (const close of ['end', 'destroy', 'reset'] as const) {
    it(`is told to every subscriber of data$ before closed$, though the first of them calls ${close}()`, async () => {
      const server = await harness.listening();
      const { peer, connection } = await harness.pair(server);
      const events: string[] = [];
      connection.data$.subscribe({
        complete: () => {
          events.push('first');
          connection[close]();
        },
      });
      connection.data$.subscribe({ complete: () => events.push('second') });
      connection.data$.subscribe({ complete: () => events.push('third') });
      connection.closed$.subscribe(() => events.push('closed$'));
      peer.fin();
      await harness.until(() => server.connections.size === 0);
      expect(events).to.deep.equal(['first', 'second', 'third', 'closed$']);
    });
  }

  it('completes what else waits for the connection', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    const told: string[] = [];
    connection.drained$.subscribe({ complete: () => told.push('drained$ completes') });
    connection.write(Buffer.alloc(64 * MIB));
    await harness.turns();
    connection
      .send('more')
      .subscribe({ error: ({ code }: NodeJS.ErrnoException) => told.push(`send: ${code}`) });
    connection.destroy();
    expect(told.sort()).to.deep.equal(['drained$ completes', 'send: ERR_EVIO_CLOSED']);
    connection.drained$.subscribe({ complete: () => told.push('again') });
    expect(told).to.include('again');
  });

  it('may be asked for again and again, in any order', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    const journal = journalOf(server, connection);
    connection.end();
    connection.end();
    connection.destroy();
    connection.reset();
    connection.destroy(LOCAL);
    connection.complete();
    connection.error(LOCAL);
    connection.pause();
    connection.resume();
    connection.wake();
    connection.unread(Buffer.from('x'));
    expect(connection.write('y')).to.equal(false);
    await harness.turns();
    expect(journal.events).to.deep.equal(ONE_END);
    expect(journal.errors).to.deep.equal([undefined, undefined]);
  });

  it('may be made inside the events that tell it', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const journal = journalOf(server, connection);
    connection.data$.subscribe({ complete: () => connection.destroy() });
    connection.closed$.subscribe(() => connection.reset());
    server.disconnected$.subscribe(() => connection.end());
    await harness.turns();
    peer.fin();
    await journal.over;
    await harness.turns();
    expect(journal.events).to.deep.equal(ONE_END);
    await harness.until(() => server.connections.size === 0);
  });
});
