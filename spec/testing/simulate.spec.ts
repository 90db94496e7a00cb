// A run of a simulation: what a spec may do and expect in it, and how it fails.

import { expect } from 'chai';
import { serve, serveEach } from 'evio';
import type { Protocol } from 'evio';
import { ExpectationError, simulate, simulateAsync, wire } from 'evio/testing';
import type { SimulationOptions, World } from 'evio/testing';
import {
  EMPTY,
  NEVER,
  concat,
  debounceTime,
  delay,
  interval,
  map,
  mergeMap,
  of,
  take,
  tap,
  timer,
} from 'rxjs';
import { failureOf } from './failure.js';

const upper: Protocol = (data$) => data$.pipe(map((data) => data.toString().toUpperCase()));
const WORDS = { a: 'ping', A: 'PING', b: 'pong', B: 'PONG' };

describe('a diagram', () => {
  it('passes when the server does what its lane says', () => {
    wire(upper, { client: '--a---b--|', server: '--A---B--|' }, WORDS);
  });

  it('knows when the connection was accepted and when the server closed it', () => {
    wire(upper, { client: '---^-a--|', server: '---^-A--(|!)' }, WORDS);
  });

  it('runs in the virtual time of RxJS', () => {
    const slow: Protocol = (data$) =>
      data$.pipe(
        delay(5000),
        map((data) => data.toString().toUpperCase()),
      );
    wire(slow, { client: '--a 6s |', server: '-- 5s A 1s |' }, WORDS);
  });

  it('sees bytes and FIN of one segment', () => {
    wire(upper, { client: '--(a|)', server: '--(A|)' }, WORDS);
  });

  it('sees a reset', () => {
    wire((_data$, connection) => timer(3).pipe(mergeMap(() => (connection.reset(), EMPTY))), {
      client: '------',
      server: '---#',
    });
  });

  it('sees that nobody listens, as a reset', () => {
    const start = (world: World): unknown => world.listening().close();
    wire({ start }, { client: '--', server: '#' });
  });

  for (const [what, lanes, message] of [
    [
      'other bytes',
      { client: '--a', server: '--b' },
      'at 2 ms the server should have sent "pong", but it sent "PING"',
    ],
    [
      'bytes too early',
      { client: '--a', server: '---A' },
      'at 2 ms the server should have done nothing, but it sent "PING"',
    ],
    [
      'bytes that do not come',
      { client: '--', server: '--A' },
      'at 2 ms the server should have sent "PING", but',
    ],
    [
      'a FIN that does not come',
      { client: '--a', server: '--A-|' },
      'at 4 ms the server should have ended its output (FIN), but',
    ],
    [
      'a FIN that was not due',
      { client: '--a|', server: '--A' },
      'at 3 ms the server should have done nothing, but it ended its output (FIN)',
    ],
  ] as const) {
    it(`fails by ${what}, and says so`, () => {
      const error = failureOf(() => wire(upper, lanes, WORDS, { title: 'upper' }));
      expect(error).to.be.instanceOf(ExpectationError);
      expect(error.message).to.include(`upper: ${message}`);
      expect(error.message)
        .to.include(`client    ${lanes.client}`)
        .and.to.include(`expected  ${lanes.server}`);
      expect(error.message).to.include('server 1 accepts');
    });
  }

  it('marks the place where nothing was due', () => {
    for (const [server, mark] of [
      ['---A', '  expected  ---A\n  actual    --A-\n              ^'],
      [' 5ms A', '  expected   5ms A\n  actual     --A---\n             ^'],
      ['-', '  expected  -\n  actual    --A\n              ^'],
    ] as const) {
      const { message } = failureOf(() => wire(upper, { client: '--a', server }, WORDS));
      expect(message).to.include(mark);
    }
  });

  it('fails by what a protocol throws, and by what it reports', () => {
    const broken: Protocol = (data$) =>
      data$.pipe(
        map(() => {
          throw new Error('on purpose');
        }),
      );
    for (const server of ['--|', '--A']) {
      expect(failureOf(() => wire(broken, { client: '--a', server }, WORDS)).message).to.equal('on purpose');
    }
  });

  it('refuses what is no protocol, and lanes that are none', () => {
    expect(() => wire(undefined as never, { client: '', server: '' })).to.throw(
      TypeError,
      'needs a protocol',
    );
    expect(() => wire(upper, {} as never)).to.throw(TypeError, 'client is undefined');
    expect(() => wire(upper, { client: '--(a', server: '' })).to.throw(TypeError, 'client lane');
    expect(() => wire(upper, { client: '', server: '--a|b' })).to.throw(TypeError, 'server lane');
  });
});

describe('simulate', () => {
  const echo: Protocol = (data$) => data$;

  it('has the helpers of TestScheduler.run beside its own', () => {
    simulate(({ cold, hot, expectObservable, expectSubscriptions, time, ...world }) => {
      void world;
      const source$ = cold('--a--|');
      expectObservable(source$.pipe(delay(time('--|')))).toBe('----a|');
      expectObservable(hot('-b-|')).toBe('-b-|');
      expectSubscriptions(source$.subscriptions).toBe('^----!');
    });
  });

  it('drives a server from cold and hot observables', () => {
    simulate((world) => {
      const news$ = world.hot('---n---m--|', { n: 'news ', m: 'more' });
      world.serving(() => news$);
      const client = world.client('');
      world.expectWire(client).toBe('---n---m--|', { n: 'news ', m: 'more' });
    });
  });

  it('sees streams of a server through expectObservable', () => {
    simulate((world) => {
      const server = world.listening();
      world.client('---^-a');
      world.expectObservable(server.data$.pipe(map(({ data }) => data.toString()))).toBe('-----a');
      world
        .expectObservable(
          server.ticks$.pipe(
            take(2),
            map(({ count }) => count),
          ),
        )
        .toBe('1s a 999ms (b|)', { a: 1, b: 2 });
    });
  });

  it('gives back what the body gives', () => {
    expect(simulate(() => 42)).to.equal(42);
  });

  it('passes on what the body throws, and closes what it has opened', () => {
    let opened: World | undefined;
    const error = failureOf(() =>
      simulate((world) => {
        opened = world;
        world.serving(echo);
        throw new Error('on purpose');
      }),
    );
    expect(error.message).to.equal('on purpose');
    expect(opened?.poller.open).to.equal(0);
  });

  it('ends although time-outs and ticks never do', () => {
    simulate((world) => {
      const server = world.serving(echo, { idleTimeout: 100_000 });
      server.ticks$.subscribe();
      world.client('-a');
    });
  });

  it('goes on for as long as it is told', () => {
    const ticks: number[] = [];
    simulate((world) => {
      world.listening().ticks$.subscribe(({ count }) => ticks.push(count));
      world.until(4000);
    });
    expect(ticks).to.deep.equal([1, 2, 3, 4, 5]);
  });

  it('checks bytes however they come, and within their time', () => {
    const run = (bytes: string, within: [number, number]): void =>
      simulate((world) => {
        world.serving((data$) => concat(of('welcome '), data$.pipe(delay(10))));
        world.expectBytes(world.client('-a-b-|')).toBe(bytes, { within });
      });
    run('welcome ab', [0, 13]);
    expect(failureOf(() => run('welcome ba', [0, 13])).message).to.include('first difference is at byte 8');
    expect(failureOf(() => run('welcome ab', [0, 12])).message).to.include(
      'bytes came at 13 ms, not between 0 and 12 ms',
    );
  });

  it('checks chunks as they come', () => {
    simulate((world) => {
      world.serving((_data$, connection) => {
        connection.write('one');
        return timer(1).pipe(map(() => 'two'));
      });
      world.expectChunks(world.client('')).toEqual(['one', 'two']);
    });
  });

  it('checks when a connection is read, what is queued, and when it drains', () => {
    const flood = Buffer.alloc(1000, 'x');
    simulate(
      (world) => {
        world.serving((data$) => data$.pipe(map(() => flood)), { highWaterMark: 500, lowWaterMark: 100 });
        const client = world.client('-([g)-----]', { g: 'go' });
        world.expectReading(client).toBe('^!--------^');
        world.expectQueued(client).toBe('-q--------e', { q: 800, e: 0 });
        world.expectDrained(client).toBe('----------d');
      },
      { sendBuffer: 100, receiveBuffer: 100 },
    );
  });

  it('checks the trace: what happened in which order, over all connections', () => {
    simulate((world) => {
      world.serving(echo);
      world.client('-a');
      world.client('--b');
      world
        .expectTrace({ kinds: ['accepts', 'reads', 'receives'] })
        .toEqual([
          'server 1 accepts',
          'server 2 accepts',
          'server 1 reads "a"',
          'client 1 receives "a"',
          'server 2 reads "b"',
          'client 2 receives "b"',
        ]);
      world
        .expectTrace({ who: 'client', connection: 2 })
        .toEqual(['client 2 connects', 'client 2 sends "b"', 'client 2 receives "b"']);
    });
  });

  it('has ticks in the trace, where they are wanted', () => {
    simulate((world) => {
      world.traceTicks(world.serving(echo));
      world.client(' 20ms a');
      world
        .expectTrace({ kinds: ['reads', 'ticks'] })
        .toEqual(['server 1 reads "a"', 'server ticks 1', 'server ticks 2']);
      world.until(1000);
    });
  });

  it('checks what errors$ tells; without that nothing may be told', () => {
    const broken: Protocol = () => {
      throw new Error('on purpose');
    };
    const run = (codes: readonly string[] | undefined): void =>
      simulate((world) => {
        const server = world.serving(broken);
        world.client('');
        if (codes !== undefined) world.expectErrors(server).toEqual(codes);
      });
    run(['on purpose']);
    expect(failureOf(() => run(undefined)).message).to.equal('on purpose');
    expect(failureOf(() => run([])).message).to.include(
      'errors$: expected nothing more, but it was on purpose',
    );
  });

  it('tells what is left open by a handler of its own', () => {
    const { message } = failureOf(() =>
      simulate((world) => {
        world.poller.attach({ turnBegin() {}, turnEnd() {} });
        world.poller.alarm(5_000_000);
      }),
    );
    expect(message).to.include('a timer is still set');
  });

  it('refuses options of a client, parts of a trace and times that there are not', () => {
    const inside = (act: (world: World) => unknown): string => failureOf(() => simulate(act)).message;
    expect(inside((world) => world.client('-a', {}, { rate: 1 } as object))).to.equal(
      'unknown option "rate"; valid are to, name, cuts, coalesced, readRate',
    );
    expect(inside((world) => world.expectTrace({ kind: 'reads' } as object))).to.equal(
      'unknown option "kind"; valid are connection, who, kinds',
    );
    expect(inside((world) => world.at(NaN, () => {}))).to.equal('at: needs a time in ms, not NaN');
  });

  it('counts assertions by the hook of a runner', () => {
    const asserted: unknown[] = [];
    const options: SimulationOptions = { assertDeepEqual: (actual) => void asserted.push(actual) };
    simulate((world) => {
      world.serving(echo);
      world.expectWire(world.client('-a')).toBe('-a');
      world.expectObservable(NEVER).toBe('-');
    }, options);
    expect(asserted).to.deep.equal([[], '-a', []]);
  });
});

describe('simulateAsync', () => {
  it('clears in one moment a timer that was set in another', async () => {
    await simulateAsync((world) => {
      world.serving((data$) => data$.pipe(debounceTime(5)));
      const client = world.client('-a-b-c----------d-----');
      world.expectWire(client).toBe('----------c----------d');
    });
  });

  it('ends although a protocol pushes for ever', async () => {
    await simulateAsync((world) => {
      world.serving(() => interval(10).pipe(map(String)));
      world.expectWire(world.client('-------------!')).toBe('----------0');
    });
  });

  it('lets promises settle between moments of virtual time', async () => {
    await simulateAsync((world) => {
      world.serving((data$) =>
        data$.pipe(
          mergeMap(async (data) => {
            await Promise.resolve();
            return `${data.toString()}!`;
          }),
        ),
      );
      world.expectWire(world.client('-a--b-|')).toBe('-A--B-|', { A: 'a!', B: 'b!' });
    });
  });

  it('awaits a body that awaits what happens in the run', async () => {
    const seen: string[] = [];
    const result = await simulateAsync(async (world) => {
      const server = world.serving((data$) => data$);
      world.client('-----a');
      await new Promise<void>((resolve) => {
        server.data$.subscribe(({ data }) => {
          seen.push(data.toString());
          resolve();
        });
      });
      return world.now();
    });
    expect([seen, result]).to.deep.equal([['a'], 5]);
  });

  it('fails by what the body rejects with, and by what was expected in vain', async () => {
    const rejects = async (run: Promise<unknown>): Promise<string> => {
      try {
        await run;
      } catch (error) {
        return (error as Error).message;
      }
      throw new Error('it did not fail');
    };
    expect(await rejects(simulateAsync(() => Promise.reject(new Error('on purpose'))))).to.equal(
      'on purpose',
    );
    const run = simulateAsync((world) => {
      world.serving((data$) => data$);
      world.expectWire(world.client('-a')).toBe('-b');
    });
    expect(await rejects(run)).to.include('should have sent "b", but it sent "a"');
  });
});

describe('callbacks of the classic serve', () => {
  it('are told in their order, with what they got and answered', () => {
    simulate((world) => {
      let ticks = 0;
      const calls = world.record<string>({
        accept: () => ['hello', true],
        handle: (_id, data) => [data.toString() === 'q' ? 'bye' : data, data.toString() !== 'q'],
        ticker: () => ++ticks < 3,
      });
      const { handle, accept, closed, ticker } = calls;
      void serve('tcp', '127.0.0.1:0', handle, accept, closed, ticker, 'ctx', { poller: world.poller });
      const client = world.client('-a-q-|');
      world.until(3000);
      world.expectWire(client).toBe('ha-(b|)', { h: 'hello', a: 'a', b: 'bye' });
      world
        .expectCallbacks(calls)
        .toEqual([
          'ticker() true',
          'accept(1) "hello", true',
          'handle(1, "a") "a", true',
          'handle(1, "q") "bye", false',
          'closed(1)',
          'ticker() true',
          'ticker() false',
        ]);
    });
  });
});

describe('serveEach in a simulation', () => {
  it('is the code under test, unchanged', () => {
    simulate((world) => {
      const server = world.listening();
      const seen: string[] = [];
      server.connections$
        .pipe(serveEach((data$, { id }) => data$.pipe(tap((data) => seen.push(`${id} ${data.toString()}`)))))
        .subscribe();
      world.client('-a');
      world.client('-b');
      world.at(2, () => expect(seen).to.deep.equal(['1 a', '2 b']));
    });
  });
});
