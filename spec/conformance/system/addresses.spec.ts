// Where a server listens: one address or several, TCP over both families, unix sockets, and what comes of failures.

import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect } from 'chai';
import { listen } from 'evio';
import type { Observable } from 'rxjs';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { connectTo, pair, turns, until, valuesOf } from '../../support/connections.js';
import { Peer, destroyPeers } from '../../support/peer.js';
import { overPollers } from '../../support/pollers.js';
import { runModule } from '../../support/programs.js';
import { closeServers, listening, portOf } from '../../support/servers.js';
import { socketPath } from '../../support/socket-path.js';

overPollers('listen()', (poller) => {
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('has its addresses, with real ports, once it is ready', async () => {
    const server = await listening(poller);
    expect(server.addresses).to.have.length(1);
    const [address] = server.addresses;
    expect(address).to.include({ family: 'IPv4', address: '127.0.0.1' });
    expect(address?.port).to.be.within(1, 65_535);
    expect(String(address)).to.equal(`127.0.0.1:${address?.port}`);
    expect([await server.ready, server.poller]).to.deep.equal([server, poller]);
  });

  it('resolves names', async () => {
    const server = listen('tcp://localhost:0', { poller });
    expect(server.addresses).to.deep.equal([]);
    await server.ready;
    const peer = await connectTo(server);
    expect(peer.socket.remotePort).to.equal(portOf(server));
    await server.close();
  });

  it('takes IPv6', async () => {
    const server = await listening(poller, {}, 'tcp://[::1]:0');
    const { peer, connection } = await pair(server);
    expect(String(server.addresses[0])).to.equal(`[::1]:${portOf(server)}`);
    expect({ ...connection.remote }).to.deep.equal({
      family: 'IPv6',
      address: '::1',
      port: peer.socket.localPort,
    });
    expect(String(connection.local)).to.equal(`[::1]:${portOf(server)}`);
  });

  it('on `:0` takes IPv4 and IPv6, and shows IPv4 clients as IPv4', async () => {
    const server = await listening(poller, {}, ':0');
    const remotes = valuesOf(server.connections$);
    for (const host of ['127.0.0.1', '::1']) await Peer.toPort(portOf(server), host);
    while (remotes.length < 2) await turns(1);
    expect(remotes.map(({ remote, local }) => [remote.family, remote.address, local.address])).to.deep.equal([
      ['IPv4', '127.0.0.1', '127.0.0.1'],
      ['IPv6', '::1', '::1'],
    ]);
  });

  it('on `:0` with ipv6Only leaves IPv4 alone', async () => {
    const server = await listening(poller, { ipv6Only: true }, ':0');
    await Peer.toPort(portOf(server), '::1');
    const error = await Peer.toPort(portOf(server)).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'ECONNREFUSED' });
  });

  it('on several addresses is one server, in the order given', async () => {
    const server = listen(['tcp://[::1]:0', 'tcp://127.0.0.1:0', 'tcp4://localhost:0'], { poller });
    await server.ready;
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    expect(server.addresses.map(({ family }) => family)).to.deep.equal(['IPv6', 'IPv4', 'IPv4']);
    for (const { address, port } of server.addresses) {
      const peer = await Peer.connect({ host: address, port: port ?? 0 });
      peer.send('x');
      await peer.receives('x');
    }
    expect([...server.connections.keys()]).to.deep.equal([1, 2, 3]);
    await server.close({ timeout: 0 });
  });

  it('on several addresses, one of which fails, leaves none open and tells every stream', async () => {
    const taken = await listening(poller);
    const free = await listening(poller);
    const port = portOf(free);
    await free.close();
    const server = listen([`tcp://127.0.0.1:${port}`, `tcp://127.0.0.1:${portOf(taken)}`], { poller });
    const told: string[] = [];
    for (const name of ['connections$', 'data$'] as const) {
      const stream$: Observable<unknown> = server[name];
      stream$.subscribe({ error: ({ code }: NodeJS.ErrnoException) => told.push(`${name} ${code}`) });
    }
    server.disconnected$.subscribe({ complete: () => told.push('disconnected$ completes') });
    const error = await server.ready.catch((thrown: unknown) => thrown);
    expect(error).to.include({
      code: 'EADDRINUSE',
      syscall: 'listen',
      address: '127.0.0.1',
      port: portOf(taken),
    });
    expect(told.sort()).to.deep.equal([
      'connections$ EADDRINUSE',
      'data$ EADDRINUSE',
      'disconnected$ completes',
    ]);
    expect(server.addresses).to.deep.equal([]);
    await listening(poller, {}, `tcp://127.0.0.1:${port}`);
    expect(await server.close()).to.deep.equal({ drained: 0, forced: 0 });
  });

  it('on a name that does not exist rejects with what the resolver says', async () => {
    const server = listen('tcp://does-not-exist.invalid:0', { poller });
    const error = await server.ready.catch((thrown: unknown) => thrown);
    expect(error).to.include({ syscall: 'getaddrinfo' });
  });

  for (const [title, rest, outcome] of [
    ['is an unhandled rejection when nobody listens', '', /EADDRINUSE/],
    ['is not one when a stream has told it', 'server.connections$.subscribe({ error: () => {} });', /^$/],
    [
      'is not one when a later subscriber is told',
      'await null; server.data$.subscribe({ error: () => {} });',
      /^$/,
    ],
    ['is not one when ready is caught', 'server.ready.catch(() => {});', /^$/],
  ] as const) {
    it(`that fails ${title}`, async () => {
      const taken = await listening(poller);
      const source = `
        import { listen } from 'evio';
        const server = listen('${String(taken.addresses[0])}', { poller: '${poller}' });
        ${rest}`;
      const { stderr, code } = await runModule(source);
      expect(stderr).to.match(outcome);
      expect(code).to.equal(stderr === '' ? 0 : 1);
    });
  }
});

overPollers('a unix socket', (poller) => {
  let folder = '';
  let file = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'evio-'));
    file = socketPath(folder);
  });
  afterEach(closeServers);
  afterEach(destroyPeers);
  afterEach(() => rmSync(folder, { recursive: true }));

  it('serves, and its file goes with the server', async () => {
    const server = await listening(poller, {}, `unix://${file}`);
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    expect(server.addresses.map(String)).to.deep.equal([file]);
    const { peer, connection } = await pair(server);
    const bytes = pattern(8 * MIB, 17);
    peer.fin(bytes);
    const { received, ended } = await peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
    expect(connection.local).to.include({ family: 'unix', address: file });
    expect(connection.remote).to.include({ family: 'unix', address: '' });
    await server.close();
    expect(existsSync(file)).to.equal(false);
  });

  it('takes the place of a file that a killed server has left', async () => {
    const source = `
      import { listen } from 'evio';
      await listen('unix://${file}', { poller: '${poller}' }).ready;
      process.kill(process.pid, 'SIGKILL');`;
    expect((await runModule(source)).signal).to.equal('SIGKILL');
    expect(existsSync(file)).to.equal(true);
    const server = await listening(poller, {}, `unix://${file}`);
    const { connection } = await pair(server);
    expect(connection.id).to.equal(1);
  });

  it('does not take the place of a server that lives', async () => {
    const first = await listening(poller, {}, `unix://${file}`);
    const second = listen(`unix://${file}`, { poller });
    expect(await second.ready.catch((thrown: unknown) => thrown)).to.include({
      code: 'EADDRINUSE',
      address: file,
    });
    expect((await pair(first)).connection.id).to.be.at.least(1);
  });

  it('does not take the place of an ordinary file', async () => {
    writeFileSync(file, 'precious');
    const server = listen(`unix://${file}`, { poller });
    expect(await server.ready.catch((thrown: unknown) => thrown)).to.include({ code: 'EADDRINUSE' });
    expect(existsSync(file)).to.equal(true);
  });

  it('in a folder that does not exist is an error', async () => {
    const server = listen(`unix://${folder}/nowhere/socket`, { poller });
    const error: NodeJS.ErrnoException = await server.ready.then(
      () => new Error('it listens'),
      (thrown: Error) => thrown,
    );
    expect(error.code).to.be.oneOf(['ENOENT', 'EACCES']);
  });

  it('ends one connection by FIN in both directions', async () => {
    const server = await listening(poller, {}, `unix://${file}`);
    const { peer, connection } = await pair(server);
    connection.data$.subscribe((data) => connection.end(`you said ${String(data)}`));
    peer.send('x');
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['you said x', true]);
  });
});

overPollers(
  'reusePort',
  (poller) => {
    afterEach(closeServers);
    afterEach(destroyPeers);

    it('lets several servers share a port, and the kernel spreads the clients', async () => {
      const first = await listening(poller, { reusePort: true });
      const all = [first];
      for (let i = 0; i < 3; i++) {
        all.push(await listening(poller, { reusePort: true }, `tcp://127.0.0.1:${portOf(first)}`));
      }
      let accepted = 0;
      for (const server of all) server.connections$.subscribe(() => (accepted += 1));
      for (let i = 0; i < 64; i++) await connectTo(first);
      await until(() => accepted === 64);
      expect(all.filter(({ connections }) => connections.size > 0)).to.have.length.above(1);
    });

    it('is needed for that', async () => {
      const first = await listening(poller, { reusePort: true });
      const second = listen(`tcp://127.0.0.1:${portOf(first)}`, { poller });
      expect(await second.ready.catch((thrown: unknown) => thrown)).to.include({ code: 'EADDRINUSE' });
    });

    it('does not mix with a server of Node’s own', async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as { port: number };
      const server = listen(`tcp://127.0.0.1:${port}`, { poller, reusePort: true });
      expect(await server.ready.catch((thrown: unknown) => thrown)).to.include({ code: 'EADDRINUSE' });
      other.close();
    });
  },
  ['epoll', 'kqueue'], // `net` needs Node 22.12
);
