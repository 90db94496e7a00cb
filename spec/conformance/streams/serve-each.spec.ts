// serveEach: a protocol for every connection; the laws of its input, its output and its end.

import { expect } from 'chai';
import { serveEach } from 'evio';
import type { Connection, Protocol } from 'evio';
import {
  EMPTY,
  NEVER,
  Subject,
  concat,
  concatMap,
  config,
  delay,
  endWith,
  finalize,
  ignoreElements,
  map,
  merge,
  of,
  startWith,
  take,
} from 'rxjs';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { journalOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

const echo: Protocol = (data$) => data$;

/** Writes down what a protocol's input tells it. */
function listeningProtocol(told: string[]): Protocol {
  return (data$) => {
    data$.subscribe({
      next: (data) => told.push(String(data)),
      error: (error: NodeJS.ErrnoException) => told.push(`error ${error.code ?? error.message}`),
      complete: () => told.push('complete'),
    });
    return NEVER;
  };
}

conformance('serveEach: the input', (harness) => {
  it('completes at the end of input', async () => {
    const server = await harness.listening();
    const told: string[] = [];
    server.connections$.pipe(serveEach(listeningProtocol(told))).subscribe();
    const { peer } = await harness.pair(server);
    peer.fin('x');
    while (told.length < 2) await harness.turns(1);
    expect(told).to.deep.equal(['x', 'complete']);
  });

  it('errors when the connection fails', async () => {
    const server = await harness.listening();
    const failures = valuesOf(server.errors$);
    const told: string[] = [];
    server.connections$.pipe(serveEach(listeningProtocol(told))).subscribe();
    const { peer } = await harness.pair(server);
    peer.send('x');
    while (told.length < 1) await harness.turns(1);
    peer.reset();
    while (told.length < 2) await harness.turns(1);
    expect(told).to.deep.equal(['x', 'error ECONNRESET']);
    expect(failures).to.deep.equal([]);
  });

  it('errors with what the connection was destroyed with, completes without', async () => {
    const server = await harness.listening();
    const told: string[] = [];
    server.connections$.pipe(serveEach(listeningProtocol(told))).subscribe();
    const [one, two] = [await harness.pair(server), await harness.pair(server)];
    one.connection.destroy(new Error('enough'));
    two.connection.destroy();
    expect(told).to.deep.equal(['error enough', 'complete']);
  });

  it('is not read before the protocol subscribes', async () => {
    const server = await harness.listening();
    const go = new Subject<string>();
    server.connections$.pipe(serveEach((data$) => concat(go.pipe(take(1)), data$))).subscribe();
    const { peer, connection } = await harness.pair(server);
    peer.send('waits');
    await harness.settle();
    expect(connection.bytesRead).to.equal(0);
    go.next('first ');
    await peer.receives('first waits');
  });
});

conformance('serveEach: the output', (harness) => {
  it('is written also where RxJS binds observers to a context of their own', async () => {
    const server = await harness.listening();
    config.useDeprecatedNextContext = true;
    try {
      server.connections$
        .pipe(serveEach((data$) => data$.pipe(map((data) => `${String(data)}!`))))
        .subscribe();
      const { peer } = await harness.pair(server);
      peer.send('x');
      await peer.receives('x!');
    } finally {
      config.useDeprecatedNextContext = false;
    }
  });

  const protocols: Readonly<Record<string, Protocol>> = {
    'the input itself': echo,
    'the input behind operators': (data$) => data$.pipe(map((data) => data)),
    'the connection’s own data$': (_, connection) => connection.data$,
    'sends in order': (data$, { send }) => data$.pipe(concatMap(send), ignoreElements()),
  };
  for (const [title, protocol] of Object.entries(protocols)) {
    it(`arrives whole and ends with the input: ${title}`, async () => {
      const server = await harness.listening();
      server.connections$.pipe(serveEach(protocol)).subscribe();
      const peer = await harness.connect(server);
      const bytes = pattern(6 * MIB, 15);
      peer.fin(bytes);
      const { received, ended } = await peer.over();
      expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
    });
  }

  it('ends the connection when it completes, whatever the peer still says', async () => {
    const server = await harness.listening();
    server.connections$.pipe(serveEach(() => of('good', 'bye'))).subscribe();
    const { peer, connection } = await harness.pair(server);
    const journal = journalOf(server, connection, { reading: false });
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['goodbye', true]);
    peer.fin('ignored');
    await journal.over;
    expect(journal.errors).to.deep.equal([undefined, undefined]);
  });

  it('goes on after the peer’s FIN until it completes', async () => {
    const server = await harness.listening();
    server.connections$
      .pipe(serveEach((data$) => data$.pipe(delay(10), startWith('<'), endWith('>'))))
      .subscribe();
    const peer = await harness.connect(server);
    peer.fin('x');
    expect(String((await peer.over()).received)).to.equal('<x>');
  });

  it('of nothing ends the connection at once', async () => {
    const server = await harness.listening();
    server.connections$.pipe(serveEach(() => EMPTY)).subscribe();
    const peer = await harness.connect(server);
    const { received, ended } = await peer.over();
    expect([received.length, ended]).to.deep.equal([0, true]);
  });

  it('is unsubscribed from when the connection goes', async () => {
    const server = await harness.listening();
    let finalized = 0;
    server.connections$
      .pipe(serveEach((data$) => merge(data$, NEVER).pipe(finalize(() => (finalized += 1)))))
      .subscribe();
    const both = [await harness.pair(server), await harness.pair(server)];
    await harness.turns();
    both[0]?.peer.reset();
    both[1]?.connection.destroy();
    await harness.until(() => finalized === 2);
    await harness.turns();
    expect(finalized).to.equal(2);
  });
});

conformance('serveEach: the whole', (harness) => {
  it('completes when the server has closed and every connection is done', async () => {
    const server = await harness.listening();
    const told: string[] = [];
    const last = new Subject<string>();
    server.disconnected$.subscribe(() => told.push('disconnected'));
    server.connections$
      .pipe(serveEach((data$) => merge(data$, last)))
      .subscribe({ complete: () => told.push('complete') });
    const { peer } = await harness.pair(server);
    const closed = server.close({ timeout: Infinity });
    await harness.turns();
    expect(told).to.deep.equal([]);
    last.next('last words');
    last.complete();
    const { received } = await peer.over();
    peer.fin();
    expect(await closed).to.deep.equal({ drained: 1, forced: 0 });
    expect(String(received)).to.equal('last words');
    expect(told).to.include('complete').and.to.include('disconnected');
  });

  it('ends the connections that it serves when it is unsubscribed', async () => {
    const server = await harness.listening();
    const subscription = server.connections$.pipe(serveEach(echo)).subscribe();
    const { peer, connection } = await harness.pair(server);
    const journal = journalOf(server, connection, { reading: false });
    peer.send('x');
    await peer.receives('x');
    subscription.unsubscribe();
    expect((await peer.over()).ended).to.equal(true);
    peer.fin();
    await journal.over;
    const late = await harness.connect(server);
    await harness.settle();
    expect([server.connections.size, late.isOver]).to.deep.equal([0, false]);
  });

  it('serves what comes after a protocol failed', async () => {
    const server = await harness.listening();
    server.errors$.subscribe();
    const fails: Protocol = (data$, { id }) => {
      if (id % 2 === 1) throw new Error('odd');
      return data$;
    };
    server.connections$.pipe(serveEach(fails)).subscribe();
    for (let i = 0; i < 3; i++) {
      const odd = await harness.connect(server);
      await odd.over();
      const even = await harness.connect(server);
      even.fin('x');
      expect(String((await even.over()).received)).to.equal('x');
    }
  });

  it('takes connections from any observable of them', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    let completed = false;
    of(connection)
      .pipe(serveEach(echo))
      .subscribe({ complete: () => (completed = true) });
    peer.fin('x');
    expect(String((await peer.over()).received)).to.equal('x');
    await harness.until(() => completed);
  });

  it('refuses what is no protocol', () => {
    for (const wrong of [undefined, null, 'echo', {}]) {
      expect(() => serveEach(wrong as never)).to.throw(TypeError, 'protocol');
    }
  });

  it('hands the connection to the protocol', async () => {
    const server = await harness.listening();
    const handed: Connection[] = [];
    server.connections$
      .pipe(
        serveEach((data$, connection) => {
          handed.push(connection);
          return data$;
        }),
      )
      .subscribe();
    const { connection } = await harness.pair(server);
    expect(handed).to.deep.equal([connection]);
  });
});
