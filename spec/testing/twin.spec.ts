// One diagram in two worlds: what is true of both, and what is said when it is true of one alone.

import process from 'node:process';

import { expect } from 'chai';
import type { Protocol } from 'evio';
import { ExpectationError, twin } from 'evio/testing';
import type { TwinProtocol } from 'evio/testing';
import { NEVER, concat, delay, ignoreElements, map, merge, mergeMap, of, tap, timer } from 'rxjs';

import { overPollers } from '../support/pollers.js';

const VALUES = { a: 'ping', A: 'PING', b: 'pong', B: 'PONG' };
const echo: Protocol = (data$) => data$;
const upper: Protocol = (data$) => data$.pipe(map((data) => data.toString().toUpperCase()));
const slow: TwinProtocol = (data$, _connection, ms) =>
  data$.pipe(
    delay(ms(6)),
    map((data) => data.toString().toUpperCase()),
  );

async function failureOf(run: () => Promise<unknown>): Promise<Error> {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

overPollers('a diagram in two worlds', (poller) => {
  const BIG = Buffer.alloc(3 * 1024 * 1024, 'x');
  const values = { ...VALUES, x: BIG };
  /** A kernel whose window was closed may wait for some hundred ms before it tries again. */
  const PATIENCE = 2000;
  const atOnce: Protocol = (data$) => merge(of('x'), data$).pipe(map(() => BIG));
  const late: TwinProtocol = (data$, _connection, ms) =>
    concat(data$.pipe(ignoreElements()), timer(ms(5)).pipe(map(() => 'PING')));
  const rude: TwinProtocol = (data$, connection) =>
    data$.pipe(
      tap(() => connection.reset()),
      ignoreElements(),
    );

  const destroying: TwinProtocol = (_data$, connection, ms) =>
    timer(ms(2)).pipe(
      tap(() => connection.destroy()),
      ignoreElements(),
    );
  const unreading: TwinProtocol = (_data$, connection, ms) =>
    timer(ms(5)).pipe(
      tap(() => connection.destroy()),
      ignoreElements(),
    );
  const resetting6: TwinProtocol = (data$, connection, ms) =>
    merge(data$, timer(ms(6)).pipe(tap(() => connection.reset()))).pipe(ignoreElements());
  const destroying6: TwinProtocol = (data$, connection, ms) =>
    merge(
      upper(data$, connection),
      timer(ms(6)).pipe(
        tap(() => connection.destroy()),
        ignoreElements(),
      ),
    );
  const slowly: TwinProtocol = (data$, _connection, ms) => data$.pipe(delay(ms(30)));
  const resetting: TwinProtocol = (_data$, connection, ms) =>
    concat(
      of('PING'),
      timer(ms(3)).pipe(
        tap(() => connection.reset()),
        ignoreElements(),
      ),
    );

  const cases: Record<string, [TwinProtocol, string, string, { halfOpen?: boolean }?]> = {
    'an echo': [echo, '--a---b--|', '--a---b--|'],
    'an upper-case server': [upper, '--a---b--|', '--A---B--|'],
    'when it is accepted, and closed': [upper, '---^-a--|', '---^-A--(|!)'],
    'bytes and FIN together': [upper, '--(ab|)', "--('PINGPONG'|)"],
    'a delayed answer': [slow, '--a---b--------|', '--------A---B--|'],
    'a server that ends first': [() => of('PING'), '-----|', '(A|)-'],
    'a server that ends first, and a client that does not answer': [() => of('PING'), '--------', '(A|)'],
    'a client that resets': [upper, '--a--#', '--A--!'],
    'a client that closes': [upper, '--a--!', '--A--!'],
    'a server that resets': [rude, '--a----', '--#'],
    'a server that is half-open': [late, '--(a|)', '-------(A|!)', { halfOpen: true }],
    'a server that writes after the end of its input': [late, '--a-|', '---------(A|!)'],
    'a client that stops reading': [atOnce, '[-----]-----------|', '------x-----------|'],
    'a client that stops reading, and reads the rest': [
      atOnce,
      '--[--a-----]--------|',
      'x----------x--------|',
    ],
    'a server that closes, and a client that writes on': [destroying, '-----b---', '--|--#'],
    'a server that ends, and a client that resets later': [() => of('PING'), '------#', '(A|)--!'],
    'a server that closes with input unread': [unreading, '--a-----', '-----#'],
    'a server that resets a client that does not read': [resetting, '[----]---', '-----(A#)'],
    'a client that closes with output unread': [() => of(BIG), '[--!---', '---!'],
    'a client that resets with output unread': [() => of(BIG), '[--#---', '---!'],
    'a client that resets after its FIN': [(data$) => merge(NEVER, data$), '--a|-#', '--a'],
    'a client that is gone at once': [() => NEVER, '(^#)', '---'],
    'a client that does not look, and is reset': [resetting6, '[--------]--', '---------#'],
    'a client that does not look, and hears of the reset as it writes': [
      resetting6,
      '[--------a--]',
      '---------#',
    ],
    'a client that reads FIN before the reset behind it': [
      destroying6,
      '[--a 40ms b--]--',
      '-- 43ms --(A|#)',
    ],
    'a client that is gone when the answer comes': [slowly, '--a---(b!)-----', '-- 30ms !'],
    'a client that does not read the end until later': [() => of('PING'), '[----]--', '-----(A|)'],
  };

  for (const [what, [protocol, client, server, listen = {}]] of Object.entries(cases)) {
    it(`is played in both: ${what}`, () =>
      twin(protocol, { client, server }, values, { poller, listen, title: what, tolerance: PATIENCE }));
  }

  /** A named exception of `net`: it notices a reset at its next read or write. */
  it('knows whether a reset is noticed without reading', async () => {
    const deaf: Protocol = () => NEVER;
    const run = (): Promise<void> =>
      twin(deaf, { client: '--#--', server: '--!' }, VALUES, { poller, tolerance: 100 });
    if (poller !== 'net') return run();
    expect((await failureOf(run)).message).to.include(
      'net differs from the diagram, and the simulated poller does not: ' +
        'at 2 ms the server should have closed the connection, but it did not',
    );
  });

  it('takes times as they are with a scale of 1', () =>
    twin((data$) => data$.pipe(delay(40)), { client: '--a 80ms |', server: '-- 40ms a 39ms - |' }, VALUES, {
      poller,
      scale: 1,
    }));

  /** What differs between the worlds: the poller is the only thing that tells a protocol. */
  const differs =
    (inSimulation: string, elsewhere: string): TwinProtocol =>
    (data$, _connection, ms) =>
      data$.pipe(mergeMap(() => of(ms(1) === 1 ? inSimulation : elsewhere)));

  it('says that the real world differs', async () => {
    const lanes = { client: '--a--', server: '--A--' };
    const error = await failureOf(() =>
      twin(differs('PING', 'PONG'), lanes, VALUES, { poller, title: 'planted' }),
    );
    expect(error).to.be.instanceOf(ExpectationError);
    expect(error.message).to.include(
      `planted: ${poller} differs from the diagram, and the simulated poller does not: ` +
        'at 2 ms the server should have sent "PING", but it sent "PONG"',
    );
    expect(error.message).to.match(/frames {2}client receives "PONG"/);
  });

  it('says that the simulated world differs', async () => {
    const error = await failureOf(() =>
      twin(differs('PONG', 'PING'), { client: '--a--', server: '--A--' }, VALUES, { poller }),
    );
    expect(error.message).to.include(
      `the simulated poller differs from the diagram, and ${poller} does not: at 2 ms the server should`,
    );
  });

  it('says that both do, and of each how', async () => {
    const error = await failureOf(() => twin(echo, { client: '--a--', server: '--A--' }, VALUES, { poller }));
    expect(error.message).to.include('both worlds differ from the diagram');
    expect(error.message).to.include('simulated: at 2 ms').and.to.include(`${poller}: at 2 ms`);
  });

  it('finds what is too early, too late, too much and missing in the real world', async () => {
    const wait =
      (real: number): TwinProtocol =>
      (data$, _connection, ms) =>
        data$.pipe(delay(ms(1) === 1 ? 10 : real));
    const lanes = { client: '--a', server: '------------a' };
    const early = await failureOf(() => twin(wait(0), lanes, VALUES, { poller }));
    expect(early.message).to.match(
      /differs .*: at \d+ ms the server should have done nothing, but it sent "ping"/,
    );
    expect(early.message).to.include('times of RxJS');
    const late = await failureOf(() => twin(wait(300), lanes, VALUES, { poller, tolerance: 50 }));
    expect(late.message).to.include('at 12 ms the server should have sent "ping", but');
    const ended = await failureOf(() =>
      twin(
        (data$, _connection, ms) => (ms(1) === 1 ? merge(data$, NEVER) : data$),
        { client: '--a--|', server: '--a---' },
        VALUES,
        { poller },
      ),
    );
    expect(ended.message).to.include('should have done nothing, but it ended its output (FIN)');
    const missing = await failureOf(() =>
      twin(
        (data$, _connection, ms) => (ms(1) === 1 ? data$ : merge(data$, NEVER)),
        { client: '--a--|', server: '--a--|' },
        VALUES,
        { poller, tolerance: 50 },
      ),
    );
    expect(missing.message).to.include(
      'at 5 ms the server should have ended its output (FIN), but it did not',
    );
  });

  it('tells what a protocol throws', async () => {
    const broken: TwinProtocol = (data$, _connection, ms) =>
      data$.pipe(
        map((data) => {
          if (ms(1) === 1) return data;
          throw new Error('on purpose');
        }),
      );
    const error = await failureOf(() => twin(broken, { client: '--a', server: '--a' }, VALUES, { poller }));
    expect(error.message).to.include(`${poller} differs`).and.to.include('on purpose');
  });

  it('leaves no handle open', async () => {
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((name) => /^(TCP|Pipe)/.test(name)).length;
    const before = sockets();
    await twin(echo, { client: '--a', server: '--a' }, VALUES, { poller });
    await failureOf(() => twin(echo, { client: '--a', server: '--b' }, VALUES, { poller, tolerance: 10 }));
    expect(sockets()).to.be.at.most(before);
  });
});

describe('a diagram in two worlds', () => {
  it('refuses what cannot be played', async () => {
    const lanes = { client: '--a', server: '--a' };
    for (const [run, message] of [
      [() => twin({ start: () => {} } as never, lanes), 'needs a protocol'],
      [() => twin(echo, { client: '--(a', server: '' }), 'client lane'],
      [() => twin(echo, undefined as never), 'client is undefined'],
      [() => twin(echo, lanes, {}, { scale: 0 }), 'scale must be'],
      [() => twin(echo, lanes, {}, { tolerance: -1 }), 'tolerance must be'],
      [() => twin(echo, lanes, {}, { poller: 'poll' as never }), 'unknown poller'],
    ] as [() => Promise<void>, string][]) {
      const error = await failureOf(run);
      expect(error, message).to.be.instanceOf(TypeError);
      expect(error.message).to.include(message);
    }
  });
});
