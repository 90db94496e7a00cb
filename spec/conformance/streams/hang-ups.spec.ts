// A server that only pushes notices that its client has gone, without reading; what came before is still there.

import { expect } from 'chai';
import { firstValueFrom, interval, map } from 'rxjs';

import { KIB, hash, pattern } from '../../support/bytes.js';
import { Inbox, journalOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

const NOTICES = ['epoll', 'kqueue', 'simulated'] as const; // `net` notices at its first read or write: a named exception

conformance(
  'without reading',
  (harness) => {
    it('a FIN is noticed, and the connection ends', async () => {
      const server = await harness.listening();
      const { peer, connection } = await harness.pair(server);
      const journal = journalOf(server, connection, { reading: false });
      peer.fin();
      await journal.over;
      expect(journal.errors).to.deep.equal([undefined, undefined]);
      expect((await peer.over()).ended).to.equal(true);
    });

    it('a reset is noticed', async () => {
      const server = await harness.listening();
      const { peer, connection } = await harness.pair(server);
      const closed = firstValueFrom(connection.closed$);
      peer.reset();
      expect((await closed).error).to.include({ code: 'ECONNRESET' });
    });

    it('a reset is noticed with halfOpen, and after the FIN before it', async () => {
      const server = await harness.listening({ halfOpen: true });
      const { peer, connection } = await harness.pair(server);
      const journal = journalOf(server, connection, { reading: false });
      peer.fin();
      await harness.settle();
      expect(journal.events).to.deep.equal([]);
      peer.reset();
      await journal.over;
    });

    it('a FIN behind unread bytes waits for them', async () => {
      const server = await harness.listening();
      const { peer, connection } = await harness.pair(server);
      peer.fin('unread');
      await harness.settle();
      expect(server.connections.size).to.equal(1);
      const inbox = new Inbox(connection.data$);
      await inbox.ended;
      expect(inbox.text).to.equal('unread');
    });

    for (const [kind, leave] of [
      ['bytes', 'unread'],
      ['a window of bytes', pattern(48 * KIB, 14)],
    ] as const) {
      it(`${kind} that came before a reset are delivered to whoever subscribes later`, async () => {
        const server = await harness.listening();
        const { peer, connection } = await harness.pair(server);
        peer.send(leave);
        await harness.steady(() => peer.unsent);
        peer.reset();
        await harness.settle();
        const inbox = new Inbox(connection.data$);
        const { error } = await firstValueFrom(connection.closed$);
        expect(hash(inbox.chunks)).to.equal(hash(Buffer.from(leave)));
        expect(error).to.include({ code: 'ECONNRESET' });
      });
    }
  },
  NOTICES,
);

conformance('a server that only pushes', (harness) => {
  it('notices a reset by its writes at the latest', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const closed = firstValueFrom(connection.closed$);
    const pushing = interval(1).pipe(map(String)).subscribe(connection);
    await peer.until(({ receivedBytes }) => receivedBytes > 0);
    peer.reset();
    const { error } = await closed;
    pushing.unsubscribe();
    expect((error as NodeJS.ErrnoException).code).to.be.oneOf(['ECONNRESET', 'EPIPE']);
  });

  it('notices a client that has left for good by its writes at the latest', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const closed = firstValueFrom(connection.closed$);
    const pushing = interval(1).subscribe(() => connection.write('tick'));
    await peer.until(({ receivedBytes }) => receivedBytes > 0);
    peer.destroy();
    await closed;
    pushing.unsubscribe();
    await harness.turns();
    expect(server.connections.size).to.equal(0);
  });

  it('pushes on to a client that has only ended its own side, with halfOpen', async () => {
    const server = await harness.listening({ halfOpen: true });
    const { peer, connection } = await harness.pair(server);
    peer.fin();
    await harness.settle();
    for (const text of ['one ', 'two ']) {
      connection.write(text);
      await harness.turns();
    }
    connection.end('three');
    expect(String((await peer.over()).received)).to.equal('one two three');
  });
});
