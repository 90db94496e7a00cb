// `npm run bench:pressure`: what a peer that does not read costs a server and its other clients. For each poller:
//
// - echo: one peer sends 500 MB and reads nothing of its echoes;
// - fan-out: 1,000 clients are sent 4 KiB every 20 ms, and one of them reads nothing;
// - descriptors: 500 clients at once of a server that may open 64 files.
//
// Printed: how much the server's RSS has grown, and the latency of another client's pings without and with that peer.

import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('./pressure-server.js', import.meta.url));
const MIB = 2 ** 20;
const PINGS = 300;

interface Figures {
  readonly rss: number;
  readonly cpu: number; // microseconds
  readonly connections: number;
  readonly queued: number;
}

class Server {
  readonly child: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
  }

  static async start(poller: string, task: string, files?: number): Promise<Server> {
    const child =
      files === undefined
        ? fork(SERVER, [poller, task])
        : spawn('sh', ['-c', `ulimit -n ${files}; exec "$0" "$@"`, process.execPath, SERVER, poller, task], {
            stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
          });
    process.once('exit', () => child.kill('SIGKILL'));
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new Server(child, port);
  }

  async figures(): Promise<Figures> {
    this.child.send('figures');
    const [figures] = (await once(this.child, 'message')) as [Figures];
    return figures;
  }

  client(): Socket {
    return connect(this.port, '127.0.0.1')
      .setNoDelay(true)
      .on('error', () => {});
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}

/** Milliseconds from a ping to its answer, median and 99 %; whatever else is sent is skipped. */
async function latency(server: Server): Promise<string> {
  const socket = server.client();
  await once(socket, 'connect');
  const times: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const start = performance.now();
    socket.write('!');
    for (;;) {
      const [data] = (await once(socket, 'data')) as [Buffer];
      if (data.includes('!')) break;
    }
    times.push(performance.now() - start);
    await sleep(1);
  }
  socket.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number): string => (times[Math.floor((times.length - 1) * share)] as number).toFixed(2);
  return `${at(0.5)} / ${at(0.99)} ms`;
}

const inMiB = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

async function echo(poller: string): Promise<void> {
  const server = await Server.start(poller, 'echo');
  const before = await latency(server);
  const base = (await server.figures()).rss;
  const peer = server.client();
  await once(peer, 'connect');
  peer.pause();
  const chunk = Buffer.alloc(MIB, 'x');
  for (let sent = 0; sent < 500; sent++) peer.write(chunk); // the same buffer: this process does not grow either
  await sleep(1000);
  let most = 0;
  let queued = 0;
  const watching = (async (): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      const figures = await server.figures();
      most = Math.max(most, figures.rss);
      queued = figures.queued;
      await sleep(100);
    }
  })();
  const during = await latency(server);
  await watching;
  console.log(
    `${poller}: echo: RSS grew by ${inMiB(most - base)} (queued ${inMiB(queued)}, not taken ${inMiB(peer.writableLength)} of 500); ` +
      `pings ${before} before, ${during} meanwhile`,
  );
  peer.destroy();
  await server.stop();
}

async function fanOut(poller: string): Promise<void> {
  const server = await Server.start(poller, 'fan-out');
  const clients: Socket[] = [];
  for (let i = 0; i < 999; i++) clients.push(server.client().resume());
  await Promise.all(clients.map((client) => once(client, 'connect')));
  await sleep(2000);
  const before = await latency(server);
  const base = (await server.figures()).rss;
  const idler = server.client();
  await once(idler, 'connect');
  idler.pause();
  let most = 0;
  let left = 0;
  let queued = 0;
  for (let i = 0; i < 150; i++) {
    const figures = await server.figures();
    most = Math.max(most, figures.rss);
    left = figures.connections;
    queued = figures.queued;
    await sleep(100);
  }
  const during = await latency(server);
  console.log(
    `${poller}: fan-out: RSS grew by ${inMiB(most - base)} (queued ${inMiB(queued)}), ${left} of 1,000 connected; ` +
      `pings ${before} before, ${during} afterwards`,
  );
  for (const client of [...clients, idler]) client.destroy();
  await server.stop();
}

async function descriptors(poller: string): Promise<void> {
  const server = await Server.start(poller, 'echo', 64);
  let served = 0;
  const clients = Array.from({ length: 500 }, () => {
    const client = server.client();
    client.write('x');
    client.once('data', () => (served += 1));
    return client;
  });
  await sleep(1500);
  const first = await server.figures();
  await sleep(2000);
  const { cpu, connections } = await server.figures();
  const full = served;
  const share = ((cpu - first.cpu) / 2_000_000) * 100;
  // Those that were served leave, and let others in.
  const until = performance.now() + 60_000;
  const allServed = (): boolean => served === 500;
  while (!allServed() && performance.now() < until) {
    for (const client of clients) if (client.bytesRead > 0) client.destroy();
    await sleep(20);
  }
  console.log(
    `${poller}: 64 files: ${full} of 500 served at first, ${connections} connections, ${share.toFixed(1)} % CPU while full; ` +
      `${served} served at last`,
  );
  for (const client of clients) client.destroy();
  await server.stop();
}

const pollers = process.argv.length > 2 ? process.argv.slice(2) : ['epoll', 'net'];
for (const poller of pollers) {
  await echo(poller);
  await fanOut(poller);
  await descriptors(poller);
}
process.exit();
