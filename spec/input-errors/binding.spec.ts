// Addresses that cannot be bound: the error says why and where, it is reported exactly once, and the process lives if
// anybody heard of it.

import { createServer } from 'node:net';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';
import { listen } from 'evio';

import { overPollers } from '../support/pollers.js';
import { runModule } from '../support/programs.js';
import type { Finished } from '../support/programs.js';
import { closeServers, listening, portOf } from '../support/servers.js';
import { rejectionOf } from './misuse.js';

let holder: NetServer;
let port: number;

async function holdPort(): Promise<void> {
  holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  ({ port } = holder.address() as AddressInfo);
}

function releasePort(): Promise<unknown> {
  return new Promise((resolve) => holder.close(resolve));
}

/** What a user sees who does that with a server whose address is in use: one line for each report. */
function seen(poller: string, use: string): Promise<Finished> {
  return runModule(`
    import { listen } from 'evio';
    process.on('warning', (warning) => console.log('warning', warning.message));
    const server = listen('tcp://127.0.0.1:${port}', { poller: '${poller}' });
    ${use}
    setTimeout(() => console.log('alive'), 50);
  `);
}

overPollers('input errors: an address in use', (poller) => {
  beforeEach(holdPort);
  afterEach(releasePort);
  afterEach(closeServers);

  it('is EADDRINUSE with address, port and syscall', async () => {
    const server = listen(`tcp://127.0.0.1:${port}`, { poller });
    const error = await rejectionOf(server.ready);
    expect(error).to.include({ code: 'EADDRINUSE', syscall: 'listen', address: '127.0.0.1', port });
    expect((error as NodeJS.ErrnoException).errno)
      .to.be.a('number')
      .below(0);
    expect(error.message).to.equal(`listen EADDRINUSE: address already in use 127.0.0.1:${port}`);
    expect(server.addresses).to.deep.equal([]);
  });

  it('gives the same error to ready and to both streams, also later', async () => {
    const server = listen(`tcp://127.0.0.1:${port}`, { poller });
    const errors: unknown[] = [];
    server.connections$.subscribe({ error: (error: unknown) => errors.push(error) });
    server.data$.subscribe({ error: (error: unknown) => errors.push(error) });
    const error = await rejectionOf(server.ready);
    server.connections$.subscribe({ error: (late: unknown) => errors.push(late) });
    server.data$.subscribe({ error: (late: unknown) => errors.push(late) });
    expect(errors).to.deep.equal([error, error, error, error]);
  });

  it('among several addresses frees the others', async () => {
    const free = portOf(await listening(poller));
    await closeServers();
    const error = await rejectionOf(
      listen([`tcp://127.0.0.1:${free}`, `tcp://127.0.0.1:${port}`], { poller }).ready,
    );
    expect(error).to.include({ code: 'EADDRINUSE', port });
    expect(portOf(await listening(poller, {}, `tcp://127.0.0.1:${free}`))).to.equal(free);
  });

  it('closing the server that failed is harmless, twice too', async () => {
    const server = listen(`tcp://127.0.0.1:${port}`, { poller });
    await rejectionOf(server.ready);
    expect(await server.close()).to.deep.equal({ drained: 0, forced: 0 });
    expect(await server.close()).to.deep.equal({ drained: 0, forced: 0 });
    server.ref().unref();
  });

  it('that nobody hears of ends the process, once', async () => {
    const { code, stdout, stderr } = await seen(poller, '');
    expect(code).to.equal(1);
    expect(stdout).to.equal('');
    expect(stderr.match(/Error: listen EADDRINUSE/g)).to.have.length(1);
    expect(stderr).to.include(`port: ${port}`);
  });

  const hearers: readonly [title: string, use: string][] = [
    ['ready', 'server.ready.catch(({ code }) => console.log(code));'],
    ['connections$', 'server.connections$.subscribe({ error: ({ code }) => console.log(code) });'],
    ['data$', 'server.data$.subscribe({ error: ({ code }) => console.log(code) });'],
    [
      'connections$ behind operators',
      `const { map } = await import('rxjs');
       server.connections$.pipe(map(String)).subscribe({ error: ({ code }) => console.log(code) });`,
    ],
    [
      'serveEach',
      `const { serveEach } = await import('evio');
       server.connections$.pipe(serveEach((data$) => data$)).subscribe({ error: ({ code }) => console.log(code) });`,
    ],
  ];
  for (const [title, use] of hearers) {
    it(`that ${title} hears of is told there alone, and the process lives`, async () => {
      const { code, stdout, stderr } = await seen(poller, use);
      expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: 'EADDRINUSE\nalive\n', stderr: '' });
    });
  }

  for (const stream of ['connections$', 'data$']) {
    it(`that a subscriber of ${stream} without an error handler gets ends the process, once`, async () => {
      const { code, stderr } = await seen(poller, `server.${stream}.subscribe(() => {});`);
      expect(code).to.equal(1);
      expect(stderr.match(/Error: listen EADDRINUSE/g)).to.have.length(1);
    });
  }

  it('that serve meets rejects once, and the process lives', async () => {
    const { code, stdout, stderr } = await runModule(`
      import { serve } from 'evio';
      const options = { poller: '${poller}' };
      await serve('tcp', '127.0.0.1:${port}', null, null, null, null, null, options).catch(({ code }) => console.log(code));
      console.log('alive');
    `);
    expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: 'EADDRINUSE\nalive\n', stderr: '' });
  });
});

overPollers("input errors: addresses that are nobody's", (poller) => {
  afterEach(closeServers);

  it('a name that does not resolve', async () => {
    const { code, stdout, stderr } = await runModule(`
      import { listen } from 'evio';
      process.env.RES_OPTIONS = 'timeout:1 attempts:1';
      const server = listen('tcp://name.invalid:9999', { poller: '${poller}' });
      await server.ready.catch(({ code, syscall, hostname, port, message }) =>
        console.log(JSON.stringify({ code, syscall, hostname, port, message })));
      await server.close();
    `);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    const error = JSON.parse(stdout) as Record<string, unknown>;
    // EAI_AGAIN where no name server answers.
    expect(error['code']).to.be.oneOf(['ENOTFOUND', 'EAI_AGAIN']);
    expect(error).to.include({ syscall: 'getaddrinfo', hostname: 'name.invalid', port: 9999 });
    expect(error['message']).to.include('name.invalid');
  });

  it('closing while a name is being resolved', async () => {
    const server = listen('tcp://localhost:0', { poller });
    const ready = rejectionOf(server.ready);
    await server.close();
    expect(await ready).to.include({ code: 'ERR_EVIO_CLOSED' });
    expect(server.addresses).to.deep.equal([]);
  });

  it('an address of another machine', async () => {
    const error = await rejectionOf(listen('tcp://192.0.2.1:0', { poller }).ready);
    expect(error).to.include({ code: 'EADDRNOTAVAIL', syscall: 'listen', address: '192.0.2.1' });
  });

  it('a path in a folder that is not there', async () => {
    const error = await rejectionOf(listen('unix:///no/such/folder/s', { poller }).ready);
    expect(error).to.include({ syscall: 'listen', address: '/no/such/folder/s' });
    // libuv says EACCES for a missing folder.
    expect(error.code).to.be.oneOf(['ENOENT', 'EACCES']);
  });

  it('a path that is no socket is left alone', async () => {
    const path = fileURLToPath(import.meta.url);
    const before = readFileSync(path);
    const error = await rejectionOf(listen(`unix://${path}`, { poller }).ready);
    expect(error).to.include({ code: 'EADDRINUSE', address: path });
    expect(readFileSync(path).equals(before)).to.equal(true);
  });

  it('a path that is too long', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'evio-'));
    const path = join(folder, 'x'.repeat(200));
    const server = listen(`unix://${path}`, { poller });
    try {
      const error = await rejectionOf(server.ready);
      expect(error.code).to.be.oneOf(['ENAMETOOLONG', 'EINVAL']);
      expect(error.message).to.include(path);
    } finally {
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('a privileged port for an unprivileged process', async function () {
    if (firstUnprivilegedPort() < 2) this.skip(); // this kernel has none
    const { code, stdout, stderr } = await runModule(`
      import { listen } from 'evio';
      const options = { poller: '${poller}' };
      // Loads the addon, which the unprivileged user may not be able to read.
      await (await listen('tcp://127.0.0.1:0', options).ready).close();
      if (process.getuid() === 0) {
        process.setgroups([65534]);
        process.setgid(65534);
        process.setuid(65534);
      }
      await listen('tcp://127.0.0.1:1', options).ready.catch(({ code, syscall, address, port, message }) =>
        console.log(JSON.stringify({ code, syscall, address, port, message })));
    `);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).to.deep.equal({
      code: 'EACCES',
      syscall: 'listen',
      address: '127.0.0.1',
      port: 1,
      message: 'listen EACCES: permission denied 127.0.0.1:1',
    });
  });
});

function firstUnprivilegedPort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'latin1'));
  } catch {
    return 1024;
  }
}
