// What is written from inside any kind of event arrives whole and in order, at its own connection and at every other; a
// connection that can take no more refuses it without a word to anybody else.

import { expect } from 'chai';
import type { Connection } from 'evio';

import { KIB, pattern } from '../../support/bytes.js';
import { codeOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import { OPTIONS, places } from './events.js';
import { Ledger } from './ledger.js';

const LARGE = pattern(100 * KIB, 21);
/** Small, large and small again: through the outbox, from where it lies, and behind that. */
const MESSAGE = Buffer.concat([Buffer.from('<a'), LARGE, Buffer.from('z>')]);

/** Writes the message and tells what became of it. */
class Writer {
  readonly told: string[] = [];
  readonly results: boolean[] = [];

  write(connection: Connection): void {
    this.results.push(connection.write('<a'), connection.write(LARGE));
    connection.send('z>').subscribe({
      complete: () => this.told.push('complete'),
      error: (error: Error) => this.told.push(codeOf(error) ?? ''),
    });
  }
}

conformance('what is written to every connection arrives or is refused', (harness) => {
  for (const [title, { happen, prefix = '', refuses }] of Object.entries(places)) {
    it(`inside ${title}`, async () => {
      const server = await harness.listening(OPTIONS);
      const ledger = new Ledger(harness, server);
      const others = await ledger.enterMany(3);
      const own = new Writer();
      const writers = others.map(() => new Writer());
      let written = false;
      const stage = { harness, server, enter: () => ledger.enter(), subscription: undefined };
      const { peer } = await happen(stage, (connection) => {
        if (written) return;
        written = true;
        own.write(connection);
        others.forEach((other, i) => writers[i]?.write(other.connection));
      });
      await harness.until(() => written);
      for (const other of others) other.connection.write(' and after');

      for (const other of others)
        await other.peer.receives(Buffer.concat([MESSAGE, Buffer.from(' and after')]));
      await harness.until(() => writers.every(({ told }) => told.length > 0));
      for (const { told } of writers) expect(told).to.deep.equal(['complete']);
      if (refuses === undefined) {
        await peer.receives(Buffer.concat([Buffer.from(prefix), MESSAGE]));
        await harness.until(() => own.told.length > 0);
        expect(own.told).to.deep.equal(['complete']);
      } else {
        await harness.settle();
        expect([own.results, own.told]).to.deep.equal([[false, false], [refuses]]);
        expect(peer.received.includes('<a')).to.equal(false);
      }
      await ledger.expectOneEndOfAll();
    });
  }
});
