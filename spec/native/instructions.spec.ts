// What the native half costs, in instructions counted by callgrind: the same in every run, where seconds are not.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

import { expect } from 'chai';

import { BUILD_TIME, build, folder, root, run, works } from './building.js';

/** Instructions an operation, as of the last time that somebody has looked; see spec/native/costs.cc for the scenarios. */
const COSTS = JSON.parse(readFileSync(path.join(folder, 'instructions.json'), 'utf8')) as Readonly<
  Record<string, number>
>;
/** One compiler's code differs by that much from another's. */
const TOLERANCE = 0.1;
const RUN_TIME = 60_000; // ms

const program = path.join(root, 'build', 'native-costs', 'native_costs');
const HEADER = '#include <valgrind/callgrind.h>\n';

function missingTools(): string[] {
  const found: Readonly<Record<string, boolean>> = {
    cmake: works('cmake', ['--version']),
    'doctest-dev': works(
      process.env['CXX'] ?? 'c++',
      ['-E', '-x', 'c++', '-'],
      '#include <doctest/doctest.h>\n',
    ),
    valgrind:
      works('valgrind', ['--version']) &&
      works(process.env['CXX'] ?? 'c++', ['-E', '-x', 'c++', '-'], HEADER),
  };
  return Object.keys(found).filter((tool) => found[tool] === false);
}

/** Instructions an operation. */
async function count(scenario: string, into: string): Promise<number> {
  const profile = path.join(into, scenario);
  const callgrind = ['--tool=callgrind', '--collect-atstart=no', `--callgrind-out-file=${profile}`];
  const { code, output } = await run('valgrind', [...callgrind, program, scenario], RUN_TIME);
  expect(code, output).to.equal(0);
  const operations = Number(/^\d+$/m.exec(output)?.[0]);
  const instructions = Number(/^totals: (\d+)$/m.exec(readFileSync(profile, 'utf8'))?.[1]);
  expect(operations).to.be.above(0);
  return instructions / operations;
}

if (process.platform === 'linux' && process.arch === 'x64') {
  describe('the cost of the native half (with cmake, doctest-dev and valgrind)', () => {
    let into = '';

    before(async function () {
      this.timeout(2 * BUILD_TIME);
      const missing = missingTools();
      if (missing.length > 0 && process.env['EVIO_CI'] === undefined) this.skip();
      expect(missing, 'not installed').to.deep.equal([]);
      const options = ['-DCMAKE_BUILD_TYPE=Release', '-DEVIO_SANITIZE=', '-DEVIO_KQUEUE_SHIM=OFF'];
      const built = await build(path.dirname(program), options, path.basename(program));
      expect(built.code, built.output).to.equal(0);
      into = mkdtempSync(path.join(tmpdir(), 'evio-costs-'));
    });

    after(() => {
      if (into !== '') rmSync(into, { recursive: true });
    });

    for (const [scenario, known] of Object.entries(COSTS)) {
      it(`is ${known} instructions for ${scenario}, give or take ${TOLERANCE * 100} %`, async function () {
        this.timeout(RUN_TIME);
        this.slow(RUN_TIME / 4);
        const counted = await count(scenario, into);
        // Cheaper is good news that belongs into instructions.json, so that it is not lost again.
        expect(counted, 'instructions an operation').to.be.closeTo(known, known * TOLERANCE);
      });
    }
  });
}
