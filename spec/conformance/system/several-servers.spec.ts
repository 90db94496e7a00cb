// Several servers on one machine: in one process, in a forked child, in the workers of a cluster. Each serves its own.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';
import type { Server } from 'evio';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { pair, valuesOf } from '../../support/connections.js';
import { Peer, destroyPeers } from '../../support/peer.js';
import { overPollers, pollers } from '../../support/pollers.js';
import { closeServers, connectTo, listening, portOf } from '../../support/servers.js';

const CHILD = fileURLToPath(new URL('./serving-child.js', import.meta.url));
const children = new Set<ChildProcess>();

async function end(child: ChildProcess): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function endChildren(): Promise<void> {
  await Promise.all([...children].map(end));
}

async function told(child: ChildProcess): Promise<number> {
  children.add(child);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return port;
}

async function echoing(poller: string): Promise<Server> {
  const server = await listening(poller as Parameters<typeof listening>[0]);
  server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
  return server;
}

async function echoes(peer: Peer, bytes: Buffer): Promise<void> {
  const before = peer.receivedBytes;
  peer.send(bytes);
  await peer.until(({ receivedBytes, isOver }) => receivedBytes >= before + bytes.length || isOver);
  expect(hash(peer.received.subarray(before))).to.equal(hash(bytes));
}

/** A client of a child, once it knows whose it is. */
async function greeted(port: number): Promise<{ peer: Peer; pid: number }> {
  const peer = await Peer.toPort(port);
  await peer.until(({ received, isOver }) => received.includes('\n') || isOver);
  return { peer, pid: Number(String(peer.received).split('\n')[0]) };
}

overPollers('several servers in one process', (poller) => {
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('each count and serve their own connections', async () => {
    const servers = await Promise.all(Array.from({ length: 8 }, () => echoing(poller)));
    const clients = await Promise.all(
      servers.flatMap((server) => [connectTo(server), connectTo(server), connectTo(server)]),
    );
    await Promise.all(clients.map((peer, i) => echoes(peer, pattern(100 * KIB, i))));
    for (const server of servers) expect([...server.connections.keys()]).to.deep.equal([1, 2, 3]);
    expect(new Set(servers.map(portOf)).size).to.equal(8);
  });

  it('close one by one, each leaving the others and their connections', async () => {
    const servers = await Promise.all(Array.from({ length: 4 }, () => echoing(poller)));
    const both = [];
    for (const server of servers) both.push({ server, ...(await pair(server)) });
    for (const [i, { server, peer }] of both.entries()) {
      const ended = valuesOf(server.disconnected$);
      await server.close({ timeout: 0 });
      await peer.over();
      expect(ended).to.have.length(1);
      for (const other of both.slice(i + 1)) await echoes(other.peer, pattern(KIB, i));
    }
  });

  it('may be closed and opened inside one another’s events', async () => {
    const first = await listening(poller);
    const opened: Promise<Server>[] = [];
    first.connections$.subscribe((connection) => {
      connection.data$.subscribe(() => {
        void first.close({ timeout: 0 });
        opened.push(echoing(poller));
      });
    });
    const peer = await connectTo(first);
    peer.send('x');
    await peer.over();
    const second = await Promise.all(opened);
    await echoes(await connectTo(second[0] as Server), pattern(100 * KIB));
  });

  for (const other of pollers.filter((name) => name !== poller)) {
    it(`of the pollers ${poller} and ${other} relay to each other`, async () => {
      const here = await pair(await listening(poller));
      const there = await pair(await listening(other));
      here.connection.data$.subscribe(there.connection);
      there.connection.data$.subscribe(here.connection);
      const [ask, answer] = [pattern(4 * MIB, 61), pattern(4 * MIB, 62)];
      here.peer.fin(ask);
      there.peer.fin(answer);
      expect(hash((await there.peer.over()).received)).to.equal(hash(ask));
      expect(hash((await here.peer.over()).received)).to.equal(hash(answer));
    });
  }
});

overPollers('a forked child with a server', (poller) => {
  afterEach(endChildren);
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('serves beside the server of its parent', async () => {
    const server = await echoing(poller);
    const own = await connectTo(server);
    await echoes(own, pattern(10 * KIB));
    const child = fork(CHILD, [poller, '0']);
    const port = await told(child);
    const { peer, pid } = await greeted(port);
    expect(pid).to.equal(child.pid);
    await Promise.all([echoes(own, pattern(MIB, 1)), echoes(peer, pattern(MIB, 2))]);
  });

  it('takes its own connections with it when it is killed, and none of its parent’s', async () => {
    const server = await echoing(poller);
    const own = await connectTo(server);
    const child = fork(CHILD, [poller, '0']);
    const port = await told(child);
    const all = await Promise.all([1, 2, 3].map(() => greeted(port)));
    for (const { peer } of all) peer.send(pattern(MIB));
    await end(child);
    await Promise.all(all.map(({ peer }) => peer.over()));
    await echoes(own, pattern(MIB, 3));
    expect(await Peer.toPort(port).catch(({ code }: NodeJS.ErrnoException) => code)).to.equal('ECONNREFUSED');
  });

  it('leaves its port to the next when it is killed with connections', async () => {
    const first = fork(CHILD, [poller, '0']);
    const port = await told(first);
    await greeted(port);
    await end(first);
    const second = fork(CHILD, [poller, String(port)]);
    expect(await told(second)).to.equal(port);
    expect((await greeted(port)).pid).to.equal(second.pid);
  });
});

overPollers('the workers of a cluster', (poller) => {
  before(() => cluster.setupPrimary({ exec: CHILD, args: [poller, '0'] }));
  afterEach(endChildren);
  afterEach(destroyPeers);

  it('each get a port of their own on port 0', async () => {
    const workers = Array.from({ length: 3 }, () => cluster.fork().process);
    const ports = await Promise.all(workers.map(told));
    expect(new Set(ports).size).to.equal(3);
    const pids = await Promise.all(ports.map(async (port) => (await greeted(port)).pid));
    expect(pids).to.deep.equal(workers.map(({ pid }) => pid));
  });
});

overPollers(
  'the workers of a cluster with reusePort',
  (poller) => {
    afterEach(endChildren);
    afterEach(destroyPeers);

    async function workersOn(count: number): Promise<{ workers: ChildProcess[]; port: number }> {
      let port = 0;
      const workers: ChildProcess[] = [];
      while (workers.length < count) {
        cluster.setupPrimary({ exec: CHILD, args: [poller, String(port), 'share'] });
        const worker = cluster.fork().process;
        workers.push(worker);
        port = await told(worker);
      }
      return { workers, port };
    }

    it('share a port, and the kernel spreads the clients over them', async () => {
      const { workers, port } = await workersOn(3);
      const clients = await Promise.all(Array.from({ length: 60 }, () => greeted(port)));
      const served = new Set(clients.map(({ pid }) => pid));
      expect(workers.map(({ pid }) => pid)).to.include.members([...served]);
      expect(served.size).to.be.above(1);
    });

    it('go on serving when one of them is killed, and the next one joins', async () => {
      const { workers, port } = await workersOn(2);
      await end(workers[0] as ChildProcess);
      const after = await Promise.all(Array.from({ length: 20 }, () => greeted(port)));
      expect(new Set(after.map(({ pid }) => pid))).to.deep.equal(new Set([workers[1]?.pid]));
      cluster.setupPrimary({ exec: CHILD, args: [poller, String(port), 'share'] });
      const third = cluster.fork().process;
      await told(third);
      const pids = new Set<number>();
      while (!pids.has(third.pid ?? 0)) pids.add((await greeted(port)).pid);
      expect(pids).to.include(third.pid);
    });
  },
  ['epoll', 'kqueue'], // `net` needs Node 22.12
);
