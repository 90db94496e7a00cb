// `npm run bench`: evio and its rivals under the same loads, side by side. README.md says how and what it means.

import { pinHarness, stopAll } from './children.js';
import { compiled, LOAD_GENERATOR } from './compiled.js';
import { describe, machine } from './machine.js';
import { HELP, type Options, parseOptions } from './options.js';
import { Progress } from './progress.js';
import { table, writeJson } from './report.js';
import { chooseRivals, type Rival, rivals } from './rivals.js';
import { entrants, roundsOf, runScenario, type ScenarioResult } from './rounds.js';
import { choose, obstacle, type Scenario, scenarios } from './scenarios.js';

const QUICK =
  'quick: a short window, a tenth of the connections and requests: shows that all works, its figures mean little';

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.once('exit', stopAll);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (options.list) {
    list();
    return 0;
  }
  const against = chooseRivals(options.rivals);
  const chosen = runnable(choose(options.scenarios), against);
  if (chosen.length === 0) throw new Error('nothing to run');
  compiled(LOAD_GENERATOR);
  pinHarness();
  return run(options, chosen, against);
}

async function run(
  options: Options,
  chosen: readonly Scenario[],
  against: readonly Rival[],
): Promise<number> {
  const on = machine();
  console.log(describe(on));
  for (const { name, obstacle: why } of rivals) {
    const reason = why?.();
    if (reason !== undefined) console.log(`without ${name}: ${reason}`);
  }
  if (options.effort.quick) console.log(QUICK);

  const measurements = chosen.map(
    (scenario) => entrants(scenario, against).length * roundsOf(scenario, options.rounds),
  );
  const progress = new Progress(measurements.reduce((sum, count) => sum + count, 0));
  const results: ScenarioResult[] = [];
  for (const scenario of chosen) {
    const rounds = roundsOf(scenario, options.rounds);
    const result = await runScenario(scenario, against, rounds, options.effort, progress);
    results.push(result);
    progress.clear();
    console.log(table(result));
    writeJson(options.json, options, on, results); // after each, so that an interrupted run leaves what it has
  }
  console.log(`\nevery round: ${options.json}`);
  return results.some((result) => result.results.some(({ faults }) => faults.length > 0)) ? 1 : 0;
}

function runnable(chosen: readonly Scenario[], against: readonly Rival[]): Scenario[] {
  return chosen.filter((scenario) => {
    const nobody = entrants(scenario, against).length === 0;
    const reason = obstacle(scenario) ?? (nobody ? 'none of these rivals speaks what it needs' : undefined);
    if (reason !== undefined) console.error(`bench: without ${scenario.name}: ${reason}`);
    return reason === undefined;
  });
}

function list(): void {
  const line = (name: string, about: string, missing?: string): void =>
    console.log(
      `  ${name.padEnd(28)}${about}${missing === undefined ? '' : ` (cannot run here: ${missing})`}`,
    );
  console.log('scenarios');
  for (const scenario of scenarios) line(scenario.name, scenario.about, obstacle(scenario));
  console.log('rivals');
  for (const rival of rivals) line(rival.name, rival.about, rival.obstacle?.());
}
