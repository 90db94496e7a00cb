// pause, resume, unread and wake: who delivers what when, and what was kept comes first.

import { expect } from 'chai';
import { filter, firstValueFrom } from 'rxjs';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { Inbox, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

conformance('pause()', (harness) => {
  it('stops delivery at once, and resume() goes on where it stopped', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const inbox = new Inbox(connection.data$);
    peer.send('one');
    await inbox.until(3);
    connection.pause();
    peer.send('two');
    await harness.settle();
    expect(inbox.text).to.equal('one');
    connection.resume();
    await inbox.until(6);
    expect(inbox.text).to.equal('onetwo');
  });

  it('pushes back on the peer', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(64 * MIB, 6);
    const inbox = new Inbox(connection.data$);
    connection.pause();
    peer.send(bytes);
    await harness.steady(() => peer.unsent);
    expect([inbox.bytes, peer.unsent > 0]).to.deep.equal([0, true]);
    connection.resume();
    await inbox.until(bytes.length);
    expect(hash(inbox.chunks)).to.equal(hash(bytes));
  });

  it('inside a data callback delivers nothing more until resume()', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(4 * MIB, 7);
    let paused = false;
    const late: number[] = [];
    const inbox = new Inbox(connection.data$, ({ length }) => {
      if (paused) late.push(length);
      paused = true;
      connection.pause();
      void harness.turns(1).then(() => {
        paused = false;
        connection.resume();
      });
    });
    peer.send(bytes);
    await inbox.until(bytes.length);
    expect(late).to.deep.equal([]);
    expect(hash(inbox.chunks)).to.equal(hash(bytes));
  });

  it('and resume() in one turn change nothing', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(4 * MIB, 8);
    const inbox = new Inbox(connection.data$, () => {
      connection.pause();
      connection.resume();
    });
    peer.send(bytes);
    await inbox.until(bytes.length);
    expect(hash(inbox.chunks)).to.equal(hash(bytes));
  });

  it('of one connection inside the callback of another holds in the same turn', async () => {
    const server = await harness.listening();
    const [one, two] = [await harness.pair(server), await harness.pair(server)];
    const inboxes = [one, two].map(
      ({ connection }) =>
        new Inbox(connection.data$, () => {
          one.connection.pause();
          two.connection.pause();
        }),
    );
    for (const { peer } of [one, two]) peer.send('x');
    await harness.settle();
    expect(inboxes.map(({ bytes }) => bytes)).to.have.members([0, 1]);
    for (const { connection } of [one, two]) connection.resume();
    for (const inbox of inboxes) await inbox.until(1);
  });

  it('keeps what the turn had read and gives it first', async () => {
    const server = await harness.listening();
    const all = await harness.pairs(server, 20);
    const inboxes = all.map(
      ({ connection }) =>
        new Inbox(connection.data$, () => {
          for (const other of all) other.connection.pause();
        }),
    );
    all.forEach(({ peer }, i) => peer.send(`<${i}>`));
    await harness.settle();
    all.forEach(({ peer }, i) => peer.send(`<${i} again>`));
    await harness.settle();
    for (const { connection } of all) connection.resume();
    while (inboxes.some(({ text }) => !text.includes('again'))) {
      for (const { connection } of all) connection.resume();
      await harness.turns(1);
    }
    inboxes.forEach(({ text }, i) => expect(text).to.equal(`<${i}><${i} again>`));
  });

  it('outlives subscribers: it is the connection that is paused', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.pause();
    peer.send('x');
    const first = new Inbox(connection.data$);
    await harness.settle();
    first.unsubscribe();
    const second = new Inbox(connection.data$);
    await harness.settle();
    expect([first.bytes, second.bytes]).to.deep.equal([0, 0]);
    connection.resume();
    await second.until(1);
  });
});

conformance('unread()', (harness) => {
  it('gives bytes back, to be delivered again before anything else', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const seen: string[] = [];
    connection.data$.subscribe((data) => {
      seen.push(String(data));
      if (seen.length === 1) connection.unread(data.subarray(4));
    });
    peer.send('headbody');
    while (seen.length < 2) await harness.turns(1);
    expect(seen).to.deep.equal(['headbody', 'body']);
    expect(connection.bytesRead).to.equal(8);
  });

  it('hands over to the next subscriber', async () => {
    const server = await harness.listening({ reuseInputBuffer: true });
    const { peer, connection } = await harness.pair(server);
    const head: string[] = [];
    const subscription = connection.data$.subscribe((data) => {
      head.push(String(data.subarray(0, 4)));
      subscription.unsubscribe();
      connection.unread(data.subarray(4));
    });
    peer.send('headbody');
    while (head.length < 1) await harness.turns(1);
    peer.send(' and more');
    await harness.settle();
    const inbox = new Inbox(connection.data$);
    await inbox.until(13);
    expect([head, inbox.text]).to.deep.equal([['head'], 'body and more']);
  });

  it('several times puts the latest first', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.unread(Buffer.from('c'));
    connection.unread(Buffer.from('b'));
    connection.unread(Buffer.from('a'));
    peer.send('d');
    const inbox = new Inbox(connection.data$);
    await inbox.until(4);
    expect(inbox.text).to.equal('abcd');
  });

  it('is delivered to the next subscriber although FIN has come in between, with halfOpen', async () => {
    const server = await harness.listening({ halfOpen: true });
    const { peer, connection } = await harness.pair(server);
    peer.send('headbody');
    const data = await firstValueFrom(connection.data$);
    peer.fin();
    await harness.settle();
    connection.unread(data.subarray(4));
    const inbox = new Inbox(connection.data$);
    await inbox.ended;
    expect(inbox.text).to.equal('body');
    connection.unread(Buffer.from('too late'));
    const late = new Inbox(connection.data$);
    await late.ended;
    expect(late.bytes).to.equal(0);
    connection.end('bye');
    expect(String((await peer.over()).received)).to.equal('bye');
    await harness.until(() => server.connections.size === 0);
  });

  it('is delivered before the end of input', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const told: string[] = [];
    connection.data$.subscribe({
      next: (data) => {
        told.push(String(data));
        if (told.length < 3) connection.unread(data);
      },
      complete: () => told.push('end'),
    });
    peer.fin('x');
    while (!told.includes('end')) await harness.turns(1);
    expect(told).to.deep.equal(['x', 'x', 'x', 'end']);
  });
});

conformance('wake()', (harness) => {
  const empty = filter((data: Buffer) => data.length === 0);

  it('is an empty chunk in a later turn, one for several', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    const wakes = valuesOf(connection.data$.pipe(empty));
    connection.wake();
    connection.wake();
    expect(wakes).to.have.length(0);
    await harness.turns();
    expect(wakes).to.have.length(1);
    connection.wake();
    await harness.turns();
    expect(wakes).to.have.length(2);
  });

  it('inside its own callback comes again, without stopping the event loop', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    let wakes = 0;
    const inbox = new Inbox(connection.data$, ({ length }) => {
      if (length > 0) return;
      wakes += 1;
      connection.wake();
    });
    connection.wake();
    peer.send('gets through');
    await inbox.until(12);
    await harness.clock.advance(10);
    expect(wakes).to.be.above(1);
    connection.pause();
  });

  it('is kept while paused, and while nobody subscribes', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    connection.wake();
    connection.pause();
    await harness.turns();
    const wakes = valuesOf(connection.data$);
    await harness.turns();
    expect(wakes).to.have.length(0);
    connection.resume();
    await harness.turns();
    expect(wakes).to.have.length(1);
  });

  it('reaches server.data$', async () => {
    const server = await harness.listening();
    const received = valuesOf(server.data$);
    const { connection } = await harness.pair(server);
    connection.wake();
    await harness.turns();
    expect(received.map(({ connection: { id }, data }) => [id, data.length])).to.deep.equal([[1, 0]]);
  });

  it('is not echoed: an echo sends what came, and nothing for a wake', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.data$.subscribe(connection);
    connection.wake();
    await harness.turns();
    peer.fin('x');
    expect(String((await peer.over()).received)).to.equal('x');
    expect(connection.bytesWritten).to.equal(1);
  });

  it('comes to nothing after the end of input', async () => {
    const server = await harness.listening({ halfOpen: true });
    const { peer, connection } = await harness.pair(server);
    const inbox = new Inbox(connection.data$);
    peer.fin('x');
    await inbox.ended;
    connection.wake();
    await harness.turns();
    expect(inbox.chunks).to.have.length(1);
    connection.destroy();
    connection.wake();
    await harness.turns();
    expect(inbox.chunks).to.have.length(1);
  });
});
