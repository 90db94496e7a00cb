// Runs random programs until one contradicts the model, and prints the smallest of its kind that it finds.
//   npm run fuzz -- --runs 100000 [--seed N [--path P]] [--poller epoll|kqueue|net] [--without-faults]

import process from 'node:process';
import { parseArgs } from 'node:util';

import * as fc from 'fast-check';

import { FAULTY_ADDONS } from '../support/native-addons.js';
import type { PollerUnderTest } from '../support/pollers.js';
import { program } from './program.js';
import { run, warmUp } from './world.js';

/** Nothing has moved for that long: it never will. */
const PATIENCE = 5000;
/** The same for the programs that are tried once one has failed, most of which are stuck in the same way. */
const PATIENCE_LATER = 400;
/** How long a smaller program is looked for. */
const SHRINKING = 30_000;
const PROGRESS = 5000;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    path: { type: 'string' },
    poller: { type: 'string', default: 'epoll' },
    'without-faults': { type: 'boolean', default: false },
  },
});
const poller = values.poller as PollerUnderTest;
const faultyAddon = poller === 'net' || values['without-faults'] ? undefined : FAULTY_ADDONS[poller];
const faulty = faultyAddon !== undefined;
if (faultyAddon !== undefined) process.env['EVIO_NATIVE'] = faultyAddon;

// A write after the end may be part of a program.
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (!warning.message.includes('write after end')) console.error(warning);
});

let done = 0;
let failedAt: number | undefined;
const began = performance.now();
const seconds = (): string => ((performance.now() - began) / 1000).toFixed(1);
const progress = setInterval(() => {
  const what =
    failedAt === undefined ? 'runs' : 'programs, one of which has failed; looking for a smaller one';
  console.log(`${seconds()} s: ${done} ${what}`);
}, PROGRESS);

const patience = (): number => (failedAt === undefined ? PATIENCE : PATIENCE_LATER);

const property = fc.asyncProperty(program, async (program) => {
  if (failedAt !== undefined && performance.now() - failedAt > SHRINKING) return;
  try {
    await run(program, { poller, faulty, patience });
  } catch (error) {
    failedAt ??= performance.now();
    throw error;
  } finally {
    done += 1;
  }
});

const parameters: fc.Parameters<[unknown]> = { numRuns: Number(values.runs), includeErrorInReport: true };
if (values.seed !== undefined) parameters.seed = Number(values.seed);
if (values.path !== undefined) parameters.path = values.path;

try {
  await warmUp({ poller, faulty, patience });
  await fc.assert(property, parameters as Parameters<typeof fc.assert>[1]);
  console.log(
    `${done} programs in ${seconds()} s over ${poller}${faulty ? ' with faults' : ''}: as the model says.`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
clearInterval(progress);
