// A reset from either side, at any moment of a connection's life, ends that connection once and touches no other.

import { expect } from 'chai';
import type { Connection, ListenOptions } from 'evio';

import { KIB, MIB } from '../../support/bytes.js';
import { codeOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Pair } from '../harness.js';
import { Ledger } from './ledger.js';

interface Phase {
  readonly options?: ListenOptions;
  /** Brings the connection there. */
  readonly reach: (pair: Pair, harness: Harness, ledger: Ledger) => unknown;
  /** What brings the reset out afterwards, on pollers that would not notice it by themselves there. */
  readonly nudge?: (connection: Connection) => void;
  /** The connection has ended before the reset comes: without an error. */
  readonly over?: true;
}

function read(connection: Connection): void {
  connection.resume();
  connection.data$.subscribe();
}

const phases: Readonly<Record<string, Phase>> = {
  'accepted and never read': { reach: () => {}, nudge: read },
  'with unread bytes that nobody reads': {
    reach: async ({ peer }, harness) => {
      peer.send('unread');
      await harness.settle();
    },
    nudge: read,
  },
  'being read': {
    reach: async ({ peer, connection }, harness) => {
      connection.data$.subscribe();
      for (let i = 0; i < 10; i++) peer.send(Buffer.alloc(64 * KIB));
      await harness.until(() => connection.bytesRead > 0);
    },
  },
  paused: {
    reach: async ({ connection }, harness) => {
      connection.data$.subscribe();
      await harness.turns();
      connection.pause();
    },
  },
  'paused with unread bytes': {
    reach: async ({ peer, connection }, harness) => {
      connection.data$.subscribe();
      await harness.turns();
      connection.pause();
      peer.send('unread');
      await harness.settle();
    },
    nudge: read,
  },
  'left by its reader': {
    reach: async ({ peer, connection }, harness) => {
      const subscription = connection.data$.subscribe();
      peer.send('x');
      await harness.until(() => connection.bytesRead === 1);
      subscription.unsubscribe();
      await harness.turns();
    },
    nudge: read,
  },
  'with output queued': {
    reach: async ({ peer, connection }, harness) => {
      connection.data$.subscribe();
      peer.stopReading();
      connection.write(Buffer.alloc(12 * MIB));
      await harness.turns();
    },
  },
  'with output queued above the mark': {
    options: { highWaterMark: 64 * KIB },
    reach: async ({ peer, connection }, harness) => {
      connection.data$.subscribe();
      peer.stopReading();
      connection.write(Buffer.alloc(12 * MIB));
      await harness.turns();
    },
  },
  'half open, the peer having sent FIN': {
    options: { halfOpen: true },
    reach: async ({ peer, connection }, harness) => {
      let ended = false;
      connection.data$.subscribe({ complete: () => (ended = true) });
      peer.fin();
      await harness.until(() => ended);
    },
    nudge: (connection) => void connection.write('?'),
  },
  'half open, having sent FIN itself': {
    reach: async ({ peer, connection }) => {
      connection.data$.subscribe();
      connection.end('bye');
      await peer.over();
    },
  },
  'having sent FIN behind output that is queued': {
    reach: async ({ peer, connection }, harness) => {
      connection.data$.subscribe();
      peer.stopReading();
      connection.end(Buffer.alloc(12 * MIB));
      await harness.turns();
    },
  },
  'over, FIN having gone both ways': {
    reach: async ({ peer, connection }, _, ledger) => {
      connection.data$.subscribe();
      connection.end();
      await peer.over();
      peer.fin();
      await ledger.journal(connection).over;
    },
    over: true,
  },
};

/** Two connections more, which must not notice. */
async function bystanders(ledger: Ledger): Promise<Pair[]> {
  const both = await ledger.enterMany(2);
  for (const { connection } of both) connection.data$.subscribe(connection);
  return both;
}

async function expectUntouched(pairs: readonly Pair[]): Promise<void> {
  for (const { peer } of pairs) {
    peer.send('still here');
    await peer.receives('still here');
  }
}

conformance('a reset by the peer ends a connection once, with an error', (harness) => {
  for (const [title, { options = {}, reach, nudge, over }] of Object.entries(phases)) {
    it(`that is ${title}`, async () => {
      const ledger = new Ledger(harness, await harness.listening(options));
      const others = await bystanders(ledger);
      const pair = await ledger.enter();
      await reach(pair, harness, ledger);
      pair.peer.reset();
      if (nudge !== undefined) {
        await harness.settle();
        nudge(pair.connection);
      }
      await ledger.expectOneEndEach([pair.connection]);
      const code = codeOf(ledger.error(pair.connection));
      // A write that is under way may be the first to notice.
      if (over) expect(code).to.equal(undefined);
      else expect(code).to.be.oneOf(['ECONNRESET', 'EPIPE']);
      await expectUntouched(others);
      await ledger.expectOneEndOfAll();
    });
  }
});

conformance('reset() ends a connection once, without an error', (harness) => {
  for (const [title, { options = {}, reach }] of Object.entries(phases)) {
    it(`that is ${title}`, async () => {
      const ledger = new Ledger(harness, await harness.listening(options));
      const others = await bystanders(ledger);
      const pair = await ledger.enter();
      await reach(pair, harness, ledger);
      pair.connection.reset();
      expect(ledger.server.connections.has(pair.connection.id)).to.equal(false);
      pair.peer.readAgain();
      await pair.peer.over();
      await ledger.expectOneEndEach([pair.connection]);
      expect(ledger.error(pair.connection)).to.equal(undefined);
      await expectUntouched(others);
      await ledger.expectOneEndOfAll();
    });
  }
});

conformance('a reset during close() ends a connection once', (harness) => {
  for (const [who, reset] of Object.entries({
    'the peer': ({ peer }: Pair) => peer.reset(),
    'this side': ({ connection }: Pair) => connection.reset(),
  })) {
    for (const [what, prepare] of Object.entries({
      'nothing queued': () => {},
      'output queued': ({ peer, connection }: Pair) => {
        peer.stopReading();
        connection.write(Buffer.alloc(12 * MIB));
      },
    })) {
      it(`by ${who}, with ${what}, and close() waits for the others`, async () => {
        const ledger = new Ledger(harness, await harness.listening());
        const [reset1, stays] = await ledger.enterMany(2);
        for (const { connection } of [reset1!, stays!]) connection.data$.subscribe();
        await harness.turns();
        prepare(reset1!);
        let closed = false;
        const outcome = ledger.server.close({ timeout: Infinity }).finally(() => (closed = true));
        await stays!.peer.over();
        reset(reset1!);
        await ledger.expectOneEndEach([reset1!.connection]);
        await harness.turns();
        expect(closed).to.equal(false);
        stays!.peer.fin();
        expect(await outcome).to.deep.equal({ drained: 2, forced: 0 });
        await ledger.expectOneEndOfAll();
      });
    }
  }
});

conformance('a reset before the connection is accepted', (harness) => {
  it('is one end of a connection that was announced, and nobody else’s', async () => {
    const server = await harness.listening();
    const before = await harness.connect(server);
    const reset = [await harness.connect(server), await harness.connect(server)];
    const after = await harness.connect(server);
    reset[0]?.send('unread bytes');
    for (const peer of reset) peer.reset();
    await harness.settle();
    const ledger = new Ledger(harness, server);
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    for (const peer of [before, after]) {
      peer.send('served');
      await peer.receives('served');
    }
    const served = ({ bytesRead }: Connection): boolean => bytesRead === 6;
    await ledger.expectOneEndEach(ledger.connections.filter((connection) => !served(connection)));
    expect([...server.connections.values()].map(served)).to.deep.equal([true, true]);
    await ledger.expectOneEndOfAll();
  });
});
