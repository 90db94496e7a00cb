// Each direction ends by itself: whoever sends FIN first, whatever is queued then, and whether the connection may be half
// open, every byte arrives both ways before the end, and the end is told once.

import { expect } from 'chai';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { Inbox } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Pair } from '../harness.js';
import { Ledger } from './ledger.js';

const QUEUED = pattern(12 * MIB, 41);
const NOTHING = Buffer.alloc(0);

interface Ending extends Pair {
  readonly harness: Harness;
  readonly inbox: Inbox;
  readonly bytes: Buffer;
}

/** Both sides send FIN, in some order; the peer's comes with `bytes`, in one piece. */
const orders: Readonly<Record<string, (ending: Ending) => unknown>> = {
  'the peer first': async ({ peer, connection, inbox, bytes }) => {
    peer.fin(bytes);
    await inbox.ended;
    connection.end();
  },
  'the peer first, and end() inside the completion of data$': ({ peer, connection, bytes }) => {
    connection.data$.subscribe({ complete: () => connection.end() });
    peer.fin(bytes);
  },
  'this side first': async ({ harness, peer, connection, bytes }) => {
    connection.end();
    await harness.settle();
    peer.fin(bytes);
  },
  'both at the same time': ({ peer, connection, bytes }) => {
    connection.end();
    peer.fin(bytes);
  },
};

conformance('FIN in both directions', (harness) => {
  for (const [order, end] of Object.entries(orders)) {
    for (const halfOpen of [false, true]) {
      for (const [queue, output] of [
        ['nothing', NOTHING],
        ['output', QUEUED],
      ] as const) {
        for (const bytes of [NOTHING, Buffer.from('with FIN')]) {
          const title = `${order}, halfOpen ${halfOpen}, ${queue} queued, FIN ${bytes.length > 0 ? 'with bytes' : 'alone'}`;
          it(`loses nothing and ends once: ${title}`, async () => {
            // With output queued the mark would hold back the peer's FIN: that is of another spec.
            const server = await harness.listening({
              halfOpen,
              maxQueuedBytes: Infinity,
              highWaterMark: 2 * QUEUED.length,
            });
            const ledger = new Ledger(harness, server);
            const { peer, connection } = await ledger.enter();
            const inbox = new Inbox(connection.data$);
            if (output.length > 0) peer.stopReading();
            connection.write(output);
            await harness.turns();
            await end({ harness, peer, connection, inbox, bytes });
            await inbox.ended;
            peer.readAgain();
            const outcome = await peer.over();
            expect([outcome.ended, outcome.error]).to.deep.equal([true, undefined]);
            expect(hash(outcome.received)).to.equal(hash(output));
            expect(inbox.text).to.equal(String(bytes));
            await ledger.expectOneEndEach();
            expect(ledger.error(connection)).to.equal(undefined);
            expect(connection.bytesWritten).to.equal(output.length);
          });
        }
      }
    }
  }
});

conformance('the peer’s FIN alone', (harness) => {
  for (const [queue, output] of [
    ['nothing', NOTHING],
    ['output', QUEUED],
  ] as const) {
    it(`with ${queue} queued ends the connection behind that`, async () => {
      const ledger = new Ledger(harness, await harness.listening({ maxQueuedBytes: Infinity }));
      const { peer, connection } = await ledger.enter();
      connection.data$.subscribe();
      peer.stopReading();
      connection.write(output);
      peer.fin();
      await harness.settle();
      peer.readAgain();
      const { received, ended } = await peer.over();
      expect([ended, hash(received)]).to.deep.equal([true, hash(output)]);
      await ledger.expectOneEndEach();
      expect(ledger.error(connection)).to.equal(undefined);
    });

    it(`with ${queue} queued and halfOpen ends nothing: more may be written`, async () => {
      const ledger = new Ledger(
        harness,
        await harness.listening({ halfOpen: true, maxQueuedBytes: Infinity }),
      );
      const { peer, connection } = await ledger.enter();
      const inbox = new Inbox(connection.data$);
      connection.write(output);
      peer.fin();
      await inbox.ended;
      await harness.settle();
      expect([ledger.events(connection), peer.isOver]).to.deep.equal([[], false]);
      connection.write('more');
      await harness.turns();
      connection.end(' and more');
      const { received } = await peer.over();
      expect(hash(received)).to.equal(hash([output, Buffer.from('more and more')]));
      await ledger.expectOneEndEach();
    });
  }

  it('held back by the mark is delivered once output has drained', async () => {
    const ledger = new Ledger(harness, await harness.listening({ maxQueuedBytes: Infinity }));
    const { peer, connection } = await ledger.enter();
    const inbox = new Inbox(connection.data$);
    peer.stopReading();
    connection.write(QUEUED);
    await harness.turns();
    peer.fin('behind the mark');
    await harness.settle();
    expect(inbox.text).to.equal('');
    peer.readAgain();
    await inbox.ended;
    expect(inbox.text).to.equal('behind the mark');
    expect(hash((await peer.over()).received)).to.equal(hash(QUEUED));
    await ledger.expectOneEndEach();
  });

  it('is all that comes from a client that says nothing: data$ only completes', async () => {
    for (const halfOpen of [false, true]) {
      const ledger = new Ledger(harness, await harness.listening({ halfOpen }));
      const { peer, connection } = await ledger.enter();
      const inbox = new Inbox(connection.data$);
      peer.fin();
      await inbox.ended;
      connection.end();
      expect((await peer.over()).ended).to.equal(true);
      expect([inbox.chunks.length, connection.bytesRead]).to.deep.equal([0, 0]);
      await ledger.expectOneEndEach();
    }
  });
});
