// All scenarios, and the choice among them.
//
// A new one is an entry in one of the files of scenarios/. A new kind of load is a function in a file of loads, or a
// command of load-generator.cc.

import { find } from './programs.js';
import type { Scenario } from './scenario.js';
import { connections } from './scenarios/connections.js';
import { echoes } from './scenarios/echo.js';
import { growths } from './scenarios/growth.js';
import { resps } from './scenarios/resp.js';
import { streams } from './scenarios/streams.js';

export const scenarios: readonly Scenario[] = [...echoes, ...streams, ...resps, ...connections, ...growths];

/** The scenarios with one of these names, or with one as the beginning of theirs. Throws when a name fits none. */
export function choose(names: readonly string[]): Scenario[] {
  const fits = (scenario: Scenario, name: string): boolean =>
    scenario.name === name || scenario.name.startsWith(`${name}-`);
  for (const name of names) {
    if (!scenarios.some((scenario) => fits(scenario, name))) {
      throw new Error(`no scenario '${name}': ${scenarios.map((scenario) => scenario.name).join(', ')}`);
    }
  }
  return scenarios.filter((scenario) => names.length === 0 || names.some((name) => fits(scenario, name)));
}

/** Why a scenario cannot run here. */
export function obstacle({ needs }: Scenario): string | undefined {
  return needs !== undefined && find(needs) === undefined ? `${needs} is not installed` : undefined;
}
