// A peer that goes while output is queued for it: the connection ends once, what waited for the output hears of it,
// nothing stays queued, and everybody else goes on.

import { expect } from 'chai';
import type { Connection } from 'evio';

import { MIB } from '../../support/bytes.js';
import { codeOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Peer } from '../harness.js';
import { Ledger } from './ledger.js';

/** More than any kernel takes for a peer that does not read. */
const OUTPUT = Buffer.alloc(24 * MIB, 'o');

const ways: Readonly<Record<string, (peer: Peer, harness: Harness) => unknown>> = {
  resets: (peer) => peer.reset(),
  'goes without a word': (peer) => peer.destroy(),
  'sends FIN and goes': async (peer, harness) => {
    peer.fin();
    await harness.turns();
    peer.destroy();
  },
  'says something and goes': (peer) => {
    peer.send('bye');
    peer.destroy();
  },
  'sends FIN and resets': async (peer, harness) => {
    peer.fin('bye');
    await harness.settle();
    peer.reset();
  },
  'reads a part and resets': async (peer) => {
    peer.readAgain();
    await peer.until(({ receivedBytes }) => receivedBytes > MIB);
    peer.reset();
  },
  'reads a part, sends FIN and goes': async (peer, harness) => {
    peer.readAgain();
    await peer.until(({ receivedBytes }) => receivedBytes > MIB);
    peer.fin();
    await harness.turns(2);
    peer.destroy();
  },
};

/** What the connection does meanwhile. */
const states: Readonly<Record<string, (connection: Connection) => unknown>> = {
  'that is read': ({ data$ }) => data$.subscribe(),
  'that nobody reads': () => {},
  'that is paused': (connection) => (connection.data$.subscribe(), connection.pause()),
  'that has been ended': (connection) => (connection.data$.subscribe(), connection.end()),
};

conformance('a peer of a connection with output queued', (harness) => {
  for (const [way, go] of Object.entries(ways)) {
    for (const [state, bring] of Object.entries(states)) {
      it(`${way}: one end of a connection ${state}, and sends error`, async () => {
        const server = await harness.listening({ maxQueuedBytes: Infinity });
        const ledger = new Ledger(harness, server);
        const bystander = await ledger.enter();
        bystander.connection.data$.subscribe(bystander.connection);
        const { peer, connection } = await ledger.enter();
        const told: string[] = [];
        peer.stopReading();
        connection.drained$.subscribe({
          next: () => told.push('drained$'),
          complete: () => told.push('drained$ completes'),
        });
        connection.send(OUTPUT).subscribe({
          next: () => told.push('sent'),
          error: (error: Error) => told.push(`${codeOf(error)}, ${connection.bytesQueued} queued`),
        });
        connection.send('behind it').subscribe({ error: () => told.push('also') });
        bring(connection);
        await harness.turns();
        await go(peer, harness);
        if (state === 'that is paused') {
          // What came before the end waits for its reader, and the end with it.
          await harness.settle();
          connection.resume();
        }
        await ledger.expectOneEndEach([connection]);
        expect(told).to.deep.equal(['ERR_EVIO_CLOSED, 0 queued', 'also', 'drained$ completes']);
        expect(codeOf(ledger.error(connection))).to.be.oneOf(['ECONNRESET', 'EPIPE']);
        expect([connection.bytesQueued, connection.write('x')]).to.deep.equal([0, false]);
        bystander.peer.send('still here');
        await bystander.peer.receives('still here');
        await ledger.expectOneEndOfAll();
      });
    }
  }
});
