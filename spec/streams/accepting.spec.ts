// connections$ is hot, and accepting follows its subscribers: until somebody takes them, clients and their bytes wait.

import { expect } from 'chai';
import type { Connection } from 'evio';
import { firstValueFrom, map, mergeMap, take, toArray } from 'rxjs';

import { Inbox, connectTo, pair, turns, valuesOf } from '../support/connections.js';
import { destroyPeers } from '../support/peer.js';
import { overPollers } from '../support/pollers.js';
import { closeServers, listening, portOf, settle } from '../support/servers.js';

overPollers('connections$', (poller) => {
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('leaves clients and their bytes waiting until somebody subscribes', async () => {
    const server = await listening(poller);
    const peers = await Promise.all([connectTo(server), connectTo(server)]);
    for (const peer of peers) peer.send('hello');
    await settle();
    expect(server.connections.size).to.equal(0);
    const inboxes: Inbox[] = [];
    server.connections$.subscribe(({ data$ }) => inboxes.push(new Inbox(data$)));
    while (inboxes.length < 2) await turns(1);
    for (const inbox of inboxes) await inbox.until(5);
    expect(inboxes.map(({ text }) => text)).to.deep.equal(['hello', 'hello']);
  });

  it('stops accepting when its last subscriber leaves, and goes on with the next', async () => {
    const server = await listening(poller);
    const first = valuesOf(server.connections$.pipe(take(1)));
    const peers = [await connectTo(server)];
    while (first.length < 1) await turns(1);
    for (let i = 0; i < 5; i++) peers.push(await connectTo(server));
    await settle();
    expect(server.connections.size).to.equal(1);
    const later = await firstValueFrom(server.connections$.pipe(take(5), toArray()));
    expect(later.map(({ id }) => id)).to.deep.equal([2, 3, 4, 5, 6]);
    expect(later.map(({ remote }) => remote.port)).to.deep.equal(
      peers.slice(1).map(({ socket }) => socket.localPort),
    );
  });

  it('gives one connection to whoever takes one, however many came at once, and loses none', async () => {
    const server = await listening(poller);
    const peers = await Promise.all(Array.from({ length: 20 }, () => connectTo(server)));
    const ports: (number | undefined)[] = [];
    for (let id = 1; id <= 20; id++) {
      const connection = await firstValueFrom(server.connections$);
      expect(connection.id).to.equal(id);
      ports.push(connection.remote.port);
    }
    expect(ports).to.have.members(peers.map(({ socket }) => socket.localPort));
  });

  it('delivers what is held before what comes', async () => {
    const server = await listening(poller);
    const peers = await Promise.all(Array.from({ length: 10 }, () => connectTo(server)));
    await firstValueFrom(server.connections$); // the others of its batch are held
    peers.push(await connectTo(server));
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
    const server = await listening(poller);
    const one: number[] = [];
    const two: number[] = [];
    server.connections$.subscribe(({ id }) => {
      one.push(id);
      if (id === 1) server.connections$.subscribe((connection) => two.push(connection.id));
    });
    for (let i = 0; i < 3; i++) await connectTo(server);
    while (one.length < 3) await turns(1);
    expect([one, two]).to.deep.equal([
      [1, 2, 3],
      [2, 3],
    ]);
  });

  it('may be left and taken again inside an announcement', async () => {
    const server = await listening(poller);
    await Promise.all(Array.from({ length: 6 }, () => connectTo(server)));
    const ids: number[] = [];
    const again = (): void => {
      const subscription = server.connections$.subscribe(({ id }) => {
        ids.push(id);
        subscription.unsubscribe();
        again();
      });
    };
    again();
    while (ids.length < 6) await turns(1);
    expect(ids).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it('counts ids per server', async () => {
    const servers = [await listening(poller), await listening(poller)];
    for (const id of [1, 2, 3]) {
      for (const server of servers) expect((await pair(server)).connection.id).to.equal(id);
    }
  });

  it('has its open connections in a map by id', async () => {
    const server = await listening(poller);
    const pairs = [await pair(server), await pair(server), await pair(server)];
    expect([...server.connections]).to.deep.equal(pairs.map(({ connection }) => [connection.id, connection]));
    pairs[1]?.connection.destroy();
    expect([...server.connections.keys()]).to.deep.equal([1, 3]);
    const { connection } = await pair(server);
    expect(connection.id).to.equal(4);
  });

  it('knows both ends of a connection', async () => {
    const server = await listening(poller);
    const { peer, connection } = await pair(server);
    expect({ ...connection.local }).to.deep.equal({
      family: 'IPv4',
      address: '127.0.0.1',
      port: portOf(server),
    });
    expect(String(connection.remote)).to.equal(`127.0.0.1:${peer.socket.localPort}`);
    connection.destroy();
    await turns();
    expect(connection.remote.port).to.equal(peer.socket.localPort);
  });

  it('survives a client that has gone before it is taken', async () => {
    const server = await listening(poller);
    const [gone, reset, stays] = await Promise.all([connectTo(server), connectTo(server), connectTo(server)]);
    gone.send('bye');
    gone.destroy();
    reset.reset();
    stays.send('here');
    await settle();
    const seen: Connection[] = [];
    const texts = server.connections$.pipe(
      mergeMap((connection) => {
        seen.push(connection);
        return connection.data$;
      }),
      map(String),
    );
    const heard = valuesOf(texts);
    while (!heard.includes('here')) await turns(1);
    while (server.connections.size > 1) await turns(1);
    expect(heard).to.include('here');
    expect(seen.at(-1)?.bytesRead).to.equal(4);
  });

  it('completes when the server closes, also for those who subscribe later', async () => {
    const server = await listening(poller);
    const told: string[] = [];
    server.connections$.subscribe({ complete: () => told.push('before') });
    await server.close();
    server.connections$.subscribe({ complete: () => told.push('after') });
    server.data$.subscribe({ complete: () => told.push('data$ after') });
    expect(told).to.deep.equal(['before', 'after', 'data$ after']);
  });
});
