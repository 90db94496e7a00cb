// Wakes by the thousand: each connection gets one for all that came before its turn, and time, input and everybody else
// go on.

import { expect } from 'chai';
import type { Connection } from 'evio';

import { Inbox } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import { Ledger } from './ledger.js';

const CONNECTIONS = 100;
const WAKES = 50;

/** Counts the wakes of a connection; reading it. */
class Counter {
  count = 0;

  constructor(connection: Connection, inside: () => void = () => {}) {
    connection.data$.subscribe(({ length }) => {
      if (length > 0) return;
      this.count += 1;
      inside();
    });
  }
}

conformance('a storm of wakes', (harness) => {
  it(`${CONNECTIONS * WAKES} in one turn are one for each connection`, async () => {
    const server = await harness.listening();
    const both = await harness.pairs(server, CONNECTIONS);
    const counters = both.map(({ connection }) => new Counter(connection));
    for (let i = 0; i < WAKES; i++) for (const { connection } of both) connection.wake();
    await harness.until(() => counters.every(({ count }) => count > 0));
    await harness.settle();
    expect(counters.map(({ count }) => count)).to.deep.equal(counters.map(() => 1));
  });

  it('in each of many turns is one for each connection and turn', async () => {
    const server = await harness.listening();
    const both = await harness.pairs(server, 20);
    const counters = both.map(({ connection }) => new Counter(connection));
    for (let turn = 1; turn <= 100; turn++) {
      for (let i = 0; i < 10; i++) for (const { connection } of both) connection.wake();
      await harness.until(() => counters.every(({ count }) => count >= turn));
    }
    await harness.turns();
    expect(counters.map(({ count }) => count)).to.deep.equal(counters.map(() => 100));
  });

  it('from inside wakes, of oneself and of all others, lets time and input go on', async () => {
    const server = await harness.listening();
    const both = await harness.pairs(server, 30);
    const quiet = await harness.pair(server);
    quiet.connection.data$.subscribe(quiet.connection);
    let storm = true;
    const counters = both.map(
      ({ connection }) =>
        new Counter(connection, () => {
          if (!storm) return;
          for (const other of both) other.connection.wake();
        }),
    );
    both[0]!.connection.wake();
    for (let i = 0; i < 10; i++) {
      const before = counters[0]!.count;
      quiet.peer.send('x');
      await quiet.peer.until(({ receivedBytes }) => receivedBytes === i + 1);
      await harness.clock.advance(2);
      await harness.until(() => counters.every(({ count }) => count > before));
    }
    storm = false;
    await harness.turns();
    const counts = counters.map(({ count }) => count);
    await harness.settle();
    expect(counters.map(({ count }) => count)).to.deep.equal(counts);
    // In one turn each is woken by all the others together: nobody is far ahead.
    expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(2);
  });

  it('handed on from one connection to the next goes round, once for each hand', async () => {
    const server = await harness.listening();
    const both = await harness.pairs(server, 10);
    let left = 1000;
    const counters = both.map(
      ({ connection }, i) =>
        new Counter(connection, () => {
          left -= 1;
          if (left > 0) both[(i + 1) % both.length]!.connection.wake();
        }),
    );
    both[0]!.connection.wake();
    await harness.until(() => left === 0);
    await harness.turns();
    expect(counters.map(({ count }) => count)).to.deep.equal(counters.map(() => 100));
  });

  it('reaches those who read in the order in which they were woken first', async () => {
    const server = await harness.listening();
    const both = await harness.pairs(server, 30);
    const order: number[] = [];
    for (const { connection } of both) connection.data$.subscribe(() => order.push(connection.id));
    const backwards = both.map(({ connection }) => connection).reverse();
    for (const connection of backwards) connection.wake();
    for (const { connection } of both) connection.wake();
    await harness.until(() => order.length === both.length);
    expect(order).to.deep.equal(backwards.map(({ id }) => id));
  });

  it('does not disturb what is received: bytes in order, wakes beside them', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const inbox = new Inbox(connection.data$, () => {
      if (inbox.bytes < 10_000) connection.wake();
    });
    const text = Array.from({ length: 2500 }, (_, i) => String(i).padStart(4, '0')).join('');
    for (let at = 0; at < text.length; at += 100) {
      peer.send(text.slice(at, at + 100));
      connection.wake();
      await harness.turns(1);
    }
    await inbox.until(text.length);
    expect(inbox.text).to.equal(text);
    expect(inbox.chunks.filter(({ length }) => length === 0)).to.not.deep.equal([]);
  });
});

conformance('a storm of wakes on a connection', (harness) => {
  it('that is paused is one wake when it is resumed', async () => {
    const server = await harness.listening();
    const both = await harness.pairs(server, CONNECTIONS);
    const counters = both.map(({ connection }) => new Counter(connection));
    for (const { connection } of both) connection.pause();
    for (let i = 0; i < WAKES; i++) {
      for (const { connection } of both) connection.wake();
      if (i % 10 === 0) await harness.turns(1);
    }
    await harness.settle();
    expect(counters.every(({ count }) => count === 0)).to.equal(true);
    for (const { connection } of both) connection.resume();
    await harness.until(() => counters.every(({ count }) => count > 0));
    await harness.turns();
    expect(counters.every(({ count }) => count === 1)).to.equal(true);
  });

  it('that is paused inside a wake, with one due, keeps that', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    const counter = new Counter(connection, () => {
      connection.wake();
      connection.pause();
    });
    connection.wake();
    for (let i = 1; i <= 10; i++) {
      await harness.until(() => counter.count === i);
      await harness.turns();
      expect(counter.count).to.equal(i);
      connection.resume();
    }
  });

  for (const [state, end] of Object.entries({
    'whose input has ended': (connection: Connection) => connection.end(),
    'that is destroyed': (connection: Connection) => connection.destroy(),
    'that is reset': (connection: Connection) => connection.reset(),
  })) {
    it(`${state} comes to nothing, also when it was due`, async () => {
      const server = await harness.listening({ halfOpen: true });
      const ledger = new Ledger(harness, server);
      const both = await ledger.enterMany(20);
      const after = both.map(() => 0);
      both.forEach(({ connection }, i) => {
        let over = false;
        connection.data$.subscribe({
          next: () => (after[i]! += over ? 1 : 0),
          complete: () => (over = true),
        });
      });
      for (const { peer } of both) peer.fin();
      for (const { connection } of both) connection.wake();
      if (state === 'whose input has ended') await harness.settle();
      for (const { connection } of both) {
        connection.wake();
        end(connection);
        connection.wake();
      }
      for (let i = 0; i < WAKES; i++) for (const { connection } of both) connection.wake();
      await ledger.expectOneEndEach();
      for (const { connection } of both) connection.wake();
      await harness.turns();
      expect(after).to.deep.equal(both.map(() => 0));
    });
  }

  it('that only has sent FIN goes on', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    const counter = new Counter(connection);
    connection.end();
    for (let i = 0; i < WAKES; i++) connection.wake();
    await harness.until(() => counter.count === 1);
    await harness.turns();
    expect(counter.count).to.equal(1);
  });
});
