// Random programs over connections, while system calls go wrong at random: see world.ts for what must hold. Each poller has a
// process of its own, since an addon is chosen once.

import { existsSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { FAULTY_ADDONS } from '../support/native-addons.js';
import { overPollers } from '../support/pollers.js';
import { Running } from '../support/processes.js';

const FUZZ = fileURLToPath(new URL('fuzz.js', import.meta.url));
const LONGEST = 150_000; // ms, for a hang: it takes a tenth of that

/** A process that has found nothing; what it has found is the failure. */
async function findsNothing(...args: readonly string[]): Promise<void> {
  const running = new Running(process.execPath, ['--enable-source-maps', FUZZ, ...args]);
  const timer = setTimeout(() => running.child.kill('SIGKILL'), LONGEST);
  const { code, stdout, stderr } = await running.ended;
  clearTimeout(timer);
  expect(code, `${stdout}${stderr}`).to.equal(0);
}

describe('programs of random steps', function () {
  this.timeout(LONGEST + 5000);

  for (const [poller, runs] of [
    ['epoll', 600],
    ['kqueue', 400],
  ] as const) {
    it(`lose, double and reorder nothing and leave nothing behind, over faulty system calls (${poller}, with cmake)`, async function () {
      if (!existsSync(FAULTY_ADDONS[poller])) {
        // cmake builds it.
        expect(process.env['EVIO_CI'], `${FAULTY_ADDONS[poller]} is not there`).to.equal(undefined);
        this.skip();
      }
      await findsNothing('--poller', poller, '--runs', String(runs));
    });
  }

  overPollers('over system calls that do as they should', (poller) => {
    it('lose, double and reorder nothing and leave nothing behind', async () => {
      await findsNothing('--poller', poller, '--without-faults', '--runs', '200');
    });
  });
});
