// The test kit under other test runners, as a user has it: a project of its own that has installed this package. Each has one
// diagram that is right and one that is wrong, whose failure must be readable; a runner that counts assertions counts ours.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { expect } from 'chai';

import { install, root } from '../elsewhere/packages.js';

interface Runner {
  /** Fetched from npm when it is needed; absent for what is here anyhow. */
  readonly spec?: string;
  /** What Node runs, in the project. */
  readonly args: (modules: string) => readonly string[];
  /** How its report says that the right diagram passed, and the others did not. */
  readonly counts: RegExp;
  /** How it says that nothing was asserted; absent where it does not count. */
  readonly uncounted?: RegExp;
}

const here = path.join(root, 'node_modules');

const RUNNERS: Readonly<Record<string, Runner>> = {
  'node-test': {
    args: () => ['--test-reporter=spec', '--test', 'node-test.test.mjs'],
    counts: /✔ a diagram that is right[^]*pass 1\n[^]*fail 1\n/,
  },
  mocha: {
    args: () => [path.join(here, 'mocha/bin/mocha.js'), '--no-config', 'mocha.test.mjs'],
    counts: /✔ a diagram that is right[^]*1 passing[^]*1 failing/,
  },
  vitest: {
    spec: 'vitest@4',
    args: (modules) => [path.join(modules, 'vitest/vitest.mjs'), 'run', '--root=.', 'vitest.test.mjs'],
    counts: /2 failed \| 1 passed \(3\)/,
    uncounted: /expected any number of assertion, but got none/,
  },
  jest: {
    spec: 'jest@30',
    args: (modules) => [
      '--experimental-vm-modules',
      path.join(modules, 'jest/bin/jest.js'),
      '--rootDir=.',
      '--config={"testMatch":["**/jest.test.mjs"],"transform":{}}',
    ],
    counts: /2 failed, 1 passed, 3 total/,
    uncounted: /at least one assertion to be called but received none/,
  },
};

/** Where the runner has been installed, or is here anyhow. */
function modulesOf(name: string, spec: string | undefined): string {
  if (spec === undefined) return here;
  const [place = ''] = install(new Map([[name, spec]]));
  return path.dirname(place);
}

/** A project with this package, and what it needs, in its node_modules. */
function project(name: string, modules: string): string {
  const folder = path.join(root, '.nodes', 'runners', name);
  const dependencies = path.join(folder, 'node_modules');
  // First by themselves: where a link looks like the folder it points to (wine), removing all would remove that, this project.
  for (const link of ['evio', 'rxjs', 'chai', name]) rmSync(path.join(dependencies, link), { force: true });
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dependencies, { recursive: true });
  for (const file of [`${name}.test.mjs`, 'upper.mjs']) {
    cpSync(path.join(root, 'spec/testing/runners', file), path.join(folder, file));
  }
  for (const [dependency, target] of [
    ['evio', root],
    ['rxjs', path.join(here, 'rxjs')],
    ['chai', path.join(here, 'chai')],
    [name, path.join(modules, name)],
  ] as const) {
    if (existsSync(target)) symlinkSync(target, path.join(dependencies, dependency), 'junction');
  }
  return folder;
}

describe('the test kit runs under', () => {
  for (const [name, { spec, args, counts, uncounted }] of Object.entries(RUNNERS)) {
    it(name, function () {
      this.timeout(180_000);
      let modules = '';
      try {
        modules = modulesOf(name, spec);
      } catch (error) {
        if (process.env['EVIO_CI'] !== undefined) throw error;
        this.skip(); // it cannot be fetched here
      }
      const { stdout, stderr, status } = spawnSync(process.execPath, args(modules), {
        cwd: project(name, modules),
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', NODE_OPTIONS: '' },
        timeout: 150_000,
      });
      const report = `${stdout}${stderr}`;
      expect(status, report).to.be.greaterThan(0);
      expect(report).to.include('at 2 ms the server should have sent "ping", but it sent "PING"');
      expect(report).to.include('client    --a--|').and.to.include('actual    --A--|');
      expect(report).to.match(counts);
      if (uncounted !== undefined) expect(report).to.match(uncounted);
    });
  }
});
