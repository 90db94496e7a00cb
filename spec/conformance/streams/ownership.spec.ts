// Who owns the output of a connection, and whose the bytes are that pass through it.

import { expect } from 'chai';
import { Subject, delay, from, mergeMap } from 'rxjs';

import { journalOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

conformance('the output of a connection', (harness) => {
  it('ends with the input when next() was only called, not subscribed', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.next('banner');
      connection.data$.subscribe();
    });
    const { peer } = await harness.pair(server);
    peer.fin('x');
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['banner', true]);
  });

  it('goes on after the input when an observable is subscribed with the connection, and ends with that', async () => {
    const server = await harness.listening();
    const room$ = new Subject<string>();
    const { peer, connection } = await harness.pair(server);
    room$.subscribe(connection);
    const inputEnd = new Promise<void>((resolve) => {
      connection.data$.subscribe({ complete: resolve });
    });
    peer.fin();
    await inputEnd;
    room$.next('late');
    room$.complete();
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['late', true]);
  });

  it('ends with the input once its echo has been given up', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const echo = connection.data$.subscribe(connection);
    peer.send('echoed');
    await peer.receives('echoed');
    connection.data$.subscribe();
    echo.unsubscribe();
    peer.fin();
    expect((await peer.over()).ended).to.equal(true);
  });

  it('is open to all who are told of the end of input, until its echo is', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.data$.subscribe();
      connection.data$.subscribe({ complete: () => connection.write(' and goodbye') });
      connection.data$.subscribe(connection);
    });
    const peer = await harness.connect(server);
    peer.fin('hello');
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['hello and goodbye', true]);
  });

  it('carries an answer that is given in a promise when data and FIN come together', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.data$.subscribe((data) => {
        void Promise.resolve().then(() => connection.write(data));
      });
    });
    for (let i = 0; i < 20; i++) {
      const peer = await harness.connect(server);
      peer.fin('together');
      expect(String((await peer.over()).received)).to.equal('together');
    }
  });

  it('carries answers through operators that take their time, behind the peer’s FIN', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.data$
        .pipe(mergeMap((data) => from(Promise.resolve(data)).pipe(delay(20))))
        .subscribe(connection);
    });
    const peer = await harness.connect(server);
    peer.fin('slowly');
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['slowly', true]);
  });
});

conformance('bytes of a connection', (harness) => {
  it('are echoed as they came, whatever another subscriber does to its chunk', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.data$.subscribe(connection);
      connection.data$.subscribe((data) => data.fill(0x5a));
    });
    const peer = await harness.connect(server);
    peer.send('hello');
    await peer.receives('hello');
  });

  it('do not come on server.data$ after the connection’s end', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      connection.data$.subscribe(() => connection.destroy());
    });
    const seen: string[] = [];
    server.data$.subscribe(({ data }) => seen.push(`data ${String(data)}`));
    const { peer, connection } = await harness.pair(server);
    const journal = journalOf(server, connection);
    peer.send('x');
    await peer.over();
    expect(seen).to.deep.equal([]);
    expect(journal.events).to.include('disconnected$');
  });

  it('are not counted as queued on a connection that has failed while it was paused', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.data$.subscribe(() => connection.pause());
    const gone = new Promise<void>((resolve) => {
      connection.closed$.subscribe(() => resolve());
    });
    peer.stopReading();
    peer.send('x');
    connection.write(Buffer.alloc(8 * 1024 * 1024));
    peer.reset();
    connection.resume();
    await gone;
    expect(connection.bytesQueued).to.equal(0);
  });
});
