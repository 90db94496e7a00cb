// A turn is bounded, survives a throw, belongs to nobody's async context, and leaves nothing unsent behind it.

import { AsyncLocalStorage } from 'node:async_hooks';
import { fork } from 'node:child_process';
import { once } from 'node:events';

import { expect } from 'chai';
import { connect, listen } from 'evio';
import type { Connection, Server } from 'evio';
import { NEVER, Observable, firstValueFrom } from 'rxjs';

import { connectTo, pair, pairs, turns, until } from '../../support/connections.js';
import { destroyPeers } from '../../support/peer.js';
import { overPollers } from '../../support/pollers.js';
import type { PollerUnderTest } from '../../support/pollers.js';
import { runModule } from '../../support/programs.js';
import { closeServers, listening, portOf } from '../../support/servers.js';
import { withUncaught } from '../../support/uncaught.js';

const LOAD = new URL('./load-client.js', import.meta.url);

overPollers('under full load', (poller) => {
  afterEach(closeServers);

  it('timers, immediates and promises go on', async () => {
    const server = await listening(poller);
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    const client = fork(LOAD, [String(portOf(server))]);
    await once(client, 'message'); // its first bytes have come back
    const read = (): number =>
      [...server.connections.values()].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    const before = read();
    for (let i = 0; i < 50; i++) {
      await new Promise((resolve) => void setImmediate(resolve));
      await new Promise((resolve) => void setTimeout(resolve, 1));
    }
    expect(read()).to.be.above(before);
    const exited = once(client, 'exit');
    client.kill();
    await exited;
  });
});

overPollers('connections of one loop that answer each other without end', (poller) => {
  afterEach(closeServers);

  const CLIENTS = 20;
  const CHUNKS = 1000;

  /**
   * One chunk goes round: from a client to the server, back, and on to the next client; the poller finds it as soon as it asks
   * again. `watch` is told of each of its arrivals, before the answer.
   */
  async function circulate(watch: (connection: Connection) => void): Promise<void> {
    const server = await listening(poller);
    let arrivals = 0;
    const answering = (connection: Connection, next: () => Connection | undefined): void => {
      connection.data$.subscribe((data) => {
        arrivals += 1;
        watch(connection);
        next()?.write(data);
      });
    };
    server.connections$.subscribe((connection) => answering(connection, () => connection));
    const ring: Connection[] = [];
    const dialled = Array.from({ length: CLIENTS }, (_, i) =>
      connect(`tcp://127.0.0.1:${portOf(server)}`, { poller }).subscribe((connection) => {
        ring[i] = connection;
        answering(connection, () => ring[(i + 1) % CLIENTS]);
      }),
    );
    await until(() => server.connections.size === CLIENTS && Object.keys(ring).length === CLIENTS);
    ring[0]?.write('x');
    await until(() => arrivals >= CHUNKS);
    for (const one of dialled) one.unsubscribe();
  }

  it('let promises run before the next of them is heard', async () => {
    let heard = 0;
    const delays: number[] = [];
    await circulate(() => {
      const before = (heard += 1);
      queueMicrotask(() => delays.push(heard - before));
    });
    expect(delays.length).to.be.at.least(CHUNKS - 1);
    expect(Math.max(...delays)).to.equal(0);
  });

  it('see nothing of what another has put into AsyncLocalStorage', async () => {
    const storage = new AsyncLocalStorage<Connection>();
    const seen = new Set<unknown>();
    await circulate((connection) => {
      seen.add(storage.getStore());
      storage.enterWith(connection);
    });
    expect([...seen]).to.deep.equal([undefined]);
  });

  it('let whoever awaits one chunk be in time for the next', async () => {
    const server = await listening(poller);
    const late: string[] = [];
    server.connections$.subscribe((connection) => {
      connection.data$.subscribe(connection);
      void firstValueFrom(connection.data$).then(() =>
        connection.data$.subscribe((data) => late.push(String(data))),
      );
    });
    const client = connect(`tcp://127.0.0.1:${portOf(server)}`, { poller }).subscribe((connection) => {
      connection.data$.subscribe((data) => connection.write(`${Number(data) + 1}`));
      connection.write('0');
    });
    await until(() => late.length >= 5);
    client.unsubscribe();
    expect(late.slice(0, 5)).to.deep.equal(['1', '2', '3', '4', '5']);
  });
});

overPollers('what is written outside a turn', (poller) => {
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('leaves before the event loop blocks, without any other event', async () => {
    // The peer is another process and this one only waits: no event of its own would flush by chance.
    const source = `
      import { listen } from 'evio';
      const server = await listen('tcp://127.0.0.1:0', { poller: '${poller}' }).ready;
      server.connections$.subscribe((connection) => {
        setTimeout(() => connection.end('from a timer'), 20);
      });
      process.stdout.write(String(server.addresses[0].port));
      server.disconnected$.subscribe(() => void server.close());
    `;
    const client = `
      import { connect } from 'node:net';
      import { spawn } from 'node:child_process';
      const child = spawn(process.execPath, ['--input-type=module', '--eval', process.argv.at(-1)]);
      child.stderr.pipe(process.stderr);
      child.stdout.once('data', (port) => {
        const socket = connect(Number(port), '127.0.0.1');
        socket.pipe(process.stdout);
        socket.on('end', () => socket.end());
      });`;
    const { stdout, stderr } = await runModule(client, { args: [source] });
    expect([stdout, stderr]).to.deep.equal(['from a timer', '']);
  });

  it('leaves in one piece, whoever wrote it', async () => {
    const server = await listening(poller);
    const { peer, connection } = await pair(server);
    const chunks: string[] = [];
    peer.socket.on('data', (data) => chunks.push(String(data)));
    for (let i = 0; i < 10; i++) connection.write(String(i));
    await Promise.resolve().then(() => connection.write('a'));
    await peer.receives('0123456789a');
    if (poller !== 'net') expect(chunks).to.deep.equal(['0123456789a']);
  });
});

overPollers('a throw that is nobody’s', (poller) => {
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('in a subscriber of connections$, closed$ or disconnected$ leaves the rest of the batch', async () => {
    const server = await listening(poller);
    await withUncaught(async (thrown) => {
      await throwEverywhere(server);
      await until(() => thrown.length >= 60);
      await turns();
      expect(thrown).to.have.length(60);
    });
    expect(server.connections.size).to.equal(0);
  });

  it('behind operators of a user leaves the rest of the batch', async () => {
    const server = await listening(poller);
    server.errors$.subscribe();
    const all = await pairs(server, 20);
    // An operator that does not protect itself: it throws into the poller's call.
    const careless = (connection: (typeof all)[number]['connection']): Observable<never> =>
      new Observable(() => {
        connection.data$.subscribe(() => {
          throw new Error('careless');
        });
        return NEVER.subscribe();
      });
    for (const { connection } of all) {
      if (connection.id % 2 === 0) careless(connection).subscribe();
      else connection.data$.subscribe(connection);
    }
    for (const { peer } of all) peer.send('x');
    for (const { peer, connection } of all) {
      if (connection.id % 2 === 0) await peer.over();
      else await peer.receives('x');
    }
  });
});

/** 20 clients, each of which makes connections$, closed$ and disconnected$ throw. */
async function throwEverywhere(server: Server): Promise<void> {
  const fail = (where: string) => () => {
    throw new Error(where);
  };
  server.disconnected$.subscribe(fail('disconnected$'));
  server.connections$.subscribe((connection) => {
    connection.data$.subscribe(connection);
    connection.closed$.subscribe(fail('closed$'));
    throw new Error('connections$');
  });
  const peers = await Promise.all(Array.from({ length: 20 }, () => connectTo(server)));
  for (const peer of peers) peer.fin('x');
  for (const peer of peers) expect(String((await peer.over()).received)).to.equal('x');
}

overPollers('AsyncLocalStorage', (poller) => {
  afterEach(closeServers);
  afterEach(destroyPeers);

  it('of whoever listens, subscribes or writes is not that of the events', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const see = (): void => void seen.push(storage.getStore());
    const { server, closed } = storage.run('of listen()', () => observed(poller, see));
    await storage.run('of ready', () => server.ready);
    const clients = [];
    for (let i = 0; i < 3; i++) clients.push(await storage.run(`of client ${i}`, () => connectTo(server)));
    while (server.connections.size < 3) await turns(1);
    storage.run('of write()', () => {
      for (const connection of server.connections.values()) {
        connection.write('hello');
        connection.wake();
      }
    });
    for (const peer of clients) {
      await peer.receives('hello');
      peer.fin('x');
      await peer.over();
    }
    await server.close();
    await closed;
    expect(seen.length).to.be.above(12);
    expect(new Set(seen)).to.deep.equal(new Set([undefined]));
  });

  it('entered inside an event does not stay for the next', async () => {
    const storage = new AsyncLocalStorage<number>();
    const server = await listening(poller);
    const seen: (number | undefined)[] = [];
    server.connections$.subscribe(({ id, data$ }) => {
      seen.push(storage.getStore());
      storage.enterWith(id);
      data$.subscribe(() => {
        seen.push(storage.getStore());
        storage.enterWith(id);
      });
    });
    for (let i = 0; i < 4; i++) {
      const { peer } = await pair(server);
      peer.fin('x');
      await peer.over();
    }
    expect(seen).to.deep.equal(Array.from({ length: 8 }, () => undefined));
  });

  it('of an event is that of what it starts', async () => {
    const storage = new AsyncLocalStorage<number>();
    const server = await listening(poller);
    server.connections$.subscribe((connection) => {
      connection.data$.subscribe(() => {
        storage.run(connection.id, () => {
          setTimeout(() => connection.write(`${storage.getStore()}`), 1);
        });
      });
    });
    for (const id of [1, 2]) {
      const { peer } = await pair(server);
      peer.send('x');
      await peer.receives(String(id));
    }
  });
});

/** A server all of whose events are watched, subscribed within the caller's context. */
function observed(poller: PollerUnderTest, see: () => void): { server: Server; closed: Promise<void> } {
  const server = listen('tcp://127.0.0.1:0', { poller });
  let done: () => void = () => {};
  const closed = new Promise<void>((resolve) => (done = resolve));
  server.connections$.subscribe({
    next: (connection) => {
      see();
      connection.data$.subscribe({ next: see, complete: see });
      connection.closed$.subscribe(see);
    },
    complete: done,
  });
  server.disconnected$.subscribe(see);
  return { server, closed };
}
