// That servers which are measured side by side take turns, and that the slices of a window make up a whole.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { compileObstacle } from './compiled.js';
import { LoadGenerator, type Stretch } from './load-generator.js';
import type { Seen } from './measurement.js';
import { FLOOR, rivals } from './rivals.js';
import { ServerProcess } from './server-process.js';
import { sliced } from './slices.js';
import { Turns } from './turns.js';

const HELD = 500; // ms

describe('bench: turns', () => {
  it('are taken by one at a time, in the order of asking, and given up in between', async () => {
    const turns = new Turns();
    const log: string[] = [];
    let within = 0;
    const member = async (name: string, steps: number): Promise<void> => {
      for (let step = 1; step <= steps; step++) {
        if (step > 1) await turns.pass();
        within++;
        await sleep(1);
        expect(within--).to.equal(1);
        log.push(`${name}${step}`);
      }
    };
    const steps = { a: 3, b: 1, c: 2 };
    await Promise.all(Object.entries(steps).map(([name, count]) => turns.take(() => member(name, count))));
    expect(log).to.deep.equal(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
  });

  it('go on when the work of one fails', async () => {
    const turns = new Turns();
    const failed = turns.take(() => Promise.reject(new Error('no'))).catch(String);
    const next = turns.take(() => Promise.resolve('next'));
    expect(await Promise.all([failed, next])).to.deep.equal(['Error: no', 'next']);
    expect(await turns.take(() => Promise.resolve('later'))).to.equal('later');
  });
});

describe('bench: slices', function () {
  this.timeout(60_000); // something may have to be compiled
  const floor = rivals.find(({ name }) => name === FLOOR);
  let server: ServerProcess | undefined;
  let generator: LoadGenerator | undefined;
  before(function () {
    if (compileObstacle() !== undefined) this.skip();
  });
  beforeEach(async () => {
    if (floor === undefined) throw new Error('no floor');
    server = await ServerProcess.start(floor, 'echo');
    generator = new LoadGenerator(server.port, 3, { echo: 64 });
    await generator.open();
  });
  afterEach(() => generator?.stop());
  afterEach(() => server?.stop());

  it('make up the window, without what comes before each of them', async () => {
    const seen: (Seen & Stretch)[] = [];
    const effort = { quick: true, warmUp: 0, window: 0.3 };
    const turns = new Turns();
    const whole = await turns.take(() =>
      sliced(server as ServerProcess, effort, turns, async (stretch) => {
        const part = await (generator as LoadGenerator).exchange(stretch);
        seen.push({ ...part, ...stretch, seconds: part.seconds });
        return part;
      }),
    );
    const kept = seen.filter((each) => each.kept);
    expect(seen.map((each) => each.kept)).to.deep.equal([false, true, false, true, false, true]);
    const sum = (key: 'count' | 'seconds' | 'cpu'): number => kept.reduce((all, each) => all + each[key], 0);
    expect(whole.result.count).to.equal(sum('count')).and.greaterThan(0);
    expect(whole.result.seconds).to.equal(sum('seconds')).and.be.within(0.3, 3);
    expect(whole.result.cpu).to.equal(sum('cpu'));
    expect(whole.cpu).to.be.greaterThan(0);
  });

  it('have the latencies of all that was kept, and of nothing else', async () => {
    const load = generator as LoadGenerator;
    const { pid } = server as ServerProcess;
    /** An exchange with a server that stands still for half a second. */
    const held = async (kept: boolean): Promise<Seen> => {
      process.kill(pid, 'SIGSTOP');
      const seen = load.exchange({ seconds: 0, kept });
      await sleep(HELD);
      process.kill(pid, 'SIGCONT');
      return seen;
    };
    const first = await load.exchange({ seconds: 0.05, kept: true });
    expect((await held(false)).p50).to.be.greaterThan(HELD * 900);
    const second = await load.exchange({ seconds: 0.05, kept: true });
    expect(second.max).to.be.within(first.max ?? Number.NaN, HELD * 900);
    const third = await held(true);
    expect(third.max).to.be.greaterThan(HELD * 900);
    expect(third.p50).to.be.lessThan(HELD * 900);
  });
});
