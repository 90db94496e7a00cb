// In worker threads: a server of its own in each, and nothing left of it when the thread is gone, however it goes.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { expect } from 'chai';

import { KIB, hash, pattern } from '../../support/bytes.js';
import { pair, steady, until } from '../../support/connections.js';
import { descriptors } from '../../support/descriptors.js';
import { Peer, destroyPeers } from '../../support/peer.js';
import { overPollers } from '../../support/pollers.js';
import type { PollerUnderTest } from '../../support/pollers.js';
import { closeServers, listening } from '../../support/servers.js';
import type { WorkerSetup } from './worker-program.js';

const PROGRAM = new URL('./worker-program.js', import.meta.url);
const workers = new Set<Worker>();

async function start(setup: WorkerSetup): Promise<{ worker: Worker; port: number }> {
  const worker = new Worker(PROGRAM, { workerData: setup });
  workers.add(worker);
  const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
  return { worker, port };
}

async function terminateWorkers(): Promise<void> {
  await Promise.all([...workers].map((worker) => worker.terminate()));
  workers.clear();
}

/** Peers that send all the time and read what comes, until they are cut off. */
async function traffic(port: number, count: number): Promise<Peer[]> {
  const peers = await Promise.all(Array.from({ length: count }, () => Peer.toPort(port)));
  const bytes = pattern(16 * KIB);
  for (const peer of peers) {
    const pump = (): void => {
      while (!peer.isOver && peer.socket.write(bytes));
    };
    peer.socket.on('drain', pump);
    pump();
  }
  return peers;
}

async function echoes(port: number, seed: number): Promise<void> {
  const peer = await Peer.toPort(port);
  const bytes = pattern(300 * KIB, seed);
  peer.fin(bytes);
  const { received, ended } = await peer.over();
  expect([hash(received), ended]).to.deep.equal([hash(bytes), true]);
}

/** Terminates a worker in the middle of its traffic; the peers hear of it. */
async function terminateUnderTraffic(poller: PollerUnderTest): Promise<void> {
  const { worker, port } = await start({ poller, busy: true });
  const peers = await traffic(port, 8);
  await Promise.all(peers.map((peer) => peer.until(({ receivedBytes }) => receivedBytes > 64 * KIB)));
  await worker.terminate();
  await Promise.all(peers.map((peer) => peer.until(({ isOver }) => isOver)));
  for (const peer of peers) peer.destroy();
  await until(() => peers.every(({ socket }) => socket.closed));
}

overPollers('in a worker thread', (poller) => {
  afterEach(terminateWorkers);
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('a server serves', async () => {
    const { worker, port } = await start({ poller });
    await echoes(port, 1);
    worker.postMessage('close');
    const [code] = (await once(worker, 'exit')) as [number];
    expect(code).to.equal(0);
  });

  it('a server serves beside one in another worker and one in this thread', async () => {
    const [one, two] = await Promise.all([start({ poller }), start({ poller })]);
    const server = await listening(poller);
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    const ports = [one.port, two.port, server.addresses[0]?.port ?? 0];
    await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => echoes(ports[seed % 3] ?? 0, seed)));
    await one.worker.terminate();
    await Promise.all([1, 2].map((seed) => echoes(ports[seed] ?? 0, seed)));
  });

  it('a server outlives the terminated worker that served beside it', async () => {
    const server = await listening(poller);
    const { peer, connection } = await pair(server);
    connection.data$.subscribe(connection);
    for (let i = 1; i <= 3; i++) {
      await terminateUnderTraffic(poller);
      peer.send('still here');
      await peer.receives('still here'.repeat(i));
    }
  }).timeout(60_000);

  it('termination under traffic leaves no descriptor, ten times over', async () => {
    await terminateUnderTraffic(poller); // what the first worker opens for good is opened
    const before = await steady(descriptors);
    for (let i = 0; i < 10; i++) await terminateUnderTraffic(poller);
    expect(await steady(descriptors)).to.equal(before);
  }).timeout(60_000);

  it('termination right after the start leaves no descriptor', async () => {
    await terminateUnderTraffic(poller); // what the first worker opens for good is opened
    const before = await steady(descriptors);
    for (let i = 0; i < 10; i++) {
      const worker = new Worker(PROGRAM, { workerData: { poller } satisfies WorkerSetup });
      if (i % 2 === 0) await once(worker, 'online');
      await worker.terminate();
    }
    expect(await steady(descriptors)).to.equal(before);
  }).timeout(60_000);

  it('close() leaves no connection behind', async () => {
    const { worker, port } = await start({ poller });
    const peers = await Promise.all([1, 2, 3].map(() => Peer.toPort(port)));
    for (const peer of peers) peer.send('x');
    await Promise.all(peers.map((peer) => peer.receives('x')));
    const exited = once(worker, 'exit') as Promise<[number]>; // which may come before the peers hear of the end
    worker.postMessage('close');
    await Promise.all(peers.map((peer) => peer.over()));
    expect((await exited)[0]).to.equal(0);
  });
});
