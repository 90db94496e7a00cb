// The native half without Node: the C++ tests of this folder, for each backend, under sanitizers.

import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

const root = fileURLToPath(new URL('../../../', import.meta.url)); // this file runs from .out/spec/native
const folder = path.join(root, 'spec', 'native');

const BUILD_TIME = 600_000; // ms, of one variant from nothing on a busy machine
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

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

function run(command: string, args: readonly string[], timeout: number): Promise<Finished> {
  const options = {
    timeout,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 26,
    // The program's own defaults count, not those of whoever runs the specs.
    env: { ...process.env, ASAN_OPTIONS: '', LSAN_OPTIONS: '', TSAN_OPTIONS: '', UBSAN_OPTIONS: '' },
  } as const;
  return new Promise((resolve) => {
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const why =
        error === null ? '' : `\n${error.message.split('\n')[0]} (${child.signalCode ?? 'no signal'})`;
      resolve({ code: child.exitCode, output: `${stdout}${stderr}${why}` });
    });
  });
}

/** What is not installed of what these specs need. */
function missingTools(): string[] {
  const works = (command: string, args: readonly string[], input = ''): boolean =>
    spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0;
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

async function build(into: string, options: readonly string[]): Promise<Finished> {
  const configure = (): Promise<Finished> => run('cmake', ['-S', folder, '-B', into, ...options], BUILD_TIME);
  let configured = await configure();
  if (configured.code !== 0) {
    rmSync(into, { recursive: true, force: true }); // a cache of another folder or of tools that are gone
    configured = await configure();
  }
  if (configured.code !== 0) return configured;
  return run('cmake', ['--build', into, '--parallel', String(availableParallelism())], BUILD_TIME);
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
