// Output is bounded: write() says when to stop, reading pauses meanwhile, and what goes on regardless is closed.

import { expect } from 'chai';
import { connect } from 'evio';
import type { Connection, ListenOptions, Server } from 'evio';
import { firstValueFrom, interval } from 'rxjs';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { Inbox, codeOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness } from '../harness.js';

/** Fills the kernel's buffers and then the queue, until that much stays queued; returns what was written. */
async function congest(harness: Harness, connection: Connection, size = 256 * KIB): Promise<number> {
  let written = 0;
  while (connection.bytesQueued < size) {
    written += size;
    connection.write(Buffer.alloc(size, 1));
    await harness.turns(3);
  }
  return written;
}

conformance('output', (harness) => {
  it('makes write() false above highWaterMark, and drained$ emits once it has gone down to lowWaterMark', async () => {
    const server = await harness.listening({ highWaterMark: 100 * KIB, lowWaterMark: 10 * KIB });
    const { peer, connection } = await harness.pair(server);
    expect(connection.write(Buffer.alloc(100 * KIB))).to.equal(true);
    expect(connection.write('x')).to.equal(false);
    peer.stopReading();
    const written = 100 * KIB + 1 + (await congest(harness, connection));
    let left = Infinity;
    const drained = valuesOf(connection.drained$);
    connection.drained$.subscribe(() => (left = connection.bytesQueued));
    expect(connection.write('x')).to.equal(false);
    peer.readAgain();
    await peer.until(({ receivedBytes }) => receivedBytes === written + 1);
    await harness.turns();
    expect(drained).to.have.length(1);
    expect(left).to.be.at.most(10 * KIB);
    expect(connection.write('x')).to.equal(true);
  });

  it('does not let drained$ speak when write() has never been false', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const drained = valuesOf(connection.drained$);
    for (let i = 0; i < 10; i++) expect(connection.write(pattern(64 * KIB))).to.equal(true);
    await peer.until(({ receivedBytes }) => receivedBytes === 640 * KIB);
    await harness.turns();
    expect(drained).to.deep.equal([]);
  });

  it('that waits pauses the reading of its connection, and of no other', async () => {
    const server = await harness.listening({ highWaterMark: 64 * KIB });
    const slow = await harness.pair(server);
    const other = await harness.pair(server);
    const inbox = new Inbox(slow.connection.data$);
    const others = new Inbox(other.connection.data$);
    slow.peer.stopReading();
    await congest(harness, slow.connection);
    slow.peer.send('wait');
    other.peer.send('go on');
    await others.until(5);
    await harness.settle();
    expect(inbox.bytes).to.equal(0);
    slow.peer.readAgain();
    await inbox.until(4);
    expect(inbox.text).to.equal('wait');
  });

  it('that waits does not undo a pause of the user', async () => {
    const server = await harness.listening({ highWaterMark: 64 * KIB });
    const { peer, connection } = await harness.pair(server);
    const inbox = new Inbox(connection.data$);
    peer.stopReading();
    await congest(harness, connection);
    connection.pause();
    peer.send('wait');
    const drained = firstValueFrom(connection.drained$);
    peer.readAgain();
    await drained;
    await harness.settle();
    expect(inbox.bytes).to.equal(0);
    connection.resume();
    await inbox.until(4);
  });

  it('that waits is not hurried by resume()', async () => {
    const server = await harness.listening({ highWaterMark: 64 * KIB });
    const { peer, connection } = await harness.pair(server);
    const inbox = new Inbox(connection.data$);
    peer.stopReading();
    await congest(harness, connection);
    connection.pause();
    connection.resume();
    peer.send('wait');
    await harness.settle();
    expect(inbox.bytes).to.equal(0);
  });

  it('above maxQueuedBytes closes the connection with ERR_EVIO_QUEUE_FULL', async () => {
    const server = await harness.listening({ maxQueuedBytes: MIB });
    const { peer, connection } = await harness.pair(server);
    peer.stopReading();
    const closed = firstValueFrom(connection.closed$);
    const writing = interval(0).subscribe(() => connection.write(Buffer.alloc(256 * KIB)));
    const { error } = await closed;
    writing.unsubscribe();
    expect(error).to.include({ code: 'ERR_EVIO_QUEUE_FULL' });
    expect(connection.bytesQueued).to.equal(0);
  });

  it('is judged by the queue before a write: one large write passes whole', async () => {
    const server = await harness.listening({ maxQueuedBytes: 0, highWaterMark: 0 });
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(24 * MIB);
    expect(connection.write(bytes)).to.equal(false);
    await peer.until(({ receivedBytes, isOver }) => receivedBytes >= bytes.length || isOver);
    expect(hash(peer.received)).to.equal(hash(bytes));
  });

  it('in many writes of one turn is not too much for a kernel that takes them', async () => {
    const server = await harness.listening({ maxQueuedBytes: 128 * KIB, highWaterMark: 64 * KIB });
    const { peer, connection } = await harness.pair(server);
    for (let i = 0; i < 24; i++) connection.write(pattern(16 * KIB, i));
    await peer.until(({ receivedBytes, isOver }) => receivedBytes >= 24 * 16 * KIB || isOver);
    expect(hash(peer.received)).to.equal(hash(Array.from({ length: 24 }, (_, i) => pattern(16 * KIB, i))));
  });

  it('is unbounded when maxQueuedBytes is Infinity', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const { peer, connection } = await harness.pair(server);
    peer.stopReading();
    for (let i = 0; i < 48; i++) connection.write(pattern(MIB, i));
    await harness.turns();
    expect(connection.bytesQueued).to.be.above(16 * MIB);
    peer.readAgain();
    await peer.until(({ receivedBytes }) => receivedBytes === 48 * MIB);
    expect(hash(peer.received)).to.equal(hash(Array.from({ length: 48 }, (_, i) => pattern(MIB, i))));
  });

  it('is counted: queued and written', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.write('four');
    expect([connection.bytesQueued, connection.bytesWritten]).to.deep.equal([4, 0]);
    await peer.receives('four');
    await harness.turns();
    expect([connection.bytesQueued, connection.bytesWritten]).to.deep.equal([0, 4]);
  });

  it('of a fan-out to peers who do not read is bounded, and those who read get it all', async () => {
    const server = await harness.listening({ maxQueuedBytes: 2 * MIB });
    const reader = await harness.pair(server);
    const idlers = [await harness.pair(server), await harness.pair(server)];
    for (const { peer } of idlers) peer.stopReading();
    const errors = valuesOf(server.disconnected$);
    let sent = 0;
    while (errors.length < idlers.length) {
      for (const connection of server.connections.values()) connection.write(pattern(128 * KIB, sent));
      sent += 1;
      await reader.peer.until(({ receivedBytes, isOver }) => receivedBytes >= sent * 128 * KIB || isOver);
    }
    expect(errors.map(({ error }) => (error as NodeJS.ErrnoException).code)).to.deep.equal([
      'ERR_EVIO_QUEUE_FULL',
      'ERR_EVIO_QUEUE_FULL',
    ]);
    expect([...server.connections.keys()]).to.deep.equal([reader.connection.id]);
  });
});

conformance(
  'a peer that is given up while output is queued, where a reset behind unread bytes is told',
  (harness) => {
    /** A client that reads nothing until all is over, and what it hears then. */
    const outcome = async (
      options: ListenOptions,
      write: (connection: Connection, server: Server) => void,
    ): Promise<[server: string | undefined, client: string | undefined]> => {
      const server = await harness.listening(options);
      const accepted = firstValueFrom(server.connections$);
      const client = await new Promise<Connection>((resolve) => {
        const client$ = connect(`tcp://${String(server.addresses[0])}`, { poller: harness.poller });
        client$.subscribe({ next: resolve, error: () => {} });
      });
      const connection = await accepted;
      const over = firstValueFrom(connection.closed$);
      write(connection, server);
      const { error } = await over;
      client.data$.subscribe();
      return [codeOf(error), codeOf((await firstValueFrom(client.closed$)).error)];
    };

    it('is reset by maxQueuedBytes: what it has got is not the whole', async () => {
      const bytes = pattern(16 * MIB, 7);
      const codes = await outcome({ maxQueuedBytes: MIB }, (connection) => {
        connection.write(bytes);
        connection.write(bytes);
      });
      expect(codes).to.deep.equal(['ERR_EVIO_QUEUE_FULL', 'ECONNRESET']);
    });

    it('is reset by writeTimeout', async () => {
      const codes = await outcome({ writeTimeout: 50 }, (connection) =>
        connection.write(pattern(16 * MIB, 7)),
      );
      expect(codes).to.deep.equal(['ERR_EVIO_WRITE_TIMEOUT', 'ECONNRESET']);
    });

    it('is reset by a handler that throws', async () => {
      const codes = await outcome({}, (connection, server) => {
        server.errors$.subscribe();
        connection.write(pattern(16 * MIB, 7));
        connection.next(1 as never);
      });
      expect(codes).to.deep.equal(['ERR_INVALID_ARG_TYPE', 'ECONNRESET']);
    });
  },
  // A node:net socket takes a reset behind unread bytes for the end.
  ['epoll', 'kqueue'],
);
