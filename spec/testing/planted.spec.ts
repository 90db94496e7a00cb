// Bugs that were planted, each where such bugs live: a diagram catches it, and its message says what is wrong and when.

import { expect } from 'chai';
import type { Connection, Protocol, Server, StreamEvents } from 'evio';
import { lines } from 'evio/protocols';
import { ScriptedPeer, resegment, simulate, wire } from 'evio/testing';
import type { World } from 'evio/testing';
import { EMPTY, concat, defer, filter, map, mergeMap, of, timeout, timer } from 'rxjs';

import { twisted, withEvents } from './twisted.js';

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the bug was not caught');
}

describe('planted: the answer depends on a cut', () => {
  const value = { q: 'GET a\r\n', r: 'value\r\n' };
  const lanes = { client: '--q--|', server: '--r--|' };

  it('is found with the smallest cut that shows it', () => {
    const perChunk: Protocol = (data$) =>
      data$.pipe(map((data) => (data.toString() === value.q ? value.r : 'ERR\r\n')));
    wire(perChunk, lanes, value);
    const message = messageOf(() => resegment(perChunk, lanes, value));
    expect(message).to.match(
      /^at 2 ms the server should have sent "value\\r\\n", but it sent "ERR\\r\\nERR\\r\\n"/,
    );
    expect(message).to.include('the client\'s bytes are cut at 1: "G" "ET a\\r\\n"');
  });

  it('is found where only a cut between CR and LF shows it', () => {
    const crlf: Protocol = (data$) => {
      let line = '';
      return data$.pipe(
        mergeMap((data) => {
          line += data.toString();
          if (!data.includes('\r\n')) return EMPTY; // of this chunk, not of the line
          return of(line === value.q ? value.r : 'ERR\r\n');
        }),
      );
    };
    wire(crlf, lanes, value);
    const message = messageOf(() => resegment(crlf, lanes, value));
    expect(message).to.match(/^at 2 ms the server should have sent "value\\r\\n", but it sent nothing/);
    expect(message).to.include('the client\'s bytes are cut at 6: "GET a\\r" "\\n"');
  });
});

describe('planted: a reply after FIN', () => {
  it('is found where nothing is due', () => {
    const late: Protocol = (data$) =>
      concat(
        data$,
        defer(() => of('bye')),
      );
    const message = messageOf(() => wire(late, { client: '-a--|', server: '-a--|' }));
    expect(message).to.match(/^at 4 ms the server should have done nothing, but it sent "bye"/);
    expect(message).to.include('client 1 sends FIN');
  });

  it('is found when it is written behind one’s own end', () => {
    const own: Protocol = (data$, connection) =>
      data$.pipe(
        mergeMap((data) => {
          connection.end(data);
          connection.write('once more');
          return EMPTY;
        }),
      );
    const lanes = { client: '-a', server: '-(a|)' };
    expect(messageOf(() => wire(own, lanes))).to.equal('connection 1: write after end');
    simulate((world) => {
      const server = world.serving(own);
      world.expectErrors(server).toEqual(['ERR_EVIO_WRITE_AFTER_END']);
      world.expectWire(world.client(lanes.client)).toBe(lanes.server);
    });
  });
});

describe('planted: a double close', () => {
  /** A run over a poller that tells its streams otherwise, and what `disconnected$` tells of it. */
  function over(lane: string, twist: (events: StreamEvents) => Partial<StreamEvents>): () => string[] {
    return () => {
      const seen: string[] = [];
      simulate((world) => {
        const events = (plain: StreamEvents): StreamEvents => withEvents(plain, twist(plain));
        const server = world.serving((data$) => data$, { poller: twisted(world.poller, { events }) });
        server.disconnected$.subscribe(({ connection }) => seen.push(`closed ${connection.id}`));
        world.client(lane);
      });
      return seen;
    };
  }

  it('of a poller that tells the end twice is found, although the streams do not let it through', () => {
    const message = messageOf(
      over('-a|', (events) => ({
        ended: () => {
          events.ended();
          events.ended();
        },
      })),
    );
    expect(message).to.include('but it was at 2 ms, connection 1: the poller told the end of input twice');
    expect(message).to.include('2 ms  server 1 receives FIN');
  });

  it('of a poller that tells a failure twice is found, and one behind an end of ours', () => {
    const reset = new Error('ECONNRESET');
    const twice = over('-a#', (events) => ({
      failed: (error) => {
        events.failed(error);
        events.failed(error);
      },
    }));
    expect(messageOf(twice)).to.include('at 2 ms, connection 1: the poller told a failure twice');
    const late = over('-a|', (events) => ({
      ended: () => {
        events.ended();
        events.failed(reset);
      },
    }));
    expect(messageOf(late)).to.include('at 2 ms, connection 1: the poller told a failure after close()');
  });

  it('of a poller that gives input after the end of it is found', () => {
    const more = over('-a|', (events) => ({
      ended: () => {
        events.ended();
        events.data(Buffer.from('more'), 0, 4, false);
      },
    }));
    expect(messageOf(more)).to.include('at 2 ms, connection 1: the poller gave input after its end');
  });

  it('is none where a poller keeps its contract, whatever becomes of its streams', () => {
    for (const lane of ['-a|', '-a#', '-a!', '[-a-|']) expect(over(lane, () => ({}))()).to.have.length(1);
  });

  const visits: Record<string, (world: World) => void> = {
    'a client of a diagram': (world) => void world.client('-a|'),
    'a client that has no lane': (world) => {
      const address = world.network.firstAddress;
      if (address === undefined) throw new Error('nobody listens');
      const peer = new ScriptedPeer(world.network, address);
      world.at(1, () => peer.fin());
      world.at(4, () => peer.destroy());
    },
  };
  for (const [who, visit] of Object.entries(visits)) {
    it(`of a server that tells the end of ${who} twice is found`, () => {
      const message = messageOf(() =>
        simulate((world) => {
          const server = world.serving((data$) => data$);
          visit(world);
          const ended: Connection[] = [];
          server.disconnected$.subscribe(({ connection }) => ended.push(connection));
          world.at(5, () => {
            // What a server does that forgets to forget.
            const inside = server as unknown as {
              announce(connection: Connection): void;
              disconnected(connection: Connection, error: undefined): void;
            };
            for (const gone of [...ended]) {
              inside.announce(gone);
              inside.disconnected(gone, undefined);
            }
          });
        }),
      );
      expect(message)
        .to.match(/^what is left at the end: expected nothing more/)
        .and.to.include('connection 1 was closed 2 times, at ');
    });
  }
});

describe('planted: a lost wake', () => {
  /** Answers what it is asked when it is woken, as a job that is done elsewhere does. */
  const jobs: Protocol = (data$, connection) =>
    data$.pipe(
      mergeMap((data) => {
        if (data.length === 0) return of('done');
        timer(3).subscribe(() => connection.wake());
        return EMPTY;
      }),
    );

  it('is found by the answer that does not come', () => {
    wire(jobs, { client: '-a------', server: '----d' }, { d: 'done' });
    const message = messageOf(() =>
      simulate((world) => {
        const deaf = twisted(world.poller, {});
        deaf.schedule = () => {};
        world.serving(jobs, { poller: deaf });
        world.expectWire(world.client('-a------')).toBe('----d', { d: 'done' });
      }),
    );
    expect(message).to.match(/^at 4 ms the server should have sent "done", but it sent nothing/);
    expect(message).to.include('client    -a------').and.to.include('server 1 reads "a"');
  });

  it('is found where the connection itself drops it', () => {
    const deaf: Protocol = (data$, connection) => {
      connection.wake = () => {};
      return jobs(data$, connection);
    };
    const message = messageOf(() => wire(deaf, { client: '-a------', server: '----d' }, { d: 'done' }));
    expect(message).to.match(/^at 4 ms the server should have sent "done", but it sent nothing/);
  });

  it('is found where a protocol drops the empty chunk that a wake is', () => {
    const drops: Protocol = (data$, connection) =>
      data$.pipe(
        filter((data) => data.length > 0), // as whoever takes it for noise
        mergeMap((data) => {
          if (data.length === 0) return of('done');
          timer(3).subscribe(() => connection.wake());
          return EMPTY;
        }),
      );
    const message = messageOf(() => wire(drops, { client: '-a------', server: '----d' }, { d: 'done' }));
    expect(message).to.match(/^at 4 ms the server should have sent "done", but it sent nothing/);
    expect(message).to.include('server 1 reads "a"');
  });
});

describe('planted: an unbounded queue', () => {
  const flood: Protocol = (data$) =>
    data$.pipe(
      mergeMap(() => timer(0, 1)),
      map(() => 'x'.repeat(100)),
    );

  function run(server: (protocol: Protocol, options: { maxQueuedBytes: number }) => Server): void {
    void server(flood, { maxQueuedBytes: Infinity });
  }

  it('is found where it passes its bound, with what was written until then', () => {
    const message = messageOf(() =>
      simulate(
        (world) => {
          run((protocol, options) => world.serving(protocol, options));
          const client = world.client('[a 50ms -');
          world.expectQueued(client).toStayBelow(1000);
        },
        { sendBuffer: 100, receiveBuffer: 100, quiet: 0 },
      ),
    );
    expect(message).to.match(/^at 12 ms 1000 bytes are queued for the client, which must stay below 1000/);
    expect(message).to.include('server 1 writes');
  });

  it('is not found where there is a bound', () => {
    simulate(
      (world) => {
        const server = world.serving(flood, { highWaterMark: 100, maxQueuedBytes: 500 });
        const client = world.client('[a 50ms -');
        world.expectQueued(client).toStayBelow(1000);
        world.expectTrace({ kinds: ['closed'] }).toEqual(['server 1 closed ERR_EVIO_QUEUE_FULL']);
        world.at(40, () => expect(server.connections.size).to.equal(0));
      },
      { sendBuffer: 100, receiveBuffer: 100, quiet: 0 },
    );
  });
});

describe('planted: a wrong time-out', () => {
  const echo: Protocol = (data$) => data$;

  it('of the server is found, late and early', () => {
    const lanes = { client: '-a', server: '-a 399ms |' };
    wire(echo, lanes, {}, { listen: { idleTimeout: 400 } });
    const late = messageOf(() => wire(echo, lanes, {}, { listen: { idleTimeout: 500 } }));
    expect(late).to.match(/^at 401 ms the server should have ended its output \(FIN\), but it did not/);
    const early = messageOf(() => wire(echo, lanes, {}, { listen: { idleTimeout: 395 } }));
    expect(early).to.match(/^at 396 ms the server should have done nothing, but it ended its output \(FIN\)/);
  });

  it('of an operator is found', () => {
    const slow =
      (each: number): Protocol =>
      (data$) =>
        data$.pipe(lines(), timeout({ each, with: () => of('too slow\n') }));
    const lanes = { client: '-a', server: '-e 29ms t|' };
    const values = { a: 'x\n', e: 'x', t: 'too slow\n' };
    wire(slow(30), { ...lanes, server: '-e 29ms (t|)' }, values);
    const message = messageOf(() => wire(slow(35), { ...lanes, server: '-e 29ms (t|)' }, values));
    expect(message).to.match(/^at 31 ms the server should have sent "too slow\\n", but it sent nothing/);
  });
});
