// Where only the input of all connections is wanted, a connection that has said nothing need not exist above its poller. Nobody
// can tell: it is counted and found, it can be written to, held back and closed, and its end is told, as with any other.

import { expect } from 'chai';
import type { Connection, Server } from 'evio';
import { firstValueFrom } from 'rxjs';

import { Inbox, codeOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Peer } from '../harness.js';

/** Clients of a server whose input alone is wanted, accepted, and silent. */
async function silent(harness: Harness, server: Server, count: number): Promise<Peer[]> {
  const before = server.connections.size;
  const peers = await Promise.all(Array.from({ length: count }, () => harness.connect(server)));
  await harness.until(() => server.connections.size === before + count);
  return peers;
}

const portsOf = (connections: Iterable<Connection>): (number | undefined)[] =>
  [...connections].map(({ remote }) => remote.port).sort((a = 0, b = 0) => a - b);
const sorted = (numbers: number[]): number[] => numbers.sort((a, b) => a - b);

conformance('connections that say nothing', (harness) => {
  it('are counted, and found with their ids and addresses, once', async () => {
    const server = await harness.listening();
    server.data$.subscribe();
    const peers = await silent(harness, server, 5);
    const { connections } = server;
    expect(sorted([...connections.keys()])).to.deep.equal([1, 2, 3, 4, 5]);
    expect(portsOf(connections.values())).to.deep.equal(sorted(peers.map(({ port }) => port)));
    expect([...connections].map(([id, connection]) => connections.get(id) === connection)).to.deep.equal(
      Array.from({ length: 5 }, () => true),
    );
    const [first] = connections.values();
    expect(String(first?.local)).to.equal(String(server.addresses[0]));
    connections.forEach((connection, id, map) => expect(map.get(id)).to.equal(connection));
    expect([connections.size, connections.has(5), connections.has(6)]).to.deep.equal([5, true, false]);
  });

  it('have ids from 1 on, each its own, whoever speaks first', async () => {
    const server = await harness.listening();
    const received = valuesOf(server.data$);
    const [one, two, three] = await silent(harness, server, 3);
    for (const peer of [three, one, two]) {
      peer?.send('x');
      const before = received.length;
      await harness.until(() => received.length > before);
    }
    const ids = received.map(({ connection }) => connection.id);
    expect(sorted([...ids])).to.deep.equal([1, 2, 3]);
    expect(received.map(({ connection }) => connection.remote.port)).to.deep.equal(
      [three, one, two].map((peer) => peer?.port),
    );
    expect([...server.connections.keys()]).to.deep.equal([1, 2, 3]);
  });

  it('can be written to, and answer', async () => {
    const server = await harness.listening();
    const received = valuesOf(server.data$);
    const peers = await silent(harness, server, 3);
    for (const connection of server.connections.values()) connection.write('hello');
    await Promise.all(peers.map((peer) => peer.receives('hello')));
    for (const peer of peers) peer.send('x');
    await harness.until(() => received.length === 3);
    expect(portsOf(received.map(({ connection }) => connection))).to.deep.equal(
      sorted(peers.map(({ port }) => port)),
    );
  });

  it('are told of once when they end, as closed or as reset, by their addresses', async () => {
    const server = await harness.listening();
    server.data$.subscribe();
    const ends = valuesOf(server.disconnected$);
    const [fin, reset] = await silent(harness, server, 2);
    const ports = [fin?.port, reset?.port];
    fin?.fin();
    await harness.until(() => ends.length === 1);
    reset?.reset();
    await harness.until(() => ends.length === 2);
    expect(ends.map(({ connection }) => connection.remote.port)).to.deep.equal(ports);
    expect(ends.map(({ error }) => codeOf(error))).to.deep.equal([undefined, 'ECONNRESET']);
    expect((await fin?.over())?.ended).to.equal(true);
    expect(server.connections.size).to.equal(0);
  });

  it('are nothing new to who subscribes to connections$ after them', async () => {
    const server = await harness.listening();
    const received = valuesOf(server.data$);
    const [early] = await silent(harness, server, 1);
    const announced = valuesOf(server.connections$);
    await silent(harness, server, 1);
    early?.send('x');
    await harness.until(() => received.length === 1);
    expect(announced.map(({ id }) => id)).to.deep.equal([2]);
    expect(received[0]?.connection.id).to.equal(1);
  });

  it('are not read any more once nobody wants input, and lose none of it', async () => {
    const server = await harness.listening();
    const all = server.data$.subscribe();
    const [peer] = await silent(harness, server, 1);
    all.unsubscribe();
    peer?.send('waits');
    await harness.settle();
    const [connection] = server.connections.values();
    expect(connection?.bytesRead).to.equal(0);
    const inbox = new Inbox(connection!.data$);
    await inbox.until(5);
    expect(inbox.text).to.equal('waits');
  });

  it('are not read any more when input is given up while it comes', async () => {
    const server = await harness.listening();
    const peers = await silent(harness, server, 0);
    const seen: string[] = [];
    const all = server.data$.subscribe(({ data }) => {
      seen.push(String(data));
      all.unsubscribe();
    });
    peers.push(...(await silent(harness, server, 8)));
    for (const peer of peers) peer.send('once');
    await harness.until(() => seen.length > 0);
    for (const peer of peers) peer.send(' more');
    await harness.settle();
    expect(seen.length).to.equal(1);
    const rest = valuesOf(server.data$);
    const textOf = (): string => rest.map(({ data }) => String(data)).join('');
    await harness.until(() => textOf().length + (seen[0]?.length ?? 0) === 8 * 9);
    expect(server.connections.size).to.equal(8);
  });

  /** Clients who all speak at once, so that one of them is heard of while the others are about to be. */
  const speaking = async (server: Server): Promise<Peer[]> => {
    const peers = await silent(harness, server, 8);
    for (const peer of peers) peer.send('hello');
    return peers;
  };

  it('are counted and found while one of many who speak at once is heard', async () => {
    const server = await harness.listening();
    const counts: number[] = [];
    server.data$.subscribe(() => {
      counts.push(server.connections.size);
      if (counts.length > 1) return;
      for (const connection of server.connections.values()) connection.write('to all');
    });
    const peers = await speaking(server);
    await Promise.all(peers.map((peer) => peer.receives('to all')));
    await harness.until(() => counts.length === 8);
    expect(counts).to.deep.equal(Array.from({ length: 8 }, () => 8));
  });

  it('are nothing new to who subscribes while one of many who speak at once is heard', async () => {
    const server = await harness.listening();
    const announced: number[] = [];
    let heard = 0;
    server.data$.subscribe(() => {
      if (heard++ === 0) server.connections$.subscribe(({ id }) => announced.push(id));
    });
    await speaking(server);
    await harness.until(() => heard === 8);
    await silent(harness, server, 1);
    expect(announced).to.deep.equal([9]);
  });

  it('are heard to the end when the server closes while one of many who speak at once is heard', async () => {
    const server = await harness.listening();
    const ends = valuesOf(server.disconnected$);
    const heard = new Set<number>();
    let closed: Promise<{ drained: number; forced: number }> | undefined;
    server.data$.subscribe(({ connection, data }) => {
      heard.add(connection.id);
      connection.write(data);
      closed ??= server.close();
    });
    const peers = await speaking(server);
    await harness.until(() => peers.every(({ isOver }) => isOver));
    for (const peer of peers) peer.fin();
    const { drained, forced } = (await closed) ?? { drained: 0, forced: 0 };
    expect([drained + forced, ends.length]).to.deep.equal([8, 8]);
    const answered = peers.filter(({ received }) => String(received) === 'hello').length;
    expect(answered).to.equal(heard.size);
  });

  it('let the server close once, though a tick is due that closes it too', async () => {
    const server = await harness.listening();
    server.data$.subscribe();
    const ends = valuesOf(server.disconnected$);
    const peers = await silent(harness, server, 3);
    const promises = new Set<unknown>();
    let closing = false;
    server.ticks$.subscribe(() => {
      if (closing) promises.add(server.close());
    });
    await harness.clock.advance(50); // a tick is due with the next event
    closing = true;
    promises.add(server.close());
    for (const peer of peers) peer.fin();
    await Promise.all(promises);
    expect([promises.size, ends.length]).to.deep.equal([1, 3]);
  });

  it('are closed with the server, gently or not, and counted', async () => {
    for (const timeout of [1000, 0]) {
      const server = await harness.listening();
      server.data$.subscribe();
      const ends = valuesOf(server.disconnected$);
      const peers = await silent(harness, server, 3);
      const closed = server.close({ timeout });
      await harness.until(() => peers.every(({ isOver }) => isOver));
      for (const peer of peers) peer.fin();
      const { drained, forced } = await closed;
      expect([drained + forced, ends.length]).to.deep.equal([3, 3]);
      expect(timeout === 0 ? forced : drained).to.equal(3);
    }
  });

  it('count against every limit from the moment that they are accepted', async () => {
    const server = await harness.listening({ maxConnections: 2 });
    server.data$.subscribe();
    await silent(harness, server, 2);
    const third = await harness.connect(server);
    third.send('waits');
    await harness.settle();
    expect(server.connections.size).to.equal(2);
    server.connections.get(1)?.destroy();
    await harness.until(() => server.connections.get(3)?.bytesRead === 5);
  });

  it('time out like any other', async () => {
    const server = await harness.listening({ idleTimeout: 100 });
    server.data$.subscribe();
    const ended = firstValueFrom(server.disconnected$);
    const [peer] = await silent(harness, server, 1);
    await harness.clock.advance(300);
    expect((await ended).connection.remote.port).to.equal(peer?.port);
  });

  it('come and go by the hundred, with others who speak', async () => {
    const server = await harness.listening();
    server.data$.subscribe(({ connection, data }) => connection.write(data));
    const ends = valuesOf(server.disconnected$);
    for (let round = 0; round < 4; round++) {
      const peers = await silent(harness, server, 60);
      const speaking = peers.filter((_, at) => at % 3 === round % 3);
      for (const peer of speaking) peer.send('echo');
      await Promise.all(speaking.map((peer) => peer.receives('echo')));
      for (const peer of peers.splice(0, 50)) peer.destroy();
      await harness.until(() => server.connections.size === 10 * (round + 1));
    }
    expect(ends.length).to.equal(200);
    const ids = [...ends.map(({ connection }) => connection.id), ...server.connections.keys()];
    expect(sorted(ids)).to.deep.equal(Array.from({ length: 240 }, (_, at) => at + 1));
  });
});
