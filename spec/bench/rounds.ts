// The rounds of one scenario: every rival once in each, started afresh, the order rotated. Their measurements take turns.

import type { Effort, Values } from './measurement.js';
import type { Progress } from './progress.js';
import type { Rival } from './rivals.js';
import type { Scenario } from './scenario.js';
import { ServerProcess } from './server-process.js';
import { Turns } from './turns.js';

const PROMISED_ROUNDS = 15;
const OTHER_ROUNDS = 6; // the fewest that have a 95 % interval

/** What one rival did in one round: figures, or why there are none. */
export type Round = { readonly values: Values } | { readonly error: string };

export interface RivalResult {
  readonly rival: Rival;
  readonly rounds: readonly Round[];
  /** What an evio server said it runs on. */
  readonly poller?: string;
  /** Figures or failures that must not be. */
  readonly faults: readonly string[];
}

export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly results: readonly RivalResult[];
}

/** What was asked for on the command line. */
export interface Wish {
  readonly effort: Effort;
  /** Undefined: as many as each needs. */
  readonly rounds: number | undefined;
  /** The rivals were named: all of them take part. */
  readonly named: boolean;
}

export interface Entrant {
  readonly rival: Rival;
  readonly rounds: number;
}

/** Who takes part, and how often. Those whom a bar names are measured more often than those who are only looked at. */
export function entrants(scenario: Scenario, rivals: readonly Rival[], wish: Wish): Entrant[] {
  const { effort, rounds, named } = wish;
  const { bars = [], minRounds = 0, maxRounds = Infinity } = scenario;
  const promised = new Set(bars.flatMap(({ rival, against }) => [rival, against]));
  const wanted = (name: string): boolean => {
    if (named) return true;
    if (effort.quick) return promised.has(name) || (scenario.rivals ?? []).slice(0, 3).includes(name);
    return scenario.rivals?.includes(name) ?? true;
  };
  const usual = (name: string): number =>
    promised.has(name) ? Math.max(PROMISED_ROUNDS, minRounds) : OTHER_ROUNDS;
  return rivals
    .filter((rival) => wanted(rival.name) && rival.command(scenario.speaks, 0) !== undefined)
    .map((rival) => ({ rival, rounds: Math.min(maxRounds, rounds ?? usual(rival.name)) }));
}

export async function runScenario(
  scenario: Scenario,
  taking: readonly Entrant[],
  effort: Effort,
  progress: Progress,
): Promise<ScenarioResult> {
  const results = taking.map(({ rival, rounds }) => ({
    rounds,
    recorder: new Recorder(scenario, rival, effort),
  }));
  const most = Math.max(...taking.map(({ rounds }) => rounds));
  for (let round = 0; round < most; round++) {
    const now = results.filter(({ rounds }) => round < rounds);
    const first = round % now.length;
    const turns = new Turns();
    const what = `${scenario.name}, round ${round + 1} of ${most}`;
    progress.begin(what);
    await Promise.all(
      [...now.slice(first), ...now.slice(0, first)].map(async ({ recorder }) => {
        const measured = await turns.take(() => recorder.measure(turns));
        progress.end(`${what}, ${recorder.rival.name}`, summary(scenario, measured));
      }),
    );
  }
  return { scenario, results: results.map(({ recorder }) => recorder) };
}

/** Collects the rounds of one rival. */
class Recorder implements RivalResult {
  readonly rival: Rival;
  readonly rounds: Round[] = [];
  readonly faults: string[] = [];
  poller?: string;
  readonly #scenario: Scenario;
  readonly #effort: Effort;

  constructor(scenario: Scenario, rival: Rival, effort: Effort) {
    this.#scenario = scenario;
    this.rival = rival;
    this.#effort = effort;
  }

  /** In one of the turns. */
  async measure(turns: Turns): Promise<Round> {
    const round = await this.#measure(turns);
    this.rounds.push(round);
    const found = 'error' in round ? [round.error] : this.#faultsOf(round.values);
    for (const fault of found) if (!this.faults.includes(fault)) this.faults.push(fault);
    return round;
  }

  async #measure(turns: Turns): Promise<Round> {
    let server: ServerProcess | undefined;
    try {
      server = await ServerProcess.start(this.rival, this.#scenario.speaks);
      const values = await this.#scenario.load(server, this.#effort, turns);
      const { poller } = server;
      if (poller !== undefined) this.poller = poller;
      return { values };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const said = server?.lastWords() ?? '';
      return { error: /error/i.test(said) && !reason.includes(said) ? `${reason} (${said})` : reason };
    } finally {
      await server?.stop();
    }
  }

  #faultsOf(values: Values): readonly string[] {
    const { own, native } = this.rival;
    if (native === true && this.poller === 'net') return ['it ran on the poller net, not on a native one'];
    return own === true ? (this.#scenario.faults?.(values, this.#effort.quick) ?? []) : [];
  }
}

/** The first figures of a round, in a line. */
function summary({ columns }: Scenario, round: Round): string {
  if ('error' in round) return `FAILED: ${round.error}`;
  return columns
    .slice(0, 3)
    .map(({ key, title, format }) => `${title} ${format(round.values[key] ?? Number.NaN)}`)
    .join(', ');
}
