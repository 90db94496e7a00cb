// server.data$: the input of every connection, each chunk with the connection that it came by.

import { expect } from 'chai';
import { firstValueFrom, take } from 'rxjs';

import { KIB, hash, pattern } from '../../support/bytes.js';
import { Inbox, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

conformance('server.data$', (harness) => {
  it('accepts and reads by itself', async () => {
    const server = await harness.listening();
    server.data$.subscribe(({ connection, data }) => connection.write(`${connection.id}:${String(data)}`));
    const [one, two] = [await harness.connect(server), await harness.connect(server)];
    one.send('a');
    await one.receives('1:a');
    two.send('b');
    await two.receives('2:b');
  });

  it('reads connections that were there before, and loses none of their bytes', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    peer.send('early');
    await harness.settle();
    const received = await firstValueFrom(server.data$);
    expect([received.connection, String(received.data)]).to.deep.equal([connection, 'early']);
  });

  it('stops reading with its last subscriber, of connections nobody else reads', async () => {
    const server = await harness.listening();
    const [one, two] = [await harness.pair(server), await harness.pair(server)];
    const inbox = new Inbox(two.connection.data$);
    const all = server.data$.subscribe();
    await harness.turns();
    all.unsubscribe();
    one.peer.send('waits');
    two.peer.send('is read');
    await inbox.until(7);
    await harness.settle();
    expect(one.connection.bytesRead).to.equal(0);
    await firstValueFrom(server.data$);
    expect(one.connection.bytesRead).to.equal(5);
  });

  it('gives the same bytes to a connection’s own subscriber, also an echo', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const received = valuesOf(server.data$);
    const inbox = new Inbox(connection.data$);
    connection.data$.subscribe(connection);
    peer.send('all of you');
    await peer.receives('all of you');
    expect([String(received[0]?.data), inbox.text]).to.deep.equal(['all of you', 'all of you']);
  });

  it('keeps connections apart under load', async () => {
    const server = await harness.listening();
    const chunks = new Map<number, Buffer[]>();
    server.data$.subscribe(({ connection: { id }, data }) => {
      if (!chunks.has(id)) chunks.set(id, []);
      chunks.get(id)?.push(data);
    });
    const ended = firstValueFrom(server.disconnected$.pipe(take(8)), { defaultValue: undefined });
    const peers = await Promise.all(Array.from({ length: 8 }, () => harness.connect(server)));
    const sent = new Set(peers.map((_, i) => hash(pattern(200 * KIB, i))));
    peers.forEach((peer, i) => peer.fin(pattern(200 * KIB, i)));
    await Promise.all(peers.map((peer) => peer.over()));
    await ended;
    expect(new Set([...chunks.values()].map((list) => hash(list)))).to.deep.equal(sent);
  });

  it('respects a pause of one connection', async () => {
    const server = await harness.listening();
    const [one, two] = [await harness.pair(server), await harness.pair(server)];
    one.connection.pause();
    const received = valuesOf(server.data$);
    one.peer.send('held');
    two.peer.send('not');
    while (received.length < 1) await harness.turns(1);
    await harness.settle();
    expect(received.map(({ data }) => String(data))).to.deep.equal(['not']);
    one.connection.resume();
    while (received.length < 2) await harness.turns(1);
  });

  it('completes when the server has closed', async () => {
    const server = await harness.listening();
    let completed = 0;
    server.data$.subscribe({ complete: () => (completed += 1) });
    await harness.pair(server);
    await server.close({ timeout: 0 });
    expect(completed).to.equal(1);
  });
});
