// FIN goes both ways by itself: each direction ends on its own, behind the last byte, and nothing is cut off.

import { expect } from 'chai';
import { delay, map, reduce, toArray } from 'rxjs';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { Inbox, journalOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

conformance('FIN', (harness) => {
  it('follows everything that was written before end(), however slowly it is read', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(32 * MIB, 12);
    peer.stopReading();
    connection.end(bytes);
    await harness.settle();
    peer.readAgain();
    const { received, ended, error } = await peer.over();
    expect([ended, error, hash(received)]).to.deep.equal([true, undefined, hash(bytes)]);
  });

  it('follows many writes and end() in one callback', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.data$.subscribe(() => {
        for (let i = 0; i < 1000; i++) connection.write(`${i},`);
        connection.end('end');
      });
    });
    const { peer } = await harness.pair(server);
    peer.send('go');
    const { received, ended } = await peer.over();
    const expected = `${Array.from({ length: 1000 }, (_, i) => `${i},`).join('')}end`;
    expect([String(received), ended]).to.deep.equal([expected, true]);
  });

  it('of the peer alone ends the connection, after the answer', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const journal = journalOf(server, connection);
    connection.data$.subscribe((data) => connection.write(`you said ${String(data)}`));
    peer.fin('hello');
    const { received, ended } = await peer.over();
    await journal.over;
    expect([String(received), ended]).to.deep.equal(['you said hello', true]);
  });

  it('of ours leaves the peer free to send', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const inbox = new Inbox(connection.data$);
    connection.end('your turn');
    await peer.over();
    peer.send('still ');
    await inbox.until(6);
    peer.fin('talking');
    await inbox.ended;
    expect(inbox.text).to.equal('still talking');
  });

  it('of ours lets what a peer still sends without end be read and dropped when nobody wants it', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const journal = journalOf(server, connection, { reading: false });
    connection.end('no more');
    await peer.over();
    peer.fin(pattern(16 * MIB));
    await journal.over;
    expect(journal.errors).to.deep.equal([undefined, undefined]);
  });

  it('of the peer leaves the connection open with halfOpen, until it is ended', async () => {
    const server = await harness.listening({ halfOpen: true });
    const { peer, connection } = await harness.pair(server);
    const inbox = new Inbox(connection.data$);
    const journal = journalOf(server, connection, { reading: false });
    peer.fin('question');
    await inbox.ended;
    await harness.settle();
    expect(journal.events).to.deep.equal([]);
    connection.write('an answer, ');
    await peer.receives('an answer, ');
    connection.end('later');
    const { received } = await peer.over();
    await journal.over;
    expect(String(received)).to.equal('an answer, later');
  });

  it('of ours leaves the connection open with halfOpen until the peer’s is read', async () => {
    const server = await harness.listening({ halfOpen: true });
    const { peer, connection } = await harness.pair(server);
    const journal = journalOf(server, connection, { reading: false });
    connection.end();
    await peer.over();
    peer.fin('unread');
    await harness.settle();
    expect(journal.events).to.deep.equal([]);
    const inbox = new Inbox(connection.data$);
    await inbox.ended;
    expect(inbox.text).to.equal('unread');
    await journal.over;
  });

  it('waits for what an observable still has to say: data$ through delay() into the connection', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.data$.pipe(delay(20)).subscribe(connection);
    });
    const { peer } = await harness.pair(server);
    peer.fin('echo of the past');
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['echo of the past', true]);
  });

  it('waits for what is only known at the end of the input', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.data$
        .pipe(
          reduce((sum, { length }) => sum + length, 0),
          map(String),
        )
        .subscribe(connection);
    });
    const { peer } = await harness.pair(server);
    peer.fin(pattern(3 * MIB));
    expect(String((await peer.over()).received)).to.equal(String(3 * MIB));
  });

  it('ends an echo that has been pushed back on, with every byte', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(48 * MIB, 13);
    peer.stopReading();
    peer.fin(bytes);
    await harness.steady(() => connection.bytesRead);
    peer.readAgain();
    const { received, ended } = await peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
  });

  it('comes in order for many clients that leave at once', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.data$
        .pipe(
          toArray(),
          map((list) => Buffer.concat(list)),
        )
        .subscribe(connection);
    });
    const peers = [];
    for (let i = 0; i < 30; i++) peers.push((await harness.pair(server)).peer);
    peers.forEach((peer, i) => peer.fin(pattern(100 * KIB, i)));
    const outcomes = await Promise.all(peers.map((peer) => peer.over()));
    outcomes.forEach(({ received, ended }, i) => {
      expect([ended, hash(received)]).to.deep.equal([true, hash(pattern(100 * KIB, i))]);
    });
  });
});

conformance('RST', (harness) => {
  for (const [how, act] of Object.entries({
    'reset()': 'reset',
    'error() as an Observer': 'error',
  } as const)) {
    it(`is what the peer sees of ${how}`, async () => {
      const server = await harness.listening();
      const { peer, connection } = await harness.pair(server);
      connection[act](new Error('on purpose'));
      const { error, ended } = await peer.over();
      expect([error?.code, ended]).to.deep.equal(['ECONNRESET', false]);
    });
  }

  it('is not what the peer sees of destroy() when nothing is unread', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.destroy();
    const { error, ended } = await peer.over();
    expect([error, ended]).to.deep.equal([undefined, true]);
  });

  it('follows what the kernel had taken, with reset() right behind end() too', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.end('x');
    await harness.turns();
    connection.reset();
    await peer.over();
    expect(connection.write('x')).to.equal(false);
    expect(server.connections.size).to.equal(0);
  });
});
