// Loaded by mocha before the specs of another system: those that cannot run there are skipped, by name and each with its
// reason, and where everything is slow specs get more time. A name that fits no spec is an error, so that no exception
// outlives what it was made for.

import { SLOWNESS } from '../support/slowness.js';

/** The environment variable that brings an `Elsewhere` to the process of the specs. */
export const ELSEWHERE = 'EVIO_SPEC_ELSEWHERE';

/** What is different there. */
export interface Elsewhere {
  readonly exceptions: readonly Exception[];
  /** Every spec is loaded: each exception must fit one. */
  readonly complete: boolean;
}

export interface Exception {
  /** Part of the full titles of the specs that are meant. */
  readonly title: string;
  readonly reason: string;
}

/** Several with one reason. */
export function except(reason: string, titles: readonly string[]): Exception[] {
  return titles.map((title) => ({ title, reason }));
}

const reasons = new WeakMap<Mocha.Runnable, string>();

/** Why a spec is skipped, if it is one of the exceptions. */
export function reasonOf(test: Mocha.Runnable): string | undefined {
  return reasons.get(test);
}

export const mochaHooks = {
  beforeAll(this: Mocha.Context): void {
    const all = this.test?.parent;
    if (all === undefined) throw new Error('no suite above the root hook');
    const told = process.env[ELSEWHERE];
    if (told === undefined) return;
    const { exceptions, complete } = JSON.parse(told) as Elsewhere;
    const specs = specsOf(all);
    // The default is scaled already, on mocha's command line; these are time-outs that specs ask for themselves.
    for (const spec of specs) if (spec.timeout() !== all.timeout()) spec.timeout(spec.timeout() * SLOWNESS);
    const stale = exceptions.filter((exception) => !skip(exception, specs)).map(({ title }) => title);
    if (complete && stale.length > 0) throw new Error(`exceptions that fit no spec: ${stale.join(', ')}`);
  },
};

/** Whether it fits at least one. */
function skip({ title, reason }: Exception, specs: readonly Mocha.Test[]): boolean {
  const meant = specs.filter((spec) => spec.fullTitle().includes(title));
  for (const spec of meant) {
    spec.pending = true;
    reasons.set(spec, reason);
  }
  return meant.length > 0;
}

function specsOf(suite: Mocha.Suite): Mocha.Test[] {
  return [...suite.tests, ...suite.suites.flatMap(specsOf)];
}
