// connect(): outgoing connections are connections like any others, and the Observable of them composes.

import { expect } from 'chai';
import { connect, listen } from 'evio';
import type { ConnectOptions, Connection, Server, SocketAddress } from 'evio';
import { EMPTY, NEVER, firstValueFrom, lastValueFrom, mergeMap, of, retry, take, toArray } from 'rxjs';
import type { Observable } from 'rxjs';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { Inbox, codeOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness } from '../harness.js';

/** What a subscription to connect() has heard. */
interface Heard {
  readonly events: string[];
  connection: Connection | undefined;
  unsubscribe(): void;
}

function hear(client$: Observable<Connection>): Heard {
  const heard: Heard = { events: [], connection: undefined, unsubscribe: () => {} };
  const subscription = client$.subscribe({
    next: (connection) => {
      heard.connection = connection;
      heard.events.push('connected');
    },
    error: (error: Error) => heard.events.push(`error ${codeOf(error)}`),
    complete: () => heard.events.push('complete'),
  });
  heard.unsubscribe = () => subscription.unsubscribe();
  return heard;
}

/** Echoes until told otherwise. */
async function echo(harness: Harness): Promise<Server> {
  const server = await harness.listening();
  server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
  return server;
}

function to(server: Server): string {
  const [address] = server.addresses;
  if (address === undefined) throw new Error('the server is not bound');
  return address.port === undefined ? `unix://${address.address}` : `tcp://${String(address)}`;
}

/** Where nobody listens. */
async function nowhere(harness: Harness): Promise<string> {
  const server = await harness.listening();
  const address = to(server);
  await server.close();
  return address;
}

conformance('connect()', (harness) => {
  const dial = (server: Server | string, options: ConnectOptions = {}): Observable<Connection> =>
    connect(typeof server === 'string' ? server : to(server), { poller: harness.poller, ...options });

  it('is cold: each subscription dials, none dials nothing', async () => {
    const server = await echo(harness);
    const accepted = valuesOf(server.connections$);
    const client$ = dial(server);
    await harness.settle();
    expect(accepted).to.have.length(0);
    const heard = [hear(client$), hear(client$)];
    await harness.until(() => accepted.length === 2);
    await harness.until(() => heard.every(({ events }) => events.length === 1));
    expect(new Set(heard.map(({ connection }) => connection)).size).to.equal(2);
    for (const { unsubscribe } of heard) unsubscribe();
  });

  it('gives a connection that knows both its ends', async () => {
    const server = await harness.listening();
    const accepted = firstValueFrom(server.connections$);
    const heard = hear(dial(server));
    const there = await accepted;
    await harness.until(() => heard.connection !== undefined);
    const here = heard.connection as Connection;
    expect([String(here.local), String(here.remote)]).to.deep.equal([
      String(there.remote),
      String(there.local),
    ]);
    expect(String(here.remote)).to.equal(String(server.addresses[0]));
    heard.unsubscribe();
  });

  it('carries bytes both ways, whole', async () => {
    const server = await echo(harness);
    const bytes = pattern(8 * MIB, 5);
    const echoed = await lastValueFrom(
      dial(server, { maxQueuedBytes: Infinity }).pipe(
        mergeMap((connection) => {
          connection.end(bytes);
          return connection.data$;
        }),
        toArray(),
      ),
    );
    expect(hash(echoed)).to.equal(hash(bytes));
  });

  it('reads on while its own output waits, since an echo at the other end does not', async () => {
    const server = await echo(harness);
    const bytes = pattern(32 * MIB, 6);
    const echoed = await lastValueFrom(
      dial(server, { maxQueuedBytes: Infinity, highWaterMark: 1024 }).pipe(
        mergeMap((connection) => {
          connection.end(bytes);
          return connection.data$;
        }),
        toArray(),
      ),
    );
    expect(hash(echoed)).to.equal(hash(bytes));
  });

  it('that echoes pushes back on whoever does not read', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const accepted = firstValueFrom(server.connections$);
    const client$ = dial(server, { maxQueuedBytes: 2 * MIB });
    const errors: unknown[] = [];
    const subscription = client$.subscribe({
      next: (connection) => connection.data$.subscribe(connection),
      error: (error: unknown) => errors.push(error),
    });
    const connection = await accepted;
    connection.write(pattern(32 * MIB, 7));
    // Nobody reads here, so the echo stops reading too: its queue would break off the connection otherwise.
    await harness.steady(() => connection.bytesQueued);
    expect(errors).to.deep.equal([]);
    expect(connection.bytesQueued).to.be.greaterThan(0);
    subscription.unsubscribe();
  });

  it('sends what is written in the very call that announces the connection', async () => {
    const server = await echo(harness);
    const subscription = dial(server).subscribe((connection) => connection.write('at once'));
    const accepted = await firstValueFrom(server.connections$);
    const inbox = new Inbox(accepted.data$);
    await inbox.until(7);
    expect(inbox.text).to.equal('at once');
    subscription.unsubscribe();
  });

  it('reads only what is subscribed to, and loses nothing before', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => connection.write('a greeting'));
    const heard = hear(dial(server));
    await harness.until(() => heard.connection !== undefined);
    await harness.settle();
    expect(heard.connection?.bytesRead).to.equal(0);
    const inbox = new Inbox((heard.connection as Connection).data$);
    await inbox.until(10);
    expect(inbox.text).to.equal('a greeting');
    heard.unsubscribe();
  });

  it('completes when the connection has closed in good order', async () => {
    const server = await echo(harness);
    const heard = hear(dial(server));
    await harness.until(() => heard.connection !== undefined);
    heard.connection?.data$.subscribe();
    heard.connection?.end('bye');
    await harness.until(() => heard.events.length === 2);
    expect(heard.events).to.deep.equal(['connected', 'complete']);
  });

  it('errors when the connection fails', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => connection.data$.subscribe(() => connection.reset()));
    const heard = hear(dial(server));
    await harness.until(() => heard.connection !== undefined);
    heard.connection?.data$.subscribe();
    heard.connection?.write('x');
    await harness.until(() => heard.events.length === 2);
    expect(heard.events).to.deep.equal(['connected', 'error ECONNRESET']);
  });

  it('errors when nobody listens there, with where and why', async () => {
    const address = await nowhere(harness);
    const error = (await lastValueFrom(dial(address)).catch(
      (thrown: unknown) => thrown,
    )) as NodeJS.ErrnoException & SocketAddress;
    expect(error).to.include({ code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1' });
    expect(`tcp://${error.address}:${error.port}`).to.equal(address);
    expect(error.message).to.match(/^connect ECONNREFUSED.* 127\.0\.0\.1:\d+$/);
  });

  it('may be tried again: retry composes', async () => {
    const address = await nowhere(harness);
    const heard = hear(dial(address).pipe(retry({ delay: () => of(0) })));
    await harness.settle();
    const server = listen(address, { poller: harness.poller });
    await server.ready;
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    await harness.until(() => heard.connection !== undefined);
    expect(heard.events).to.deep.equal(['connected']);
    heard.unsubscribe();
    await server.close({ timeout: 0 });
  });

  it('closes the connection when it is unsubscribed from', async () => {
    const server = await harness.listening();
    const accepted = firstValueFrom(server.connections$);
    const heard = hear(dial(server));
    const there = await accepted;
    await harness.until(() => heard.connection !== undefined);
    const closed = valuesOf((heard.connection as Connection).closed$);
    heard.unsubscribe();
    expect(closed).to.deep.equal([{}]);
    await new Inbox(there.data$).ended;
    expect(heard.events).to.deep.equal(['connected']);
  });

  it('gives up when it is unsubscribed from before it is connected', async () => {
    const server = await harness.listening();
    const heard = hear(dial(server));
    heard.unsubscribe();
    await harness.settle();
    expect(heard.events).to.deep.equal([]);
  });

  it('taken once is closed at once: take(1)', async () => {
    const server = await harness.listening();
    const gone = valuesOf(server.disconnected$);
    server.data$.subscribe();
    const connection = await firstValueFrom(dial(server).pipe(take(1)));
    expect(await firstValueFrom(connection.closed$)).to.deep.equal({});
    await harness.until(() => gone.length === 1);
  });

  it('ends by its signal: before, while and after it connects', async () => {
    const server = await echo(harness);
    const before = hear(dial(server, { signal: AbortSignal.abort(new Error('mine')) }));
    expect(before.events).to.deep.equal(['error mine']);
    const controller = new AbortController();
    const during = hear(dial(server, { signal: controller.signal }));
    const late = new AbortController();
    const after = hear(dial(server, { signal: late.signal }));
    controller.abort(new Error('given up'));
    await harness.until(() => after.connection !== undefined);
    late.abort(new Error('enough'));
    expect(during.events).to.deep.equal(['error given up']);
    expect(after.events).to.deep.equal(['connected', 'error enough']);
  });

  it('takes a throw of a handler as the failure of its connection', async () => {
    const server = await echo(harness);
    const heard = hear(dial(server));
    await harness.until(() => heard.connection !== undefined);
    heard.connection?.data$.subscribe(() => {
      throw new Error('a bug');
    });
    heard.connection?.write('x');
    await harness.until(() => heard.events.length === 2);
    expect(heard.events).to.deep.equal(['connected', 'error a bug']);
  });

  it('serves: a client is a connection as any other, and serveEach takes it', async () => {
    const server = await harness.listening();
    const { serveEach } = await import('evio');
    const heard: string[] = [];
    dial(server)
      .pipe(serveEach((data$) => data$.pipe(mergeMap((data) => (heard.push(String(data)), EMPTY)))))
      .subscribe();
    const accepted = await firstValueFrom(server.connections$);
    accepted.end('hello');
    await harness.until(() => heard.length > 0);
    expect(heard.join('')).to.equal('hello');
    await new Inbox(accepted.data$).ended;
  });

  it('joins two connections into a proxy by two subscriptions', async () => {
    const upstream = await echo(harness);
    const front = await harness.listening();
    front.connections$.subscribe((client) => {
      dial(upstream).subscribe((backend) => {
        client.data$.subscribe(backend);
        backend.data$.subscribe(client);
      });
    });
    const { peer } = await harness.pair(front);
    const bytes = pattern(3 * MIB, 8);
    peer.fin(bytes);
    const { received, ended } = await peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
  });

  it('goes through many at a time', async () => {
    const server = await echo(harness);
    const texts = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        lastValueFrom(
          dial(server).pipe(
            mergeMap((connection) => {
              connection.end(`client ${i}`);
              return connection.data$;
            }),
            toArray(),
          ),
        ).then((chunks) => Buffer.concat(chunks).toString()),
      ),
    );
    texts.forEach((text, i) => expect(text).to.equal(`client ${i}`));
  });

  it('is not disturbed by a close of the server in the middle', async () => {
    const server = await harness.listening();
    server.connections$.subscribe();
    const heard = Array.from({ length: 20 }, () => hear(dial(server)));
    void server.close({ timeout: 0 });
    for (const one of heard) {
      await harness.until(() => one.events.length > 0);
      one.connection?.data$.subscribe();
    }
    await harness.until(() =>
      heard.every(({ events }) => !events.includes('connected') || events.length === 2),
    );
    for (const { events } of heard) {
      expect(events.join(', ')).to.match(
        /^(error ECONN\w+|connected, (complete|error ECONN\w+|error EPIPE))$/,
      );
    }
  });

  it('of what a name stands for tries one address after the other', async () => {
    const server = await echo(harness);
    const [address] = server.addresses;
    const asked: string[] = [];
    const client$ = connect(`tcp://somewhere.example:${address?.port}`, {
      poller: harness.poller,
      lookup: (name, { family }, callback) => {
        asked.push(`${name} ${family}`);
        callback(null, [
          { address: '127.0.0.9', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]);
      },
    });
    const connection = await firstValueFrom(client$.pipe(mergeMap((one) => of(String(one.remote)))));
    expect([connection, ...asked]).to.deep.equal([String(address), 'somewhere.example 0']);
  });

  it('errors when a name has no address, and when the resolver throws', () => {
    const nothing = connect('tcp://nothing.example:80', {
      poller: harness.poller,
      lookup: (_name, _options, callback) => callback(null, []),
    });
    expect(hear(nothing).events).to.deep.equal(['error ENOTFOUND']);
    const broken = connect('tcp://broken.example:80', {
      poller: harness.poller,
      lookup: () => {
        throw new Error('a bug');
      },
    });
    expect(hear(broken).events).to.deep.equal(['error a bug']);
  });

  it('errors with what the resolver says', async () => {
    const failure = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    const client$ = connect('tcp://nowhere.example:80', {
      poller: harness.poller,
      lookup: (_name, _options, callback) => callback(failure, []),
    });
    expect(hear(client$.pipe(mergeMap(() => NEVER))).events).to.deep.equal(['error ENOTFOUND']);
  });
});
