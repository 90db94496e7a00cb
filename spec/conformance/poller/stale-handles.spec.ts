// A handle outlives its socket: whatever is done with it then finds nothing, never the stranger that came since.

import { expect } from 'chai';
import type { Connection } from 'evio';

import { journalOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

/** Everything that can be done with a connection. */
function useInEveryWay(connection: Connection): void {
  connection.write('from a stale handle');
  connection.write(Buffer.alloc(100_000, 'S'));
  connection.send('from a stale handle').subscribe({ error: () => {} });
  connection.data$.subscribe(connection);
  connection.pause();
  connection.resume();
  connection.wake();
  connection.unread(Buffer.from('stale'));
  connection.end('from a stale handle');
  connection.reset();
  connection.destroy();
}

conformance('a stale handle', (harness) => {
  it('does nothing to the connection that has got its descriptor', async () => {
    const server = await harness.listening();
    server.errors$.subscribe();
    for (let round = 0; round < 20; round++) {
      const old = await harness.pair(server);
      const journal = journalOf(server, old.connection);
      if (round % 2 === 0) old.connection.destroy();
      else old.peer.reset();
      await journal.over;
      await harness.turns(2);
      const young = await harness.pair(server);
      young.connection.data$.subscribe(young.connection);
      useInEveryWay(old.connection);
      young.peer.send('untouched');
      await young.peer.receives('untouched');
      useInEveryWay(old.connection);
      young.peer.fin();
      const { received, ended, error } = await young.peer.over();
      expect([String(received), ended, error]).to.deep.equal(['untouched', true, undefined]);
      expect(journal.events.filter((event) => event === 'closed$')).to.have.length(1);
    }
  });

  it('does nothing in the very turn in which it became stale', async () => {
    const server = await harness.listening();
    const both = await harness.pairs(server, 10);
    for (const { connection } of both) {
      connection.data$.subscribe(() => {
        for (const other of both) {
          other.connection.write('last words');
          other.connection.destroy();
          useInEveryWay(other.connection);
        }
      });
    }
    for (const { peer } of both) peer.send('x');
    for (const { peer } of both) {
      // What was written in the turn that closes may be sent, and nothing else.
      expect(String((await peer.over()).received)).to.be.oneOf(['last words', '']);
    }
    expect(server.connections.size).to.equal(0);
  });

  it('of a listener does nothing to the one that has got its descriptor', async () => {
    const old = await harness.listening();
    const subscription = old.connections$.subscribe();
    await old.close();
    const young = await harness.listening();
    const accepted = valuesOf(young.connections$);
    subscription.unsubscribe();
    old.connections$.subscribe().unsubscribe();
    old.unref();
    await old.close();
    await harness.connect(young);
    while (accepted.length < 1) await harness.turns(1);
    expect(old.connections.size).to.equal(0);
  });
});

conformance('closing inside a batch of many ready connections', (harness) => {
  it('delivers nothing of the closed ones, and nothing of them to newcomers', async () => {
    const server = await harness.listening();
    const texts = new Map<number, string>();
    const closed = new Set<number>();
    const late: number[] = [];
    const watch = (connection: Connection): void => {
      connection.data$.subscribe((data) => {
        if (closed.has(connection.id)) late.push(connection.id);
        texts.set(connection.id, (texts.get(connection.id) ?? '') + String(data));
        if (connection.id > 100) return;
        for (const other of server.connections.values()) {
          if (other.id % 2 === connection.id % 2 || other.id > 100) continue;
          closed.add(other.id);
          other.destroy();
        }
      });
    };
    const both = await harness.pairs(server, 100);
    for (const { connection } of both) watch(connection);
    server.connections$.subscribe(watch);
    for (const { peer } of both) peer.send('old');
    const newcomers = await Promise.all(Array.from({ length: 100 }, () => harness.connect(server)));
    for (const peer of newcomers) peer.send('new');
    while ([...texts.keys()].filter((id) => id > 100).length < 100) await harness.turns(1);
    await harness.settle();
    expect(late).to.deep.equal([]);
    expect(closed.size).to.equal(50);
    for (const [id, text] of texts) expect(text).to.equal(id > 100 ? 'new' : 'old');
    for (const connection of server.connections.values()) expect(connection.bytesRead).to.equal(3);
  });

  it('keeps ids and addresses together however fast descriptors are used again', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.data$.subscribe((data) => {
        const wrong = String(data) !== String(connection.remote.port);
        connection.end(wrong ? `wrong: ${String(data)} at ${connection.remote.port}` : 'right');
      });
    });
    const rounds = Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 40; i++) {
        const peer = await harness.connect(server);
        peer.fin(String(peer.port));
        const { received } = await peer.over();
        expect(String(received)).to.equal('right');
      }
    });
    await Promise.all(rounds);
  });
});
