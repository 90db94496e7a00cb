// connections$ is hot, and accepting follows its subscribers: until somebody takes them, clients and their bytes wait.

import { expect } from 'chai';
import type { Connection } from 'evio';
import { firstValueFrom, map, mergeMap, take, toArray } from 'rxjs';

import { Inbox, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

conformance('connections$', (harness) => {
  it('leaves clients and their bytes waiting until somebody subscribes', async () => {
    const server = await harness.listening();
    const peers = await Promise.all([harness.connect(server), harness.connect(server)]);
    for (const peer of peers) peer.send('hello');
    await harness.settle();
    expect(server.connections.size).to.equal(0);
    const inboxes: Inbox[] = [];
    server.connections$.subscribe(({ data$ }) => inboxes.push(new Inbox(data$)));
    while (inboxes.length < 2) await harness.turns(1);
    for (const inbox of inboxes) await inbox.until(5);
    expect(inboxes.map(({ text }) => text)).to.deep.equal(['hello', 'hello']);
  });

  it('stops accepting when its last subscriber leaves, and goes on with the next', async () => {
    const server = await harness.listening();
    const first = valuesOf(server.connections$.pipe(take(1)));
    const peers = [await harness.connect(server)];
    while (first.length < 1) await harness.turns(1);
    for (let i = 0; i < 5; i++) peers.push(await harness.connect(server));
    await harness.settle();
    expect(server.connections.size).to.equal(1);
    const later = await firstValueFrom(server.connections$.pipe(take(5), toArray()));
    expect(later.map(({ id }) => id)).to.deep.equal([2, 3, 4, 5, 6]);
    expect(later.map(({ remote }) => remote.port)).to.deep.equal(peers.slice(1).map(({ port }) => port));
  });

  it('gives one connection to whoever takes one, however many came at once, and loses none', async () => {
    const server = await harness.listening();
    const peers = await Promise.all(Array.from({ length: 20 }, () => harness.connect(server)));
    const ports: (number | undefined)[] = [];
    for (let id = 1; id <= 20; id++) {
      const connection = await firstValueFrom(server.connections$);
      expect(connection.id).to.equal(id);
      ports.push(connection.remote.port);
    }
    expect(ports).to.have.members(peers.map(({ port }) => port));
  });

  it('delivers what is held before what comes', async () => {
    const server = await harness.listening();
    const peers = await Promise.all(Array.from({ length: 10 }, () => harness.connect(server)));
    await firstValueFrom(server.connections$); // the others of its batch are held
    peers.push(await harness.connect(server));
    const ids = await firstValueFrom(
      server.connections$.pipe(
        take(10),
        map(({ id }) => id),
        toArray(),
      ),
    );
    expect(ids).to.deep.equal([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('is multicast, and a subscription inside an announcement misses only what was announced', async () => {
    const server = await harness.listening();
    const one: number[] = [];
    const two: number[] = [];
    server.connections$.subscribe(({ id }) => {
      one.push(id);
      if (id === 1) server.connections$.subscribe((connection) => two.push(connection.id));
    });
    for (let i = 0; i < 3; i++) await harness.connect(server);
    while (one.length < 3) await harness.turns(1);
    expect([one, two]).to.deep.equal([
      [1, 2, 3],
      [2, 3],
    ]);
  });

  it('may be left and taken again inside an announcement', async () => {
    const server = await harness.listening();
    await Promise.all(Array.from({ length: 6 }, () => harness.connect(server)));
    const ids: number[] = [];
    const again = (): void => {
      const subscription = server.connections$.subscribe(({ id }) => {
        ids.push(id);
        subscription.unsubscribe();
        again();
      });
    };
    again();
    while (ids.length < 6) await harness.turns(1);
    expect(ids).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it('counts ids per server', async () => {
    const servers = [await harness.listening(), await harness.listening()];
    for (const id of [1, 2, 3]) {
      for (const server of servers) expect((await harness.pair(server)).connection.id).to.equal(id);
    }
  });

  it('has its open connections in a map by id', async () => {
    const server = await harness.listening();
    const pairs = [await harness.pair(server), await harness.pair(server), await harness.pair(server)];
    expect([...server.connections]).to.deep.equal(pairs.map(({ connection }) => [connection.id, connection]));
    pairs[1]?.connection.destroy();
    expect([...server.connections.keys()]).to.deep.equal([1, 3]);
    const { connection } = await harness.pair(server);
    expect(connection.id).to.equal(4);
  });

  it('knows both ends of a connection', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    expect({ ...connection.local }).to.deep.equal({
      family: 'IPv4',
      address: '127.0.0.1',
      port: server.addresses[0]?.port,
    });
    expect(String(connection.remote)).to.equal(`127.0.0.1:${peer.port}`);
    connection.destroy();
    await harness.turns();
    expect(connection.remote.port).to.equal(peer.port);
  });

  it('survives a client that has gone before it is taken', async () => {
    const server = await harness.listening();
    const [gone, reset, stays] = await Promise.all([
      harness.connect(server),
      harness.connect(server),
      harness.connect(server),
    ]);
    gone.send('bye');
    gone.destroy();
    reset.reset();
    stays.send('here');
    await harness.settle();
    const seen: Connection[] = [];
    const texts = server.connections$.pipe(
      mergeMap((connection) => {
        seen.push(connection);
        return connection.data$;
      }),
      map(String),
    );
    const heard = valuesOf(texts);
    while (!heard.includes('here')) await harness.turns(1);
    while (server.connections.size > 1) await harness.turns(1);
    expect(heard).to.include('here');
    expect(seen.at(-1)?.bytesRead).to.equal(4);
  });

  it('completes when the server closes, also for those who subscribe later', async () => {
    const server = await harness.listening();
    const told: string[] = [];
    server.connections$.subscribe({ complete: () => told.push('before') });
    await server.close();
    server.connections$.subscribe({ complete: () => told.push('after') });
    server.data$.subscribe({ complete: () => told.push('data$ after') });
    expect(told).to.deep.equal(['before', 'after', 'data$ after']);
  });
});
