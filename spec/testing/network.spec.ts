// The modelled kernel and network: time on the way, buffers, partitions, faults; and two ends of this library joined in it.

import { expect } from 'chai';
import { connect } from 'evio';
import type { Protocol } from 'evio';
import { fixedLength, lengthPrefixed, encodeLengthPrefixed } from 'evio/protocols';
import { simulate, wire } from 'evio/testing';
import type { SimulationOptions, World } from 'evio/testing';
import { array, assert, nat, property, string } from 'fast-check';
import type { Subscription } from 'rxjs';
import { EMPTY, concatMap, map, mergeMap, of, retry, take, timer, toArray } from 'rxjs';

const echo: Protocol = (data$) => data$;

/** What a client gets from an echo. */
function echoes(lane: string, expected: string, options: SimulationOptions = {}): void {
  wire(echo, { client: lane, server: expected }, {}, options);
}

describe('a link', () => {
  it('without options takes no time', () => {
    echoes('-a-b|', '-a-b|');
  });

  it('takes its latency, each way', () => {
    // Connected after 2 * 10 ms; the FIN of the server comes back as late as its echo.
    echoes('^ 30ms a|', ' 51ms a|', { link: { latency: 10 } });
  });

  it('has its bandwidth, and later bytes wait for earlier ones', () => {
    echoes('^--(ab)', "-------'ab'", { link: { bandwidth: 1 } });
  });

  it('jitters by its schedule, the same for the same, and never reorders', () => {
    const times = (schedule: number): string => {
      const seen: string[] = [];
      simulate(
        (world) => {
          world.serving(echo);
          const client = world.client('-abcdefgh');
          world.at(100, () => {
            for (const event of client.events) {
              if (event.kind === 'data') seen.push(`${event.at} ${event.bytes.toString()}`);
            }
          });
          world.expectBytes(client).toBe('abcdefgh');
        },
        { link: { latency: 1, jitter: 9 }, schedule },
      );
      return seen.join(', ');
    };
    expect(times(1)).to.equal(times(1)).and.not.to.equal(times(2));
  });

  for (const link of [{}, { latency: 2 }, { bandwidth: 1 }]) {
    it(`that was down keeps the order of what it kept back: ${JSON.stringify(link)}`, () => {
      simulate(
        (world) => {
          world.serving(() =>
            timer(5, 1).pipe(
              take(3),
              map((index) => ['aaaa', 'bbbbbb', 'cc'][index] ?? ''),
            ),
          );
          const client = world.client('-([a)-]-|', { a: 'x' });
          world.at(4, () => world.network.partition());
          world.at(20, () => world.network.heal());
          world.expectBytes(client).toBe('aaaabbbbbbcc');
        },
        { link, receiveBuffer: 10 },
      );
    });
  }

  it('that was down lets nothing overtake what was under way', () => {
    simulate(
      (world) => {
        world.serving(echo);
        const client = world.client("-'abcdefghij'---|");
        world.at(2, () => world.network.partition());
        world.at(30, () => world.network.heal());
        world.expectBytes(client).toBe('abcdefghij');
      },
      { link: { bandwidth: 1 } },
    );
  });

  it('that is down keeps everything back until it is up again', () => {
    simulate((world) => {
      world.serving(echo);
      const client = world.client('-a-b------c');
      world.at(2, () => world.network.partition());
      world.at(7, () => world.network.heal());
      world.expectWire(client).toBe('-a-----b--c');
    });
  });

  it('that stays down is a half-open connection: a time-out finds it', () => {
    simulate((world) => {
      const server = world.serving(echo, { idleTimeout: 50 });
      const client = world.client('-a');
      world.at(2, () => world.network.partition());
      world.expectWire(client).toBe('-a');
      world.expectTrace({ kinds: ['closed'] }).toEqual(['server 1 closed ERR_EVIO_IDLE_TIMEOUT']);
      world.at(100, () => expect(server.connections.size).to.equal(0));
    });
  });
});

describe('a modelled kernel', () => {
  it('refuses who knocks where nobody listens', () => {
    simulate((world) => {
      const server = world.listening();
      world.at(1, () => void server.close());
      const client = world.client('--^');
      world.expectWire(client).toBe('--#');
      world.expectTrace({ who: 'client' }).toEqual(['client is refused ECONNREFUSED']);
    });
  });

  it('lets those beyond the backlog knock again after a second, then two', () => {
    simulate((world) => {
      const server = world.listening({ backlog: 1 });
      const clients = ['', '', '', ''].map((lane) => world.client(lane));
      world.at(500, () => server.connections$.subscribe());
      world.until(1500);
      world.at(1400, () => expect(server.connections.size).to.equal(4));
      for (const client of clients) world.expectWire(client).toBe('');
    });
  });

  it('gives up a connection that nobody answers, after 127 s', () => {
    simulate((world) => {
      world.listening();
      world.network.partition();
      const client = world.client('');
      world.expectWire(client).toBe(' 127s #');
    });
  });

  it('takes what fits into its buffers, and pushes back on the rest', () => {
    const flood = Buffer.alloc(1000, 'x');
    simulate(
      (world) => {
        world.serving(() => of(flood), { halfOpen: true });
        const client = world.client('[----------]');
        world.expectQueued(client).toBe('q----------e', { q: 700, e: 0 });
        world.expectBytes(client).toBe(flood);
      },
      { sendBuffer: 200, receiveBuffer: 100 },
    );
  });

  it('is drained as fast as the client reads', () => {
    simulate(
      (world) => {
        world.serving(() => of(Buffer.alloc(100, 'x')), { highWaterMark: 50, lowWaterMark: 20 });
        const client = world.client('', {}, { readRate: 10 });
        world.expectChunks(client).toEqual(Array.from({ length: 10 }, () => 'x'.repeat(10)));
        world.expectDrained(client).toBe('-----d');
        world.expectBytes(client).toBe('x'.repeat(100), { within: [0, 9] });
      },
      { sendBuffer: 10, receiveBuffer: 10 },
    );
  });

  it('resets who sends to a connection that is gone', () => {
    simulate((world) => {
      world.serving(() => timer(3, 2).pipe(map(() => 'news')));
      const client = world.client('-!');
      world.expectWire(client).toBe('');
      world.expectTrace({ kinds: ['closed'] }).toEqual(['server 1 closed EPIPE']);
    });
  });

  it('leaves those beyond maxConnections in the backlog, or drops them', () => {
    for (const [whenFull, lane] of [
      ['wait', '-----^-b'],
      ['drop', '---#'],
    ] as const) {
      simulate((world) => {
        world.serving(echo, { maxConnections: 1, whenFull });
        world.client('^-a--!');
        world.expectWire(world.client('---^---b')).toBe(lane);
      });
    }
  });

  it('runs out of descriptors: accepting pauses, and goes on when one returns', () => {
    simulate(
      (world) => {
        world.expectErrors(world.serving(echo)).toEqual(['EMFILE']);
        world.client('-a----!');
        const late = world.client('-b');
        world.expectBytes(late).toBe('b');
        world.until(200);
      },
      { descriptors: 2 },
    );
  });

  for (const [call, code, seen] of [
    ['accept', 'ENOBUFS', 'ENOBUFS'],
    ['accept', 'EMFILE', 'EMFILE'],
  ] as const) {
    it(`fails ${call}() by ${code} when told`, () => {
      simulate((world) => {
        world.network.fail(call, code);
        world.expectErrors(world.serving(echo)).toEqual([seen]);
        world.expectBytes(world.client('-a')).toBe('a');
        world.until(500);
      });
    });
  }

  for (const [call, code] of [
    ['read', 'ETIMEDOUT'],
    ['read', 'EHOSTUNREACH'],
    ['write', 'ENOBUFS'],
    ['write', 'EPIPE'],
  ] as const) {
    it(`fails ${call}() by ${code}: the client is reset, so that nothing that was cut looks whole`, () => {
      simulate((world) => {
        world.serving(echo);
        world.at(1, () => world.network.fail(call, code));
        const client = world.client('--a');
        world.expectWire(client).toBe('--#');
        world.expectTrace({ kinds: ['closed'] }).toEqual([`server 1 closed ${code}`]);
      });
    });
  }

  it('fails listen() by EADDRINUSE, when told and when it is so', () => {
    simulate((world) => {
      const first = world.listening({}, 'tcp://127.0.0.1:7000');
      const second = world.listening({}, 'tcp://127.0.0.1:7000');
      expect([first.addresses.length, second.addresses.length]).to.deep.equal([1, 0]);
      second.ready.catch(() => {});
      second.connections$.subscribe({
        error: ({ code }: { code: string }) => expect(code).to.equal('EADDRINUSE'),
      });
      const shared = [1, 2].map(() => world.listening({ reusePort: true }, 'tcp://127.0.0.1:7001'));
      expect(shared.map(({ addresses }) => addresses.length)).to.deep.equal([1, 1]);
    });
  });

  it('overwrites what it has lent, so that whoever keeps a view of it is found out', () => {
    const kept: Buffer[] = [];
    const keeps: Protocol = (data$) =>
      data$.pipe(
        mergeMap((data) => {
          kept.push(data);
          return kept.length < 2 ? EMPTY : of(Buffer.concat(kept));
        }),
      );
    const lanes = { client: '-a-b', server: "---'ab'" };
    wire(keeps, lanes);
    kept.length = 0;
    expect(() => wire(keeps, lanes, {}, { listen: { reuseInputBuffer: true } })).to.throw(
      'should have sent "ab"',
    );
  });
});

describe('options of a simulation', () => {
  for (const [options, message] of [
    [{ sendBufer: 1 }, 'unknown option "sendBufer"; valid are '],
    [{ link: { latancy: 4 } }, 'unknown option "latancy"; valid are latency, jitter, bandwidth'],
    [{ link: { latency: -5 } }, 'option latency must be a number of milliseconds from 0, not -5'],
    [{ link: { bandwidth: 0 } }, 'option bandwidth must be a number of bytes per millisecond above 0, not 0'],
    [{ sendBuffer: 0 }, 'option sendBuffer must be a number of bytes from 1, not 0'],
    [{ receiveBuffer: 1.5 }, 'option receiveBuffer must be a number of bytes from 1, not 1.5'],
    [{ quiet: NaN }, 'option quiet must be a number of milliseconds from 0, not NaN'],
    [{ descriptors: 'many' }, 'option descriptors must be a number from 1, not "many"'],
  ] as const) {
    it(`are refused by name: ${JSON.stringify(options)}`, () => {
      expect(() => simulate(() => {}, options as SimulationOptions)).to.throw(TypeError, message);
    });
  }

  it('of clients and faults are, too', () => {
    simulate((world) => {
      world.listening();
      expect(() => world.client('', {}, { readRate: 0 })).to.throw(TypeError, 'option readRate must be');
      expect(() => world.network.fail('raed' as never, 'EMFILE')).to.throw(TypeError, 'unknown call "raed"');
      expect(() => world.network.fail('read', 'EFOO')).to.throw(
        TypeError,
        '"EFOO" is no code of this system',
      );
    });
  });
});

describe('two ends of this library', () => {
  const frames: Protocol = (data$) =>
    data$.pipe(
      lengthPrefixed({ length: 'u16' }),
      map((frame) => encodeLengthPrefixed(frame.toString().toUpperCase(), { length: 'u16' })),
    );

  /** A client that sends words one after the other, and collects the answers. */
  function ask(world: World, words: readonly string[], answers: string[]): Subscription {
    const server = world.serving(frames);
    return connect(`tcp://${String(server.addresses[0])}`, { poller: world.another('caller') })
      .pipe(
        mergeMap((connection) => {
          const answers$ = connection.data$.pipe(
            lengthPrefixed({ length: 'u16' }),
            take(words.length),
            toArray(),
          );
          for (const word of words) connection.write(encodeLengthPrefixed(word, { length: 'u16' }));
          return answers$;
        }),
        take(1),
      )
      .subscribe((got) => answers.push(...got.map(String)));
  }

  it('talk to each other in memory', () => {
    const answers: string[] = [];
    simulate((world) => void ask(world, ['one', 'two'], answers));
    expect(answers).to.deep.equal(['ONE', 'TWO']);
  });

  it('talk whatever the schedule: short reads and writes, jitter, small buffers', () => {
    assert(
      property(
        array(nat({ max: 1000 }), { maxLength: 200 }),
        array(string({ maxLength: 40 }), { minLength: 1, maxLength: 10 }),
        (schedule, words) => {
          const answers: string[] = [];
          simulate((world) => void ask(world, words, answers), {
            schedule,
            sendBuffer: 16,
            receiveBuffer: 16,
            link: { latency: 2, jitter: 3 },
            quiet: 5000,
          });
          expect(answers).to.deep.equal(words.map((word) => word.toUpperCase()));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('lose nothing to a partition that heals, and know nothing of one that does not', () => {
    for (const [heals, expected] of [
      [true, ['ONE']],
      [false, []],
    ] as const) {
      const answers: string[] = [];
      simulate((world) => {
        const asking = ask(world, ['one'], answers);
        world.network.partition();
        if (heals) world.at(300, () => world.network.heal());
        world.at(5000, () => asking.unsubscribe());
      });
      expect(answers).to.deep.equal(expected);
    }
  });

  it('try again: a refused dial is retried in virtual time', () => {
    const seen: string[] = [];
    simulate((world) => {
      world.at(2500, () =>
        world
          .listening({}, 'tcp://127.0.0.1:7000')
          .connections$.subscribe((connection) => connection.end('here')),
      );
      connect('tcp://127.0.0.1:7000', { poller: world.poller })
        .pipe(
          retry({ delay: 1000 }),
          concatMap((connection) => connection.data$),
          fixedLength(4),
        )
        .subscribe((text) => seen.push(`${world.now()} ${text.toString()}`));
      world.until(3000);
    });
    expect(seen).to.deep.equal(['3000 here']);
  });
});
