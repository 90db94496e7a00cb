// A reporter of mocha for suites that run many times over: a line per folder of specs, then only what failed or did not
// run, and the count as the very last line.

import { writeSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Mocha from 'mocha';

import { reasonOf } from './exceptions.js';

const SPECS = fileURLToPath(new URL('../', import.meta.url));
const PATIENCE = 20_000; // ms between the last spec and the end of the process

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

type Result = keyof Count;

export default class GroupReporter extends Mocha.reporters.Base {
  readonly #total: Count = { passed: 0, failed: 0, skipped: 0 };
  readonly #skipped = new Map<string, string[]>();
  #group = '';
  #count: Count = { passed: 0, failed: 0, skipped: 0 };
  #since = performance.now();

  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const { constants } = Mocha.Runner;
    runner.on(constants.EVENT_TEST_PASS, (test) => this.#add('passed', test));
    runner.on(constants.EVENT_TEST_FAIL, (test: Mocha.Runnable) => this.#add('failed', test));
    runner.on(constants.EVENT_TEST_PENDING, (test) => this.#skip(test));
    runner.once(constants.EVENT_RUN_END, () => this.#end());
    process.once('exit', () => {
      const { passed, failed, skipped } = this.#total;
      writeSync(1, `${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    });
  }

  #add(result: Result, { file, parent }: Mocha.Runnable): void {
    const group = groupOf(file ?? parent?.file);
    if (group !== this.#group) {
      this.#closeGroup();
      this.#group = group;
    }
    this.#count[result]++;
    this.#total[result]++;
  }

  #closeGroup(): void {
    const { passed, failed, skipped } = this.#count;
    const seconds = ((performance.now() - this.#since) / 1000).toFixed(1);
    if (this.#group !== '') {
      const counts = `${column(passed)} passed, ${column(failed)} failed, ${column(skipped)} skipped`;
      console.log(`  ${this.#group.padEnd(24)} ${counts}  ${seconds.padStart(6)} s`);
    }
    this.#count = { passed: 0, failed: 0, skipped: 0 };
    this.#since = performance.now();
  }

  #skip(test: Mocha.Test): void {
    this.#add('skipped', test);
    const reason = reasonOf(test) ?? 'they skipped themselves';
    this.#skipped.set(reason, [...(this.#skipped.get(reason) ?? []), test.fullTitle()]);
  }

  #end(): void {
    this.#closeGroup();
    for (const [reason, titles] of this.#skipped) {
      console.log(`\n  skipped: ${reason}`);
      for (const title of titles) console.log(`    - ${title}`);
    }
    if (this.failures.length > 0) Mocha.reporters.Base.list(this.failures);
    // The timer itself keeps nothing alive: it only fires when a spec left something open.
    setTimeout(() => {
      const open = process.getActiveResourcesInfo().join(', ');
      console.error(`The specs are done, but the process does not end. Still open: ${open}`);
      process.exit(1);
    }, PATIENCE).unref();
  }
}

/** The folder of a spec, or its own name where it lies in none. */
function groupOf(file: string | undefined): string {
  if (file === undefined) return 'hooks';
  const place = path.relative(SPECS, file).replaceAll(path.sep, '/');
  const folder = path.posix.dirname(place);
  return folder === '.' ? path.posix.basename(place, '.spec.js') : folder;
}

const column = (count: number): string => String(count).padStart(4);
