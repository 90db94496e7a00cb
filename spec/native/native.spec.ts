// The native half without Node: the C++ tests of this folder, for each backend, under sanitizers.

import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { expect } from 'chai';

import { BUILD_TIME, build, folder, root, run, works } from './building.js';
import type { Finished } from './building.js';

const RUN_TIME = 60_000;

const BACKENDS =
  process.platform === 'linux'
    ? [
        { backend: 'epoll', shim: 'OFF' },
        { backend: 'kqueue', shim: 'ON' },
      ]
    : [{ backend: 'kqueue', shim: 'OFF' }];
const SANITIZERS = ['address,undefined', 'thread'];
const REPORT = /\b(Address|Leak|Thread|UndefinedBehavior)Sanitizer\b|\bruntime error:/;

/** What is not installed of what these specs need. */
function missingTools(): string[] {
  const missing = works('cmake', ['--version']) ? [] : ['cmake'];
  const preprocess = ['-E', '-x', 'c++', '-'];
  const compiler = process.env['CXX'] ?? 'c++';
  return works(compiler, preprocess, '#include <doctest/doctest.h>\n')
    ? missing
    : [...missing, 'doctest-dev'];
}

/** How many test cases the sources declare, and how many of them a machine may leave out. */
function declared(): { cases: number; optional: number } {
  const text = readdirSync(folder)
    .filter((name) => name.endsWith('_test.cc'))
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .join('\n');
  const optional = text.match(/\bdoctest::skip\(/g)?.length ?? 0;
  return { cases: text.match(/^TEST_CASE\(/gm)?.length ?? 0, optional };
}

async function runTests(program: string): Promise<Finished> {
  const finished = await run(program, [], RUN_TIME);
  // The thread sanitizer of older compilers does not know where newer kernels put things.
  if (!finished.output.includes('unexpected memory mapping')) return finished;
  return run('setarch', ['-R', program], RUN_TIME);
}

for (const { backend, shim } of process.platform === 'win32' ? [] : BACKENDS) {
  for (const sanitizer of SANITIZERS) {
    describe(`native tests over ${backend} under ${sanitizer} (with cmake and doctest-dev)`, () => {
      const into = path.join(root, 'build', 'native-tests', `${backend}-${sanitizer.replace(',', '-')}`);

      before(async function () {
        this.timeout(3 * BUILD_TIME);
        const missing = missingTools();
        if (missing.length > 0 && process.env['EVIO_CI'] === undefined) this.skip();
        expect(missing, 'not installed').to.deep.equal([]);
        const built = await build(into, [`-DEVIO_SANITIZE=${sanitizer}`, `-DEVIO_KQUEUE_SHIM=${shim}`]);
        expect(built.code, built.output).to.equal(0);
      });

      it('all pass, and there is nothing to report', async function () {
        this.timeout(2 * RUN_TIME);
        this.slow(RUN_TIME / 4);
        const { code, output } = await runTests(path.join(into, 'native_tests'));
        expect(code, output).to.equal(0);
        expect(REPORT.test(output), output).to.equal(false);
        const passed = Number(/test cases: +\d+ \| +(\d+) passed/.exec(output)?.[1]);
        const { cases, optional } = declared();
        expect(cases).to.be.above(optional);
        expect(passed, output).to.be.at.least(cases - optional);
        if (this.test !== undefined) this.test.title += ` (${passed} of ${cases} test cases)`;
      });
    });
  }
}
