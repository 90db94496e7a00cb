// Recording a live server, and playing what was recorded.

import { expect } from 'chai';
import { listen, serveEach } from 'evio';
import type { ListenOptions, Protocol, Server } from 'evio';
import { lines } from 'evio/protocols';
import { ExpectationError, ScriptedPeer, record, replay, simulate, wire } from 'evio/testing';
import type { Fixture, RecordOptions, Recording } from 'evio/testing';
import { EMPTY, NEVER, concat, delay, ignoreElements, map, merge, mergeMap, of, tap, timer } from 'rxjs';

import { Peer, destroyPeers } from '../support/peer.js';
import { overPollers } from '../support/pollers.js';
import { failureOf } from './failure.js';

const echo: Protocol = (data$) => data$;
const upper: Protocol = (data$) =>
  data$.pipe(
    lines(),
    map((line) => `${line.toUpperCase()}\n`),
  );
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** As it comes back from a file. */
function saved({ fixtures }: Recording): Fixture[] {
  return JSON.parse(JSON.stringify(fixtures)) as Fixture[];
}

/** Nothing has happened on that connection, which is still open. */
function silent({ client, server, values, open }: Fixture): boolean {
  return client === '' && server === '' && Object.keys(values).length === 0 && typeof open === 'number';
}

overPollers('a live server, recorded', (poller) => {
  let server: Server;

  async function recorded(
    protocol: Protocol,
    play: (port: number) => Promise<unknown>,
    options: ListenOptions & RecordOptions = {},
  ): Promise<Fixture[]> {
    const { max, ...rest } = options;
    server = listen('tcp://127.0.0.1:0', { ...rest, poller });
    const recording = record(server, max === undefined ? {} : { max });
    server.connections$.pipe(serveEach(protocol)).subscribe();
    await server.ready;
    await play(server.addresses[0]?.port ?? 0);
    await server.close({ timeout: 1000 });
    recording.stop();
    return saved(recording);
  }

  afterEach(async () => {
    destroyPeers();
    await server.close({ timeout: 0 });
  });

  it('is replayed: a protocol of lines', async () => {
    const [fixture, ...others] = await recorded(upper, async (port) => {
      const peer = await Peer.toPort(port);
      peer.send('one\ntw');
      await peer.receives('ONE\n');
      peer.fin('o\n');
      await peer.over();
    });
    expect(others).to.deep.equal([]);
    expect(JSON.stringify(fixture!.values)).to.include('one\\ntw').and.to.include('TWO\\n');
    replay(upper, fixture!);
    wireBytes(fixture!);
  });

  /** The plain `wire` reads the lanes too; only times may differ. */
  function wireBytes({ client, values }: Fixture): void {
    simulate((world) => {
      world.serving(upper);
      world.expectBytes(world.client(client, values)).toBe('ONE\nTWO\n');
    });
  }

  it('is replayed: an echo of bytes that are not UTF-8', async () => {
    const bytes = Buffer.from([0xff, 0, 0xfe, 0x80]);
    const [fixture] = await recorded(echo, async (port) => {
      const peer = await Peer.toPort(port);
      peer.send(bytes);
      await peer.receives(bytes);
      peer.fin();
      await peer.over();
    });
    expect(fixture!.values).to.deep.equal({ a: { hex: 'ff00fe80' } });
    replay(echo, fixture!);
  });

  it('knows resets of the client', async () => {
    const [fixture] = await recorded(upper, async (port) => {
      const peer = await Peer.toPort(port);
      peer.send('one\n');
      await peer.receives('ONE\n');
      await pause(5);
      peer.reset();
      await pause(20);
    });
    expect(fixture!.client).to.match(/#$/);
    expect(fixture!.server).not.to.match(/[|#!]/);
    replay(upper, fixture!);
  });

  it('knows resets of the server', async () => {
    const rude: Protocol = (data$, connection) =>
      data$.pipe(
        tap(() => connection.reset()),
        ignoreElements(),
      );
    const [fixture] = await recorded(rude, async (port) => {
      const peer = await Peer.toPort(port);
      peer.send('hello');
      await peer.over();
    });
    expect(fixture!.server).to.match(/#$/);
    expect(fixture!.client).not.to.match(/[|#!]/);
    replay(rude, fixture!);
  });

  it('knows who ends first, and half-open connections', async () => {
    const late: Protocol = (data$) =>
      concat(data$.pipe(ignoreElements()), timer(20).pipe(mergeMap(() => of('late'))));
    const options = { halfOpen: true };
    const [fixture] = await recorded(
      late,
      async (port) => {
        const peer = await Peer.toPort(port);
        peer.fin('question');
        await peer.over();
      },
      options,
    );
    expect(fixture!.client).to.match(/\|/);
    replay(late, fixture!, { listen: options });
    const first: Protocol = () => of('bye');
    const [other] = await recorded(first, async (port) => {
      const peer = await Peer.toPort(port);
      await peer.over();
      await pause(10);
      peer.fin();
      await pause(10);
    });
    expect(other!.server).to.match(/^[-(]*A-*\|/);
    expect(other!.client).to.match(/\|$/);
    replay(first, other!);
  });

  it('tells two connections at once apart, in the order of acceptance', async () => {
    const fixtures = await recorded(upper, async (port) => {
      const one = await Peer.toPort(port);
      const two = await Peer.toPort(port);
      two.send('two\n');
      await two.receives('TWO\n');
      one.send('one\n');
      await one.receives('ONE\n');
      two.fin();
      one.fin();
      await Promise.all([one.over(), two.over()]);
    });
    expect(fixtures.map(({ values }) => Object.values(values))).to.deep.equal([
      ['one\n', 'ONE\n'],
      ['two\n', 'TWO\n'],
    ]);
    for (const fixture of fixtures) replay(upper, fixture);
  });

  it('keeps so many bytes and no more, and says so', async () => {
    const [fixture] = await recorded(
      echo,
      async (port) => {
        const peer = await Peer.toPort(port);
        peer.send('abcd');
        await peer.receives('abcd');
        await pause(5);
        peer.send('efgh');
        await peer.receives('abcdefgh');
        peer.fin();
        await peer.over();
      },
      { max: 12 },
    );
    expect(fixture!.cut).to.equal(true);
    expect(fixture!.values).to.deep.equal({ a: 'abcd', b: 'efgh' });
    replay(echo, fixture!);
  });

  it('is replayed as far as it is known when it stopped before an answer', async () => {
    const late: Protocol = (data$) => data$.pipe(delay(60));
    server = listen('tcp://127.0.0.1:0', { poller });
    const recording = record(server);
    server.connections$.pipe(serveEach(late)).subscribe();
    await server.ready;
    const peer = await Peer.toPort(server.addresses[0]?.port ?? 0);
    peer.send('hello');
    while (recording.fixtures[0]?.client.includes('a') !== true) await pause(1);
    recording.stop();
    const before = saved(recording);
    await peer.receives('hello');
    expect(saved(recording)).to.deep.equal(before);
    expect(before[0]).to.include({ server: '' }).and.to.have.property('open').that.is.a('number');
    replay(late, before[0]!);
  });

  it('has bytes that were sent by one that echoes by itself', async () => {
    server = listen('tcp://127.0.0.1:0', { poller });
    const recording = record(server);
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    await server.ready;
    const peer = await Peer.toPort(server.addresses[0]?.port ?? 0);
    peer.fin('hello');
    await peer.over();
    replay(echo, saved(recording)[0]!);
  });

  it('neither accepts nor reads, and leaves nothing behind on a connection', async () => {
    server = listen('tcp://127.0.0.1:0', { poller });
    const recording = record(server);
    await server.ready;
    const peer = await Peer.toPort(server.addresses[0]?.port ?? 0);
    peer.send('hello');
    await pause(50);
    expect(server.connections.size).to.equal(0);
    expect(recording.fixtures).to.deep.equal([]);
    server.connections$.subscribe();
    await pause(50);
    const [connection] = server.connections.values();
    expect(connection!.bytesRead).to.equal(0);
    expect(recording.fixtures.map(silent)).to.deep.equal([true]);
    expect(Object.hasOwn(connection!, 'data')).to.equal(true);
    recording.stop();
    expect(Object.hasOwn(connection!, 'data')).to.equal(false);
    connection!.data$.subscribe(connection);
    await peer.receives('hello');
    expect(recording.fixtures.map(silent)).to.deep.equal([true]);
  });
});

describe('a simulated server, recorded', () => {
  const slow: Protocol = (data$) =>
    data$.pipe(
      delay(7),
      map((data) => data.toString().toUpperCase()),
    );
  const VALUES = { a: 'ping', A: 'PING', b: 'pong', B: 'PONG', x: { hex: 'c328' } };

  function recordedOf(protocol: Protocol, client: string, options: ListenOptions = {}): Fixture {
    let recording: Recording | undefined;
    simulate((world) => {
      recording = record(world.serving(protocol, options));
      world.client(client, VALUES);
    });
    return saved(recording!)[0]!;
  }

  for (const [what, protocol, client, options] of [
    ['an echo', echo, '--a---b--|', {}],
    ['bytes that are not UTF-8', echo, '--x--|', {}],
    ['a delay', slow, '--a---b-----------|', {}],
    ['data and FIN together', slow, '--(ab|)', { halfOpen: true }],
    ['a reset', echo, '--a--b--#', {}],
    ['a client that closes', echo, '--a--b--!', {}],
    ['a server that ends first', () => of('bye'), '----|', {}],
    ['silence', () => EMPTY, '2m |', {}],
  ] as [string, Protocol, string, ListenOptions][]) {
    it(`is exact: ${what}`, () => {
      const fixture = recordedOf(protocol, client, options);
      expect(fixture.rounded).to.equal(undefined);
      wire(protocol, fixture, fixture.values, { listen: options });
      replay(protocol, fixture, { tolerance: 0, listen: options });
    });
  }

  it('gives lanes that a person can read', () => {
    expect(recordedOf(slow, '-a---b---------|')).to.deep.equal({
      client: '-a---b---------|',
      server: '--------A---B--(|!)',
      values: { a: 'ping', b: 'pong', A: 'PING', B: 'PONG' },
    });
  });

  it('fails readably when the protocol has changed', () => {
    const fixture = recordedOf(slow, '-a---b---------|');
    const error = failureOf(() => replay(echo, fixture, { title: 'ping' }));
    expect(error).to.be.instanceOf(ExpectationError);
    expect(error.message).to.include('ping: at 8 ms the server should have sent "PING", but it sent "ping"');
    expect(error.message).to.include(`expected  ${fixture.server}`);
    const early = failureOf(() => replay(echo, recordedOf(echo, '-a--|'), { tolerance: -1 }));
    expect(early).to.be.instanceOf(TypeError);
    const late: Protocol = (data$) => data$.pipe(delay(300));
    const tooLate = failureOf(() => replay(late, recordedOf(echo, '-a 2s |'))).message;
    expect(tooLate).to.include('at 1 ms the server should have sent "ping"');
  });

  it('replays what comes a little earlier or later', () => {
    const later: Protocol = (data$) => data$.pipe(delay(10));
    const fixture = recordedOf(echo, '--a--b--------------------|');
    replay(later, fixture);
    replay(echo, recordedOf(later, '--a--b--------------------|'), { tolerance: 10 });
    expect(() => replay(later, fixture, { tolerance: 9 })).to.throw(ExpectationError);
  });

  it('can be recorded twice at once, and each stops for itself', () => {
    const recordings: Recording[] = [];
    simulate((world) => {
      const server = world.serving(echo);
      recordings.push(record(server), record(server));
      world.client('--a---b--|', VALUES);
      world.at(4, () => recordings[0]!.stop());
    });
    expect(recordings.map((recording) => saved(recording)[0])).to.deep.equal([
      { client: '--a', server: '--a', values: { a: 'ping' }, open: 4 },
      { client: '--a---b--|', server: '--a---b--(|!)', values: { a: 'ping', b: 'pong' } },
    ]);
  });

  it('is JSON by itself', () => {
    let recording: Recording | undefined;
    simulate((world) => {
      recording = record(world.serving(echo));
      world.client('--a--|', VALUES);
    });
    expect(JSON.parse(JSON.stringify(recording))).to.deep.equal(saved(recording!));
  });

  it('finds more than was sent while a connection is known, and lets be what may have come later', () => {
    const again: Protocol = (data$) => merge(data$, data$.pipe(delay(30)));
    let recording: Recording | undefined;
    simulate((world) => {
      recording = record(world.serving(echo));
      world.client('--a', VALUES);
      world.at(40, () => recording!.stop());
    });
    const [fixture] = saved(recording!);
    expect(fixture).to.deep.equal({ client: '--a', server: '--a', values: { a: 'ping' }, open: 40 });
    replay(again, fixture!, { tolerance: 8 });
    const error = failureOf(() => replay(again, fixture!, { tolerance: 7 }));
    expect(error.message).to.include('at 32 ms the server should have done nothing, but it sent "ping"');
    expect(() => replay(() => NEVER, fixture!)).to.throw(
      ExpectationError,
      'at 2 ms the server should have sent',
    );
  });

  it('rounds times, so that what is a little late stands where it was due', () => {
    const soon: Protocol = (data$) => data$.pipe(delay(3));
    let recording: Recording | undefined;
    simulate((world) => {
      recording = record(world.serving(soon), { round: 10 });
      world.client('--a---b 14ms -a 10ms |', VALUES);
    });
    const [fixture] = saved(recording!);
    expect(fixture).to.deep.equal({
      client: 'a-------------------b---------|',
      server: 'a-------------------b---------(|!)',
      values: { a: 'pingpong', b: 'ping' },
    });
    wire(echo, fixture!, fixture!.values);
  });

  it('leaves out when the server closed where a lane has no room for it', () => {
    const bye: Protocol = () => of('bye');
    const fixture = recordedOf(bye, '--|');
    expect(fixture).to.deep.equal({ client: '--|', server: '(A|)', values: { A: 'bye' } });
    wire(bye, fixture, fixture.values);
  });

  it('says when so much happens at once that a lane cannot hold it', () => {
    let recording: Recording | undefined;
    simulate((world) => {
      recording = record(world.serving((data$) => merge(NEVER, data$.pipe(ignoreElements()))));
      world.at(0, () => {
        const peer = new ScriptedPeer(world.network, world.network.firstAddress!);
        peer.fin('ping');
        world.at(2, () => peer.reset());
      });
    });
    const [fixture] = saved(recording!);
    expect(fixture).to.include({ rounded: true, server: '' });
  });

  it('refuses what is no server, and what is no fixture', () => {
    expect(() => record({} as never)).to.throw(TypeError, 'record: needs a server');
    expect(() => record(undefined as never)).to.throw(TypeError, 'record: needs a server');
    for (const round of [0, -1, 1.5, NaN, '10']) {
      const server = simulate((world) => world.listening());
      expect(() => record(server, { round: round as never })).to.throw(TypeError, 'record: round must be');
    }
    expect(() => replay(echo, undefined as never)).to.throw(TypeError, 'replay: needs a fixture');
  });
});
