// One client's failure is that client's alone: its connection closes, errors$ says so once, everybody else goes on.

import { expect } from 'chai';
import { serveEach } from 'evio';
import type { Bytes, Connection, Failure, Server } from 'evio';
import { NEVER, concat, delay, map, mergeMap, of, throwError, timer } from 'rxjs';
import type { Observable } from 'rxjs';

import { Inbox, journalOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

const BUG = new Error('a bug of the application');
const fail = (): never => {
  throw BUG;
};

/** Serves every connection an echo, and the first one as told besides. */
type Serve = (server: Server) => void;

const eachConnection =
  (first: (connection: Connection) => void): Serve =>
  (server) => {
    server.connections$.subscribe((connection) => {
      if (connection.id === 1) first(connection);
      else connection.data$.subscribe(connection);
    });
  };

const protocol =
  (first: (data$: Observable<Buffer>) => Observable<Bytes>): Serve =>
  (server) => {
    server.connections$.pipe(serveEach((data$, { id }) => (id === 1 ? first(data$) : data$))).subscribe();
  };

/** Ways to fail the first connection when its peer says something. */
const ways: Readonly<Record<string, { serve: Serve; error?: (error: Error) => void }>> = {
  'a throw in a callback of data$': { serve: eachConnection(({ data$ }) => data$.subscribe(fail)) },
  'a throw in next() of an observer of data$': {
    serve: eachConnection(({ data$ }) => data$.subscribe({ next: fail })),
  },
  'a throw in a callback of server.data$': {
    serve: (server) => {
      server.connections$.subscribe((connection) => {
        if (connection.id !== 1) connection.data$.subscribe(connection);
      });
      server.data$.subscribe(({ connection }) => connection.id === 1 && fail());
    },
  },
  'a value that is no Error, thrown in a callback of data$': {
    serve: eachConnection(({ data$ }) =>
      data$.subscribe(() => {
        // eslint-disable-next-line typescript/only-throw-error
        throw 'a string';
      }),
    ),
    error: (error) => {
      expect(error.message).to.contain('a string');
      expect(error.cause).to.equal('a string');
    },
  },
  'something that is not bytes, sent to the connection as an observer': {
    serve: eachConnection((connection) => {
      connection.data$.pipe(map(() => 42 as unknown as Buffer)).subscribe(connection);
    }),
    error: (error) =>
      expect(error).to.be.an.instanceof(TypeError).with.property('code', 'ERR_INVALID_ARG_TYPE'),
  },
  'a protocol that throws': {
    serve: (server) => {
      server.connections$.pipe(serveEach((data$, { id }) => (id === 1 ? fail() : data$))).subscribe();
    },
  },
  'a protocol whose operator throws': { serve: protocol(map(fail)) },
  'a protocol whose result errors at once': { serve: protocol(() => throwError(() => BUG)) },
  'a protocol whose result errors later': {
    serve: protocol((data$) => data$.pipe(delay(5), mergeMap(fail))),
  },
  'a protocol whose result is something that is not bytes': {
    serve: protocol((data$) => data$.pipe(map(() => ({}) as Buffer))),
    error: (error) =>
      expect(error).to.be.an.instanceof(TypeError).with.property('code', 'ERR_INVALID_ARG_TYPE'),
  },
  'a protocol that returns no observable': {
    serve: protocol(() => 'a string' as unknown as Observable<Bytes>),
    error: (error) =>
      expect(error).to.be.an.instanceof(TypeError).with.property('code', 'ERR_INVALID_RETURN_VALUE'),
  },
};

conformance('one connection fails', (harness) => {
  const isTheBug = (told: Error): void => void expect(told).to.equal(BUG);
  for (const [title, { serve, error = isTheBug }] of Object.entries(ways)) {
    it(`alone, and is told once: ${title}`, async () => {
      const server = await harness.listening();
      const failures: Failure[] = valuesOf(server.errors$);
      const ends = valuesOf(server.disconnected$);
      const listening$ = { ended: false };
      server.connections$.subscribe({ complete: () => (listening$.ended = true) });
      serve(server);
      const one = await harness.pair(server);
      const two = await harness.pair(server);
      one.peer.send('fail');
      two.peer.send('echo');
      await one.peer.over();
      await two.peer.receives('echo');
      two.peer.send(' on');
      await two.peer.receives('echo on');
      const three = await harness.pair(server);
      three.peer.send('new');
      await three.peer.receives('new');
      await harness.turns();
      expect(failures.map(({ connection }) => connection)).to.deep.equal([one.connection]);
      expect(ends.map(({ connection }) => connection)).to.deep.equal([one.connection]);
      error(failures[0]?.error ?? new Error('nothing was told'));
      expect(ends[0]?.error).to.equal(failures[0]?.error);
      expect(listening$.ended).to.equal(false);
    });
  }

  it('and the others of the same turn get what came for them', async () => {
    const server = await harness.listening();
    server.errors$.subscribe();
    const texts: string[] = [];
    const clients = [];
    for (let i = 0; i < 20; i++) clients.push(await harness.pair(server));
    for (const { connection } of clients) {
      connection.data$.subscribe((data) => {
        texts.push(String(data));
        if (connection.id % 2 === 0) fail();
      });
    }
    for (const { peer, connection } of clients) peer.send(String(connection.id));
    while (texts.length < 20) await harness.turns(1);
    expect(new Set(texts).size).to.equal(20);
    expect(server.connections.size).to.equal(10);
  });

  it('and its other subscribers hear of the end', async () => {
    const server = await harness.listening();
    server.errors$.subscribe();
    const { peer, connection } = await harness.pair(server);
    connection.data$.subscribe(fail);
    const inbox = new Inbox(connection.data$);
    const journal = journalOf(server, connection, { reading: false });
    peer.send('x');
    await inbox.ended;
    await journal.over;
    expect(journal.errors).to.deep.equal([BUG, BUG]);
  });

  it('on a reset of its client without anything on errors$', async () => {
    const server = await harness.listening();
    const failures = valuesOf(server.errors$);
    server.connections$.pipe(mergeMap(({ data$ }) => data$)).subscribe();
    const { peer, connection } = await harness.pair(server);
    const journal = journalOf(server, connection);
    await harness.turns();
    peer.reset();
    await journal.over;
    const next = await harness.pair(server);
    next.peer.send('x');
    expect([failures.length, next.connection.id]).to.deep.equal([0, 2]);
  });

  it('in a complete callback of data$, once', async () => {
    const server = await harness.listening();
    const failures = valuesOf(server.errors$);
    const { peer, connection } = await harness.pair(server);
    connection.data$.subscribe({ complete: fail });
    peer.fin();
    await peer.over();
    await harness.turns();
    expect(failures.map(({ error }) => error)).to.deep.equal([BUG]);
    expect(server.connections.size).to.equal(0);
  });
});

conformance('what is written behind operators', (harness) => {
  it('resets the connection when it errors, and closed$ has the error', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const journal = journalOf(server, connection);
    concat(of('so far'), timer(5).pipe(mergeMap(() => throwError(() => BUG))), NEVER).subscribe(connection);
    await journal.over;
    expect(journal.errors).to.deep.equal([BUG, BUG]);
    expect((await peer.over()).error?.code).to.equal('ECONNRESET');
  });
});
