// The table of the conformance suite: every property, over every poller of this machine.

import { pollers } from '../support/pollers.js';
import type { Harness, HarnessName } from './harness.js';
import { Loopback } from './loopback.js';
import { Simulation } from './simulation.js';

/** EVIO_SPEC_POLLERS may name `simulated` among others, or alone. */
const everywhere: readonly HarnessName[] =
  process.env['EVIO_SPEC_POLLERS'] === undefined ? [...pollers, 'simulated'] : pollers;

/** Describes a property for each poller; `only` names those that can have it, with the reason beside it. */
export function conformance(
  title: string,
  suite: (harness: Harness) => void,
  only: readonly HarnessName[] = everywhere,
): void {
  for (const poller of everywhere) {
    if (!only.includes(poller)) continue;
    describe(`${title} (${poller})`, () => {
      const harness: Harness = poller === 'simulated' ? new Simulation() : new Loopback(poller);
      afterEach(() => harness.close());
      suite(harness);
    });
  }
}
