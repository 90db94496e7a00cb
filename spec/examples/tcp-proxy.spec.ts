// The tcp-proxy example: whole streams through it, over several upstreams, some of which are not there.

import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { MIB, hash, pattern } from '../support/bytes.js';
import { Peer, destroyPeers } from '../support/peer.js';
import { overPollers } from '../support/pollers.js';
import { endProcesses, run } from '../support/processes.js';
import type { Running } from '../support/processes.js';
import { example } from './processes.js';

/** An upstream that answers each connection with its name and an echo. */
class Upstream {
  readonly name: string;
  readonly server: Server;
  readonly sockets = new Set<Socket>();

  constructor(name: string) {
    this.name = name;
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      socket.write(`${name}:`);
      socket.pipe(socket);
    }).listen(0, '127.0.0.1');
  }

  async address(): Promise<string> {
    if (!this.server.listening) await once(this.server, 'listening');
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

overPollers('examples: tcp-proxy', (poller) => {
  const upstreams: Upstream[] = [];

  afterEach(destroyPeers);
  afterEach(endProcesses);
  afterEach(() => {
    for (const upstream of upstreams.splice(0)) upstream.close();
  });

  async function upstream(name: string): Promise<Upstream> {
    const one = new Upstream(name);
    upstreams.push(one);
    await one.address();
    return one;
  }

  async function start(
    addresses: readonly string[],
    ...args: string[]
  ): Promise<{ proxy: Running; port: number }> {
    const proxy = example('tcp-proxy', [
      ...['--port', '0', '--poller', poller, '--upstream', addresses.join(',')],
      ...args,
    ]);
    const [, port] = await proxy.prints(/proxy on 127\.0\.0\.1:(\d+) .*\n/);
    return { proxy, port: Number(port) };
  }

  it('passes everything both ways, and each side’s end', async () => {
    const one = await upstream('one');
    const { port } = await start([await one.address()]);
    const peer = await Peer.toPort(port);
    const bytes = pattern(20 * MIB, 4);
    peer.fin(bytes);
    const { received, ended } = await peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash([Buffer.from('one:'), bytes])]);
  });

  it('spreads its clients', async () => {
    const all = [await upstream('one'), await upstream('two')];
    const { port } = await start(await Promise.all(all.map((one) => one.address())));
    const peers: Peer[] = [];
    for (let i = 0; i < 6; i++) {
      const peer = await Peer.toPort(port);
      await peer.until(({ receivedBytes }) => receivedBytes >= 4);
      peers.push(peer);
    }
    expect(peers.map(({ received }) => String(received)).sort()).to.deep.equal([
      ...['one:', 'one:', 'one:', 'two:', 'two:', 'two:'],
    ]);
  });

  it('goes on with those that answer, and says once who does not', async () => {
    const gone = await upstream('gone');
    const address = await gone.address();
    gone.close();
    const one = await upstream('one');
    const { proxy, port } = await start([address, await one.address()]);
    for (let i = 0; i < 3; i++) {
      const peer = await Peer.toPort(port);
      await peer.receives('one:');
    }
    await proxy.prints(/ECONNREFUSED/);
    expect(proxy.stderr.match(/ECONNREFUSED/g)).to.have.length(1);
  });

  it('resets a client when nobody answers', async () => {
    const gone = await upstream('gone');
    const address = await gone.address();
    gone.close();
    const { port } = await start([address]);
    const peer = await Peer.toPort(port);
    expect((await peer.over()).error?.code).to.equal('ECONNRESET');
  });

  it('lets an upstream’s failure reach the client, and a client’s the upstream', async () => {
    const one = await upstream('one');
    const { port } = await start([await one.address()]);
    const left = await Peer.toPort(port);
    await left.receives('one:');
    for (const socket of one.sockets) socket.resetAndDestroy();
    expect((await left.over()).error?.code).to.equal('ECONNRESET');
    const right = await Peer.toPort(port);
    await right.receives('one:');
    const [socket] = one.sockets;
    const closed = new Promise((resolve) => socket?.once('close', resolve));
    right.reset();
    await closed;
  });

  it('told to end, lets a stream go on to its end, and cuts off by a reset who does not end', async () => {
    const one = await upstream('one');
    const { proxy, port } = await start([await one.address()]);
    const ending = await Peer.toPort(port);
    const idle = await Peer.toPort(port);
    for (const peer of [ending, idle]) await peer.receives('one:');
    const bytes = pattern(8 * MIB, 5);
    ending.send(bytes.subarray(0, 4 * MIB));
    proxy.child.kill('SIGTERM');
    await refused(port);
    ending.fin(bytes.subarray(4 * MIB));
    const { received, ended } = await ending.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash([Buffer.from('one:'), bytes])]);
    expect((await idle.over()).error?.code).to.equal('ECONNRESET');
    expect((await proxy.ended).code).to.equal(0);
    await allGone(one);
  });
});

/** Waits until nobody is accepted there any more. */
async function refused(port: number): Promise<void> {
  for (let open = true; open;) {
    open = await Peer.toPort(port).then(
      (peer) => (peer.destroy(), true),
      () => false,
    );
  }
}

async function allGone({ sockets }: Upstream): Promise<void> {
  await Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
}

describe('examples: tcp-proxy', () => {
  it('says in one line what is wrong with its command line', async () => {
    const { code, stderr } = await run(process.execPath, [
      ...[fileURLToPath(new URL('../../examples/tcp-proxy.js', import.meta.url)), '--timeout', 'soon'],
    ]);
    expect([code, stderr]).to.deep.equal([1, "--timeout takes milliseconds, not 'soon'\n"]);
  });
});
