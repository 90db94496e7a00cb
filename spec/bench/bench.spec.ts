// That the harness does not fool us: it finds wrong replies, and says what it is told in one line.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { find } from './programs.js';
import { estimate, FEWEST_FOR_INTERVAL, medianSlope, ratios, spread } from './statistics.js';

const bench = fileURLToPath(new URL('./bench.js', import.meta.url));

describe('bench', () => {
  let json = '';
  before(() => (json = path.join(mkdtempSync(path.join(tmpdir(), 'evio-bench-')), 'results.json')));
  after(() => rmSync(path.dirname(json), { recursive: true }));

  const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [bench, '--json', json, ...args], { encoding: 'utf8' });

  it('lists its scenarios and rivals', () => {
    const { status, stdout } = run('--list');
    expect(status).to.equal(0);
    expect(stdout)
      .to.match(/^ {2}echo-50x64 .*\n/m)
      .and.match(/^ {2}node-net .*\n/m);
  });

  for (const [args, problem] of [
    [['--frobnicate'], 'frobnicate'],
    [['--rounds', '0'], '--rounds is a number'],
    [['--scenario', 'ecko'], "no scenario 'ecko': echo-50x64, "],
    [['--rival', 'node-nut'], "no rival 'node-nut': evio-streams, "],
    [['--rival', 'mine=./server'], '{port}'],
  ] as const) {
    it(`refuses ${args.join(' ')} in one line`, () => {
      const { status, stderr } = run(...args);
      expect(status).to.equal(1);
      expect(stderr)
        .to.contain(problem)
        .and.match(/^bench: .*\n$/);
    });
  }

  it('measures an echo and writes every round', function () {
    if (!canMeasure()) this.skip();
    this.timeout(60_000);
    const { status, stdout } = run(
      '--quick',
      '--scenario',
      'echo-1x64',
      '--rival',
      'node-net',
      '--rounds',
      '2',
    );
    expect(status).to.equal(0);
    expect(stdout).to.match(/^node-net .* 1\.00 /m);
    const [scenario] = JSON.parse(readFileSync(json, 'utf8')).scenarios;
    expect(scenario.rivals[0].rounds).to.have.length(2);
    expect(scenario.rivals[0].rounds[1]).to.include.keys('cpu', 'rate', 'p50', 'p99', 'rss');
  });

  it('does not take a wrong reply', function () {
    if (!canMeasure()) this.skip();
    this.timeout(60_000);
    const server = path.join(path.dirname(json), 'wrong.mjs');
    writeFileSync(
      server,
      `import net from 'node:net';
       const twist = (data) => (data[data.length - 1]++, data);
       net.createServer((socket) => socket.on('data', (data) => socket.write(twist(data))))
         .listen(process.argv[2], '127.0.0.1');`,
    );
    const rival = `wrong=${process.execPath} ${server} {port}`;
    const { status, stdout } = run('--quick', '--scenario', 'echo-1x64', '--rival', rival);
    expect(status).to.equal(1);
    expect(stdout).to.contain('FAILED wrong: a wrong reply: ');
  });
});

describe('statistics of rounds', () => {
  it('take the middle one', () => {
    expect(spread([3, 1, 2])).to.deep.equal({ median: 2, min: 1, max: 3 });
    expect(spread([4, 1, 2, 3])?.median).to.equal(2.5);
    expect(spread([])).to.equal(undefined);
  });

  it('enclose the median at the exact binomial ranks', () => {
    const ramp = (count: number): number[] => Array.from({ length: count }, (_, i) => count - i);
    expect(estimate(ramp(15))).to.deep.equal({ median: 8, low: 4, high: 12 });
    expect(estimate(ramp(21))).to.deep.equal({ median: 11, low: 6, high: 16 });
    expect(estimate(ramp(FEWEST_FOR_INTERVAL))).to.deep.equal({ median: 3.5, low: 1, high: 6 });
    expect(estimate(ramp(FEWEST_FOR_INTERVAL - 1))).to.equal(undefined);
    expect(estimate([])).to.equal(undefined);
  });

  it('enclose it as often as they say, of a skewed distribution', () => {
    let state = 1;
    const random = (): number => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff;
    const trials = 2000;
    let enclosed = 0;
    for (let i = 0; i < trials; i++) {
      const sure = estimate(Array.from({ length: 15 }, () => -Math.log(random())));
      if (sure !== undefined && sure.low <= Math.LN2 && Math.LN2 <= sure.high) enclosed++;
    }
    expect(enclosed / trials).to.be.within(0.95, 0.98); // exactly 0.965
  });

  it('find growth behind values that jump', () => {
    expect(medianSlope([0, 8, 0, 8, 8, 0])).to.equal(0);
    expect(medianSlope([0, 9, 2, 3, 12, 5])).to.equal(1);
  });

  it('compare each round with the same round of the baseline', () => {
    expect(ratios([2, 9, undefined, 8], [1, 3, 5, undefined])).to.deep.equal([2, 3]);
  });
});

function canMeasure(): boolean {
  return process.platform === 'linux' && ['c++', 'g++', 'clang++'].some((name) => find(name) !== undefined);
}
