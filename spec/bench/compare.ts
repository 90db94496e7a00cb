// What became slower since an earlier run, beyond the noise.
//
// Two runs are two times and perhaps two machines, so rates and seconds of them are never compared: compared are ratios
// to a rival that was measured in the same rounds, the floor where it has a figure, else node-net.

import type { Results, RivalRecord, ScenarioRecord } from './results.js';
import { BASELINE, FLOOR } from './rivals.js';
import { estimate, type Estimate, ratios } from './statistics.js';

/** Smaller changes are none: two builds of the same source differ as much by where the linker has put things. */
const SMALLEST = 0.03;

export type Change = 'slower' | 'faster' | 'same' | 'not resolved';

export interface Compared {
  readonly scenario: string;
  readonly rival: string;
  readonly measure: string;
  readonly against: string;
  readonly before: Estimate | undefined;
  readonly now: Estimate | undefined;
  readonly change: Change;
}

/** Every figure of evio that both runs have compared with the same rival. */
export function compare(before: Results, now: Results): Compared[] {
  return now.scenarios.flatMap((scenario) => {
    const old = before.scenarios.find(({ name }) => name === scenario.name);
    return old === undefined ? [] : compareScenario(old, scenario);
  });
}

function compareScenario(before: ScenarioRecord, now: ScenarioRecord): Compared[] {
  const own = now.rivals.filter((rival) => rival.own && find(before, rival.name) !== undefined);
  return own.flatMap(({ name: rival }) =>
    now.measures.flatMap(({ key, title, more, compared }) => {
      if (!compared) return [];
      const against = [FLOOR, BASELINE].find((other) =>
        [before, now].every((run) => ratiosOf(run, rival, other, key).length > 0),
      );
      if (against === undefined) return [];
      const [old, recent] = [before, now].map((run) => estimate(ratiosOf(run, rival, against, key)));
      const change = judgeChange(old, recent, more);
      return [{ scenario: now.name, rival, measure: title, against, before: old, now: recent, change }];
    }),
  );
}

/** Resolved is a change when the two 95 % intervals have nothing in common. */
export function judgeChange(before: Estimate | undefined, now: Estimate | undefined, more: boolean): Change {
  if (before === undefined || now === undefined) return 'not resolved';
  const apart = now.low > before.high || now.high < before.low;
  if (!apart || Math.abs(Math.log(now.median / before.median)) < Math.log(1 + SMALLEST)) return 'same';
  return now.median > before.median === more ? 'faster' : 'slower';
}

function ratiosOf(scenario: ScenarioRecord, rival: string, other: string, key: string): number[] {
  const values = (record: RivalRecord | undefined): (number | undefined)[] =>
    record?.rounds.map((round) => round[key]) ?? [];
  return ratios(values(find(scenario, rival)), values(find(scenario, other)));
}

function find({ rivals }: ScenarioRecord, name: string): RivalRecord | undefined {
  return rivals.find((rival) => rival.name === name);
}
