// The table of the conformance suite: every property, over every poller of this machine.

import { pollers } from '../support/pollers.js';
import type { PollerUnderTest } from '../support/pollers.js';
import type { Harness } from './harness.js';
import { Loopback } from './loopback.js';

/** Describes a property for each poller; `only` names those that can have it, with the reason beside it. */
export function conformance(
  title: string,
  suite: (harness: Harness) => void,
  only: readonly PollerUnderTest[] = pollers,
): void {
  for (const poller of pollers) {
    if (!only.includes(poller)) continue;
    describe(`${title} (${poller})`, () => {
      const harness: Harness = new Loopback(poller);
      afterEach(() => harness.close());
      suite(harness);
    });
  }
}
