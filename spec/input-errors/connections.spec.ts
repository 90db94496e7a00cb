// A connection misused: wrong types are TypeErrors, late calls are harmless, and the process lives.

import { expect } from 'chai';
import { listen, serveEach } from 'evio';
import type { Connection, Protocol, Server } from 'evio';
import { NEVER, of } from 'rxjs';

import { MIB, hash, pattern } from '../support/bytes.js';
import { pair } from '../support/connections.js';
import type { Pair } from '../support/connections.js';
import { overPollers } from '../support/pollers.js';
import { destroyPeers } from '../support/peer.js';
import { closeServers, listening } from '../support/servers.js';
import { expectTypeError, rejectionOf, thrownBy, titleOf } from './misuse.js';

const NO_BYTES: readonly unknown[] = [
  undefined,
  null,
  1,
  true,
  {},
  [104, 105],
  Symbol('mine'),
  () => {},
  new Date(0),
  new ArrayBuffer(2),
];
/** They have bytes, but not in the form that is documented. */
const OTHER_VIEWS = [new Uint16Array(2), new DataView(new ArrayBuffer(2))];

overPollers('input errors: writing', (poller) => {
  let server: Server;
  let failures: string[];
  beforeEach(async () => {
    server = await listening(poller);
    failures = [];
    server.errors$.subscribe(({ error, connection }) => {
      failures.push(`${connection?.id} ${(error as NodeJS.ErrnoException).code ?? error.message}`);
    });
  });
  afterEach(destroyPeers);
  afterEach(closeServers);

  /** The connection serves on. */
  async function expectAlive({ connection, peer }: Pair): Promise<void> {
    const before = peer.receivedBytes;
    connection.write('alive');
    await peer.until(({ receivedBytes }) => receivedBytes >= before + 5);
    expect(peer.received.subarray(before).toString()).to.equal('alive');
    expect(failures).to.deep.equal([]);
  }

  for (const value of [...NO_BYTES, ...OTHER_VIEWS]) {
    const bytes = value as string;
    it(`write(${titleOf(value)}) throws, and the connection serves on`, async () => {
      const both = await pair(server);
      expectTypeError(
        thrownBy(() => both.connection.write(bytes)),
        'ERR_INVALID_ARG_TYPE',
        'bytes',
        'string',
      );
      await expectAlive(both);
    });

    it(`send(${titleOf(value)}) errors, and the connection serves on`, async () => {
      const both = await pair(server);
      const error = await new Promise<Error>((resolve, reject) => {
        both.connection.send(bytes).subscribe({ error: resolve, complete: () => reject(new Error('sent')) });
      });
      expectTypeError(error, 'ERR_INVALID_ARG_TYPE', 'bytes', 'string');
      await expectAlive(both);
    });

    it(`next(${titleOf(value)}) closes that connection, and is reported once`, async () => {
      const { connection, peer } = await pair(server);
      connection.next(bytes);
      await peer.over();
      expect(failures).to.deep.equal(['1 ERR_INVALID_ARG_TYPE']);
    });

    if (value === undefined) continue;
    it(`end(${titleOf(value)}) throws, and the connection serves on`, async () => {
      const both = await pair(server);
      expectTypeError(
        thrownBy(() => both.connection.end(bytes)),
        'ERR_INVALID_ARG_TYPE',
        'bytes',
        'string',
      );
      await expectAlive(both);
    });
  }

  for (const value of [...NO_BYTES, 'text']) {
    it(`unread(${titleOf(value)}) throws`, async () => {
      const both = await pair(server);
      const call = (): void => both.connection.unread(value as Buffer);
      expectTypeError(thrownBy(call), 'ERR_INVALID_ARG_TYPE', 'unread', 'Uint8Array');
      await expectAlive(both);
    });
  }

  for (const value of [null, 1, 'text', {}, { message: 'like an error' }]) {
    it(`destroy(${titleOf(value)}) throws, and the connection serves on`, async () => {
      const both = await pair(server);
      const call = (): void => both.connection.destroy(value as unknown as Error);
      expectTypeError(thrownBy(call), 'ERR_INVALID_ARG_TYPE', 'destroy', 'Error');
      await expectAlive(both);
    });
  }

  it('nothing written is nothing sent', async () => {
    const both = await pair(server);
    for (const nothing of ['', Buffer.alloc(0), new Uint8Array(0)]) {
      expect(both.connection.write(nothing)).to.equal(true);
      const sent: string[] = [];
      both.connection
        .send(nothing)
        .subscribe({ next: () => sent.push('next'), complete: () => sent.push('complete') });
      expect(sent).to.deep.equal(['next', 'complete']);
    }
    both.connection.unread(Buffer.alloc(0));
    expect(both.connection.bytesQueued).to.equal(0);
    await expectAlive(both);
    both.connection.end('');
    expect((await both.peer.over()).received.toString()).to.equal('alive');
  });

  it('one write of 24 MiB arrives whole, above every mark', async () => {
    const { connection, peer } = await pair(server);
    const large = pattern(24 * MIB);
    expect(connection.write(large)).to.equal(false);
    connection.end();
    const { received, ended } = await peer.over();
    expect(ended).to.equal(true);
    expect(hash(received)).to.equal(hash(large));
    expect(failures).to.deep.equal([]);
  });

  it('a string of 3 MiB of text beyond ASCII arrives whole', async () => {
    const { connection, peer } = await pair(server);
    const text = 'zażółć gęślą jaźń 🦆 '.repeat(100_000);
    connection.end(text);
    expect((await peer.over()).received.toString() === text).to.equal(true);
  });
});

overPollers('input errors: late calls', (poller) => {
  let server: Server;
  let failures: string[];
  beforeEach(async () => {
    server = await listening(poller);
    failures = [];
    server.errors$.subscribe(({ error }) =>
      failures.push((error as NodeJS.ErrnoException).code ?? error.message),
    );
  });
  afterEach(destroyPeers);
  afterEach(closeServers);

  /** Every method of a connection, as a user who does not keep book would call it. */
  function callEverything(connection: Connection): void {
    connection.pause();
    connection.resume();
    connection.wake();
    connection.unread(Buffer.from('x'));
    connection.end('x');
    connection.end();
    connection.complete();
    connection.destroy();
    connection.destroy(new Error('too late'));
    connection.reset();
    connection.error(new Error('too late'));
  }

  function sendError(connection: Connection): Promise<string> {
    return new Promise((resolve) => {
      connection.send('x').subscribe({ error: ({ code }: NodeJS.ErrnoException) => resolve(code ?? '') });
    });
  }

  it('write after end is refused, and reported once', async () => {
    const { connection, peer } = await pair(server);
    connection.end('last');
    for (let i = 0; i < 3; i++) expect(connection.write('x')).to.equal(false);
    connection.next('x');
    expect(await sendError(connection)).to.equal('ERR_EVIO_WRITE_AFTER_END');
    expect((await peer.over()).received.toString()).to.equal('last');
    expect(failures).to.deep.equal(['ERR_EVIO_WRITE_AFTER_END']);
  });

  for (const how of ['destroy', 'reset'] as const) {
    it(`everything after ${how} is refused in silence`, async () => {
      const { connection, peer } = await pair(server);
      const outcomes: unknown[] = [];
      connection.closed$.subscribe((outcome) => outcomes.push(outcome));
      connection[how]();
      callEverything(connection);
      expect(connection.write('x')).to.equal(false);
      connection.next('x');
      expect(await sendError(connection)).to.equal('ERR_EVIO_CLOSED');
      await peer.over();
      expect(peer.received.length).to.equal(0);
      expect(outcomes).to.deep.equal([{}]);
      expect(failures).to.deep.equal([]);
    });
  }

  it('everything after the peer has gone and the server has closed is refused in silence', async () => {
    const { connection, peer } = await pair(server);
    connection.data$.subscribe();
    peer.fin();
    await new Promise((resolve) => connection.closed$.subscribe(resolve));
    await server.close();
    callEverything(connection);
    expect(connection.write('x')).to.equal(false);
    await connection[Symbol.asyncDispose]();
    expect(failures).to.deep.equal([]);
  });

  it('the streams of a closed connection complete for those who come late', async () => {
    const { connection } = await pair(server);
    connection.destroy();
    const seen: string[] = [];
    connection.data$.subscribe({ complete: () => seen.push('data$') });
    connection.drained$.subscribe({ complete: () => seen.push('drained$') });
    connection.closed$.subscribe({ next: () => seen.push('closed'), complete: () => seen.push('closed$') });
    expect(seen).to.deep.equal(['data$', 'drained$', 'closed', 'closed$']);
  });

  it('close twice gives the same promise, and its streams complete for those who come late', async () => {
    const first = server.close();
    expect(server.close()).to.equal(first);
    expect(await first).to.deep.equal({ drained: 0, forced: 0 });
    expect(server.close({ timeout: 0 })).to.equal(first);
    let completed = 0;
    server.connections$.subscribe({ complete: () => (completed += 1) });
    server.data$.subscribe({ complete: () => (completed += 1) });
    server.ticks$.subscribe({ complete: () => (completed += 1) });
    expect(completed).to.equal(3);
    server.ref().unref();
    await server[Symbol.asyncDispose]();
  });

  for (const timeout of [-1, Number.NaN, '1', {}]) {
    it(`close({ timeout: ${titleOf(timeout)} }) is a TypeError, and the server serves on`, async () => {
      const call = (): unknown => server.close({ timeout: timeout as number });
      expect(thrownBy(call))
        .to.be.an.instanceOf(TypeError)
        .with.property('code')
        .which.matches(/^ERR_INVALID_ARG/);
      expect(thrownBy(call).message).to.include('timeout');
      await pair(server);
    });
  }

  for (const options of [1, 'now', true, null]) {
    it(`close(${titleOf(options)}) is a TypeError`, () => {
      const call = (): unknown => server.close(options as unknown as undefined);
      expectTypeError(thrownBy(call), 'ERR_INVALID_ARG_TYPE', 'close', 'options');
    });
  }
});

describe('input errors: protocols', () => {
  for (const protocol of [undefined, null, 1, 'echo', {}, NEVER] as unknown[]) {
    it(`serveEach(${titleOf(protocol)})`, () => {
      const call = (): unknown => serveEach(protocol as Protocol);
      expectTypeError(thrownBy(call), 'ERR_INVALID_ARG_TYPE', 'serveEach', 'function');
    });
  }

  it('serveEach on something else than connections', async () => {
    const error = await new Promise<Error>((resolve) => {
      of({ id: 1 } as unknown as Connection)
        .pipe(serveEach((data$) => data$))
        .subscribe({ error: resolve });
    });
    expectTypeError(error, 'ERR_INVALID_ARG_TYPE', 'serveEach', 'connection');
  });

  it('ready of a server that is closed before it is bound is no unhandled rejection', async () => {
    const server = listen('tcp://localhost:0', { poller: 'net' });
    await server.close();
    expect(await rejectionOf(server.ready)).to.include({ code: 'ERR_EVIO_CLOSED' });
  });
});
