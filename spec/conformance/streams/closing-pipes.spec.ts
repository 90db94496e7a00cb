// close() of a server whose connections are piped: what is whole arrives whole, and what is cut off looks cut off.

import { expect } from 'chai';
import { connect } from 'evio';
import type { CloseOutcome, ConnectOptions, Connection, ListenOptions, Server } from 'evio';
import { firstValueFrom } from 'rxjs';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { codeOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Pair, Peer } from '../harness.js';

const LONG = 20_000;
const SHORT = 60;

/** Two clients of one server, the one piped into the other. Which of them was accepted first decides who is cut off first. */
interface Piped {
  readonly server: Server;
  readonly source: Pair;
  readonly destination: Pair;
}

async function piped(
  harness: Harness,
  options: ListenOptions = {},
  order: 'source first' | 'destination first' = 'source first',
): Promise<Piped> {
  const server = await harness.listening(options);
  const first = await harness.pair(server);
  const second = await harness.pair(server);
  const [source, destination] = order === 'source first' ? [first, second] : [second, first];
  source.connection.pipeTo(destination.connection);
  return { server, source, destination };
}

/** A client made by `connect`, and the server's end of it. */
async function dialled(
  harness: Harness,
  server: Server,
  options: ConnectOptions = {},
): Promise<[Connection, Connection]> {
  const accepted = firstValueFrom(server.connections$);
  const client = await new Promise<Connection>((resolve) => {
    const client$ = connect(`tcp://${String(server.addresses[0])}`, { poller: harness.poller, ...options });
    client$.subscribe({ next: resolve, error: () => {} });
  });
  return [client, await accepted];
}

/** A proxy in front of another server, as people write them: what it accepts goes there, through `connect`. */
async function proxied(harness: Harness): Promise<{ server: Server; client: Pair; far: Connection }> {
  const behind = await harness.listening();
  const server = await harness.listening();
  const client = await harness.pair(server);
  const [upstream, far] = await dialled(harness, behind);
  client.connection.pipeTo(upstream);
  upstream.pipeTo(client.connection);
  return { server, client, far };
}

async function expectReset(peer: Peer): Promise<void> {
  const { ended, error } = await peer.over();
  expect([ended, codeOf(error)]).to.deep.equal([false, 'ECONNRESET']);
}

async function expectCut(closed: Promise<CloseOutcome>, forced: number): Promise<void> {
  expect(await closed).to.deep.equal({ drained: 0, forced });
}

conformance('close() while one connection is piped into another', (harness) => {
  it('lets everything through up to the source’s own end: what waits here and what is still to come', async () => {
    const { server, source, destination } = await piped(harness, { highWaterMark: MIB });
    destination.peer.stopReading();
    const bytes = pattern(64 * MIB, 4);
    source.peer.send(bytes.subarray(0, 48 * MIB));
    await harness.steady(() => source.connection.bytesRead);
    const closed = server.close({ timeout: LONG });
    await harness.settle();
    destination.peer.readAgain();
    await destination.peer.until(({ receivedBytes }) => receivedBytes === 48 * MIB);
    source.peer.fin(bytes.subarray(48 * MIB));
    const { received, ended } = await destination.peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
    destination.peer.fin();
    expect(await closed).to.deep.equal({ drained: 2, forced: 0 });
  }).timeout(60_000);

  for (const order of ['source first', 'destination first'] as const) {
    it(`resets the destination of a source that has not ended in time (${order})`, async () => {
      const { server, source, destination } = await piped(harness, {}, order);
      source.peer.send('the first half');
      await destination.peer.receives('the first half');
      const closed = server.close({ timeout: LONG });
      source.peer.send(', and more');
      await destination.peer.receives('the first half, and more');
      void server.close({ timeout: SHORT }); // the time begins to run short only now, however busy the machine is
      await expectReset(destination.peer);
      await source.peer.over();
      await expectCut(closed, 2);
    });

    it(`resets the destination of a source that is silent: only its peer knows whether that was all (${order})`, async () => {
      const { server, source, destination } = await piped(harness, {}, order);
      source.peer.send('perhaps the whole');
      await destination.peer.receives('perhaps the whole');
      await expectCut(server.close({ timeout: SHORT }), 2);
      await expectReset(destination.peer);
    });

    it(`resets the destination at once when there is no time (${order})`, async () => {
      const { server, destination } = await piped(harness, {}, order);
      await expectCut(server.close({ timeout: 0 }), 2);
      await expectReset(destination.peer);
    });

    it(`resets the destination at once when the server's signal is aborted (${order})`, async () => {
      const controller = new AbortController();
      const { destination } = await piped(harness, { signal: controller.signal }, order);
      controller.abort();
      await expectReset(destination.peer);
    });
  }

  it('tells the destination why: ERR_EVIO_CLOSED', async () => {
    const { server, source, destination } = await piped(harness);
    const gone = valuesOf(server.disconnected$);
    await expectCut(server.close({ timeout: 0 }), 2);
    const errors = gone.map(({ connection, error }) => [connection, codeOf(error)]);
    expect(errors).to.deep.equal([
      [destination.connection, 'ERR_EVIO_CLOSED'],
      [source.connection, undefined],
    ]);
  });

  it('resets all along a chain', async () => {
    const server = await harness.listening();
    const [one, two, three] = await harness.pairs(server, 3);
    if (one === undefined || two === undefined || three === undefined) throw new Error('three were made');
    // Against the order in which they are cut off, so that each is a source whose destination has gone already.
    three.connection.pipeTo(two.connection);
    two.connection.pipeTo(one.connection);
    await expectCut(server.close({ timeout: SHORT }), 3);
    await expectReset(one.peer);
    await expectReset(two.peer);
  });

  it('cuts off idle proxies on both sides when the time is up', async () => {
    const { server, source, destination } = await piped(harness);
    destination.connection.pipeTo(source.connection);
    source.peer.send('a question');
    await destination.peer.receives('a question');
    await expectCut(server.close({ timeout: SHORT }), 2);
    await expectReset(source.peer);
    await expectReset(destination.peer);
  });

  it('lets a proxy answer what comes before its clients end, and drains then', async () => {
    const { server, source, destination } = await piped(harness);
    destination.connection.pipeTo(source.connection);
    const closed = server.close({ timeout: LONG });
    await harness.settle();
    source.peer.fin('a question');
    await destination.peer.until(({ isOver }) => isOver);
    expect(String(destination.peer.received)).to.equal('a question');
    destination.peer.fin('an answer');
    const { received, ended } = await source.peer.over();
    expect([String(received), ended]).to.deep.equal(['an answer', true]);
    expect(await closed).to.deep.equal({ drained: 2, forced: 0 });
  });

  it('ends the input of a source as usual once the pipe is taken apart', async () => {
    const server = await harness.listening();
    const [source, destination] = await harness.pairs(server, 2);
    if (source === undefined || destination === undefined) throw new Error('two were made');
    const pipe = source.connection.pipeTo(destination.connection);
    const closed = server.close({ timeout: LONG });
    await harness.settle();
    expect(server.connections.size).to.equal(2);
    pipe.unsubscribe();
    for (const { peer } of [source, destination]) {
      expect((await peer.over()).ended).to.equal(true);
      peer.fin();
    }
    expect(await closed).to.deep.equal({ drained: 2, forced: 0 });
  });

  it('keeps a source that goes from one pipe to another', async () => {
    const server = await harness.listening();
    const [source, one] = await harness.pairs(server, 2);
    if (source === undefined || one === undefined) throw new Error('two were made');
    const two = await harness.pair(await harness.listening());
    const pipe = source.connection.pipeTo(one.connection);
    const closed = server.close({ timeout: LONG });
    await harness.settle();
    pipe.unsubscribe();
    source.connection.pipeTo(two.connection);
    source.peer.fin('to the second');
    const { received, ended } = await two.peer.over();
    expect([String(received), ended]).to.deep.equal(['to the second', true]);
    one.peer.fin();
    expect(await closed).to.deep.equal({ drained: 2, forced: 0 });
  });

  it('resets what is joined too late: the source had more to give', async () => {
    const { server, source, destination } = await twoApart(harness);
    source.peer.send('nobody has read this');
    const closed = server.close({ timeout: LONG });
    await source.peer.over();
    source.connection.pipeTo(destination.connection);
    await expectReset(destination.peer);
    source.peer.fin();
    expect(await closed).to.deep.equal({ drained: 1, forced: 0 });
  });
});

/** Two clients, of a server each, that are joined later; the first one's server is closed. */
async function twoApart(harness: Harness): Promise<Piped> {
  const server = await harness.listening();
  const source = await harness.pair(server);
  return { server, source, destination: await harness.pair(await harness.listening()) };
}

conformance(
  'close() while a pipe waits for a peer that does not read, where a reset behind unread bytes is told',
  (harness) => {
    for (const order of ['source first', 'destination first'] as const) {
      it(`resets the destination of a source that has more (${order})`, async () => {
        const server = await harness.listening({ highWaterMark: MIB });
        const early = order === 'source first' ? await harness.pair(server) : undefined;
        const [client, destination] = await dialled(harness, server);
        const source = early ?? (await harness.pair(server));
        source.connection.pipeTo(destination);
        source.peer.fin(pattern(64 * MIB, 4));
        await harness.steady(() => source.connection.bytesRead);
        await expectCut(server.close({ timeout: SHORT }), 2);
        client.data$.subscribe();
        expect(codeOf((await firstValueFrom(client.closed$)).error)).to.equal('ECONNRESET');
      }).timeout(60_000);
    }

    it('resets a destination that has not taken everything, though the source has ended', async () => {
      const server = await harness.listening({ highWaterMark: 64 * MIB });
      const [client, destination] = await dialled(harness, server);
      const source = await harness.pair(server);
      source.connection.pipeTo(destination);
      source.peer.fin(pattern(32 * MIB, 5));
      await source.peer.over();
      await harness.steady(() => destination.bytesQueued);
      expect(await server.close({ timeout: SHORT })).to.deep.equal({ drained: 0, forced: 1 });
      client.data$.subscribe();
      expect(codeOf((await firstValueFrom(client.closed$)).error)).to.equal('ECONNRESET');
    }).timeout(60_000);
  },
  // A node:net socket takes a reset behind unread bytes for the end.
  ['epoll', 'kqueue'],
);

conformance('close() of a proxy, with what it has connected to', (harness) => {
  it('lets a conversation end by itself', async () => {
    const { server, client, far } = await proxied(harness);
    const closed = server.close({ timeout: LONG });
    far.data$.subscribe(far);
    const bytes = pattern(8 * MIB, 6);
    client.peer.fin(bytes);
    const { received, ended } = await client.peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
    expect(await closed).to.deep.equal({ drained: 1, forced: 0 });
  });

  for (const timeout of [0, SHORT]) {
    it(`resets both ends of one that does not end in ${timeout} ms`, async () => {
      const { server, client, far } = await proxied(harness);
      const over = firstValueFrom(far.closed$);
      far.data$.subscribe();
      client.peer.send('a part');
      await harness.until(() => far.bytesRead > 0);
      await expectCut(server.close({ timeout }), 1);
      expect(codeOf((await over).error)).to.equal('ECONNRESET');
      await expectReset(client.peer);
    });
  }

  it('resets the far end when the signal of connect is aborted', async () => {
    const behind = await harness.listening();
    const controller = new AbortController();
    const { connection: source } = await harness.pair(await harness.listening());
    const { signal } = controller;
    const [upstream, far] = await dialled(harness, behind, { signal });
    source.pipeTo(upstream);
    const over = firstValueFrom(far.closed$);
    far.data$.subscribe();
    controller.abort();
    expect(codeOf((await over).error)).to.equal('ECONNRESET');
  });
});

conformance('destroy() of a connection that another is piped into', (harness) => {
  it('is a reset for its peer: the stream was cut off', async () => {
    const { source, destination } = await piped(harness);
    source.peer.send('the first half');
    await destination.peer.receives('the first half');
    destination.connection.destroy();
    await expectReset(destination.peer);
  });

  it('is none once the source has ended', async () => {
    const { source, destination } = await piped(harness);
    source.peer.fin('the whole');
    await destination.peer.receives('the whole');
    await destination.peer.over();
    destination.connection.destroy();
    const { received, ended, error } = await destination.peer.over();
    expect([String(received), ended, error]).to.deep.equal(['the whole', true, undefined]);
  });
});
