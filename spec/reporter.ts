// The `spec` reporter of mocha, with the count as the very last line and an end for a process that does not end.

import { writeSync } from 'node:fs';
import Mocha from 'mocha';

const PATIENCE = 10_000; // ms between the last spec and the end of the process

export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      // The timer itself keeps nothing alive: it only fires when a spec left something open.
      setTimeout(() => {
        const open = process.getActiveResourcesInfo().join(', ');
        console.error(`The specs are done, but the process does not end. Still open: ${open}`);
        process.exit(1);
      }, PATIENCE).unref();
    });
    process.once('exit', () => {
      const { passes, failures, pending } = this.stats;
      writeSync(1, `${passes} passed, ${failures} failed, ${pending} skipped\n`);
    });
  }
}
