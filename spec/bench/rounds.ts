// The rounds of one scenario: every rival once in each, started afresh, the order rotated.

import type { Effort, Values } from './measurement.js';
import type { Progress } from './progress.js';
import type { Rival } from './rivals.js';
import type { Scenario } from './scenarios.js';
import { ServerProcess } from './server-process.js';

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

export function roundsOf({ maxRounds = Infinity }: Scenario, wanted: number): number {
  return Math.min(maxRounds, wanted);
}

/** Those that speak what the scenario needs. */
export function entrants(scenario: Scenario, rivals: readonly Rival[]): Rival[] {
  return rivals.filter((rival) => rival.command(scenario.speaks, 0) !== undefined);
}

export async function runScenario(
  scenario: Scenario,
  rivals: readonly Rival[],
  rounds: number,
  effort: Effort,
  progress: Progress,
): Promise<ScenarioResult> {
  const results = entrants(scenario, rivals).map((rival) => new Recorder(scenario, rival, effort));
  for (let round = 0; round < rounds; round++) {
    const first = round % Math.max(1, results.length);
    for (const recorder of [...results.slice(first), ...results.slice(0, first)]) {
      const what = `${scenario.name}, round ${round + 1} of ${rounds}, ${recorder.rival.name}`;
      progress.begin(what);
      progress.end(what, summary(scenario, await recorder.measure()));
    }
  }
  return { scenario, results };
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

  async measure(): Promise<Round> {
    const round = await this.#measure();
    this.rounds.push(round);
    const found = 'error' in round ? [round.error] : this.#faultsOf(round.values);
    for (const fault of found) if (!this.faults.includes(fault)) this.faults.push(fault);
    return round;
  }

  async #measure(): Promise<Round> {
    let server: ServerProcess | undefined;
    try {
      server = await ServerProcess.start(this.rival, this.#scenario.speaks);
      const values = await this.#scenario.load(server, this.#effort);
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
