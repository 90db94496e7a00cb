// What the project has promised, and whether it holds.

import type { RivalResult, ScenarioResult } from './rounds.js';
import type { Bar } from './scenario.js';
import { estimate, type Estimate, ratios, spread } from './statistics.js';

/** An interval that holds the bound and is wider than this does not tell on which side the truth lies. */
const WIDEST = 1.3; // its upper end over its lower: 15 % to either side

export type Verdict = 'met' | 'missed' | 'not resolved';

export interface Judged {
  readonly bar: Bar;
  readonly more: boolean;
  readonly ratio: number | undefined;
  readonly interval: Estimate | undefined;
  readonly rounds: number;
  readonly verdict: Verdict;
}

/** The bars of a scenario for those that have been measured. */
export function judge({ scenario, results }: ScenarioResult): Judged[] {
  const find = (name: string): RivalResult | undefined => results.find(({ rival }) => rival.name === name);
  return (scenario.bars ?? []).flatMap((bar) => {
    const [own, other] = [find(bar.rival), find(bar.against)];
    if (own === undefined || other === undefined) return [];
    const more = scenario.columns.find(({ key }) => key === bar.measure)?.more === true;
    const values = ratios(valuesOf(own, bar.measure), valuesOf(other, bar.measure));
    const interval = estimate(values);
    const ratio = spread(values)?.median;
    return [
      { bar, more, ratio, interval, rounds: values.length, verdict: verdict(interval, bar.bound, more) },
    ];
  });
}

/** Met if the interval reaches to the good side of the bound, missed if it lies wholly on the bad one. */
export function verdict(interval: Estimate | undefined, bound: number, more = false): Verdict {
  if (interval === undefined) return 'not resolved';
  const { low, high } = interval;
  if (more ? high < bound : low > bound) return 'missed';
  if (more ? low >= bound : high <= bound) return 'met';
  return high / low > WIDEST ? 'not resolved' : 'met';
}

/** A figure's rounds, undefined where there is none. */
export function valuesOf({ rounds }: RivalResult, key: string): (number | undefined)[] {
  return rounds.map((round) => ('error' in round ? undefined : round.values[key]));
}
