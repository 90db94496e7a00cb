// `npm run bench`: evio and its rivals under the same loads, side by side. README.md says how and what it means.

import path from 'node:path';
import { pinHarness, stopAll } from './children.js';
import { compare } from './compare.js';
import { compiled, LOAD_GENERATOR } from './compiled.js';
import { describe, machine } from './machine.js';
import { HELP, type Options, parseOptions } from './options.js';
import { Progress } from './progress.js';
import { barTable, changeTable, table } from './report.js';
import { readResults, type Results, writeResults } from './results.js';
import { chooseRivals, type Rival, rivals } from './rivals.js';
import { type Entrant, entrants, runScenario, type ScenarioResult } from './rounds.js';
import type { Scenario } from './scenario.js';
import { choose, obstacle, scenarios } from './scenarios.js';

const QUICK =
  'quick: one round, a short window, few rivals, a tenth of the connections and requests: shows that all works, its figures mean little';

interface Task {
  readonly scenario: Scenario;
  readonly taking: readonly Entrant[];
}

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
  const before = options.compare === undefined ? undefined : readResults(options.compare);
  const names = options.scenarios.length > 0 ? options.scenarios : (namesIn(before) ?? []);
  const tasks = runnable(choose(names), chooseRivals(options.rivals), options);
  if (tasks.length === 0) throw new Error('nothing to run');
  compiled(LOAD_GENERATOR);
  pinHarness();
  const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
  return run(options, tasks, command, before);
}

async function run(
  options: Options,
  tasks: readonly Task[],
  command: string,
  before: Results | undefined,
): Promise<number> {
  const on = machine();
  console.log(describe(on));
  for (const { name, obstacle: why } of rivals) {
    const reason = why?.();
    if (reason !== undefined) console.log(`without ${name}: ${reason}`);
  }
  if (options.effort.quick) console.log(QUICK);

  const about = {
    machine: on,
    command,
    settings: { rounds: options.rounds ?? 'as needed', ...options.effort },
  };
  const counts = tasks.flatMap(({ taking }) => taking.map(({ rounds }) => rounds));
  const progress = new Progress(counts.reduce((sum, count) => sum + count, 0));
  const results: ScenarioResult[] = [];
  let now: Results | undefined;
  for (const { scenario, taking } of tasks) {
    const result = await runScenario(scenario, taking, options.effort, progress);
    results.push(result);
    progress.clear();
    console.log(table(result));
    now = writeResults(options.json, about, results); // after each, so that an interrupted run leaves what it has
  }
  console.log(`${barTable(results)}\n\nevery round: ${options.json}`);
  const slower = before !== undefined && now !== undefined && becameSlower(before, now, options);
  const failed = results.some((result) => result.results.some(({ faults }) => faults.length > 0));
  return failed || slower ? 1 : 0;
}

function becameSlower(before: Results, now: Results, { compare: file = '' }: Options): boolean {
  const compared = compare(before, now);
  console.log(changeTable(compared, path.relative(process.cwd(), file)));
  const { revision, date } = before.machine;
  console.log(`  before: evio ${revision}, ${date}, ${before.command}`);
  if (compared.length === 0) throw new Error('the two runs have nothing in common');
  return compared.some(({ change }) => change === 'slower');
}

/** Those of an earlier run which still exist. */
function namesIn(before: Results | undefined): string[] | undefined {
  const names = before?.scenarios.map(({ name }) => name);
  return names?.filter((name) => scenarios.some((scenario) => scenario.name === name));
}

function runnable(chosen: readonly Scenario[], against: readonly Rival[], options: Options): Task[] {
  const named = options.rivals.length > 0;
  return chosen.flatMap((scenario) => {
    const taking = entrants(scenario, against, { ...options, named });
    if (options.effort.quick && scenario.thorough === true && options.scenarios.length === 0) return [];
    const nobody = taking.length === 0 ? 'none of these rivals speaks what it needs' : undefined;
    const reason = obstacle(scenario) ?? nobody;
    if (reason === undefined) return [{ scenario, taking }];
    console.error(`bench: without ${scenario.name}: ${reason}`);
    return [];
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
