// The results: a table for people, JSON for programs.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ratio } from './formats.js';
import type { Machine } from './machine.js';
import type { Column } from './measurement.js';
import type { Options } from './options.js';
import { BASELINE, REFERENCES } from './rivals.js';
import type { RivalResult, ScenarioResult } from './rounds.js';
import { estimate, ratios, spread } from './statistics.js';

const DISTURBED = 0.1; // CPUs

type Format = (value: number) => string;

/** One scenario: a line for each rival, the median of its rounds and, where it matters, how sure that is. */
export function table({ scenario, results }: ScenarioResult): string {
  const references = REFERENCES.flatMap(({ rival, title }) => {
    const result = results.find((each) => each.rival.name === rival);
    return result === undefined ? [] : [{ title: `x ${title}`, result }];
  });
  const titles = scenario.columns.flatMap(({ title, ratio: compared }) =>
    compared === true ? [title, ...references.map((reference) => reference.title)] : [title],
  );
  const against = references.map(({ result }) => result);
  const rows = results.map((result) => [nameOf(result), ...cells(scenario.columns, result, against)]);
  const lines = [`\n${scenario.name}: ${scenario.about}`, ...aligned([['', ...titles], ...rows])];
  if (scenario.note !== undefined) lines.push(`  ${scenario.note}`);
  lines.push(...disturbance(results));
  for (const { rival, faults } of results) {
    for (const fault of faults) lines.push(`  FAILED ${rival.name}: ${fault}`);
  }
  return lines.join('\n');
}

/** The server and the client have a CPU each: whatever others used, they were kept waiting for. */
function disturbance(results: readonly RivalResult[]): string[] {
  const others = spread(results.flatMap((result) => known(result, 'othersUse')));
  if (others === undefined || others.median < DISTURBED) return [];
  return [
    `  Other processes used ${others.median.toFixed(2)} CPUs meanwhile: rates and latencies are not to be trusted.`,
  ];
}

export function writeJson(
  file: string,
  { rounds, effort }: Options,
  on: Machine,
  results: readonly ScenarioResult[],
): void {
  const scenarios = results.map(({ scenario, results: each }) => ({
    name: scenario.name,
    about: scenario.about,
    rivals: each.map((result) => ({
      name: result.rival.name,
      about: result.rival.about,
      version: result.rival.version?.(),
      poller: result.poller,
      faults: result.faults,
      rounds: result.rounds.map((round) => ('error' in round ? round : round.values)),
      summary: summary(result),
    })),
  }));
  mkdirSync(path.dirname(file), { recursive: true });
  const units = 'seconds, bytes, latencies in microseconds; cpu: server CPU seconds per million requests';
  const all = { machine: on, settings: { rounds, ...effort }, units, baseline: BASELINE, scenarios };
  writeFileSync(file, `${JSON.stringify(all, undefined, 2)}\n`);
}

function nameOf({ rival, poller }: RivalResult): string {
  return poller === undefined ? rival.name : `${rival.name} [${poller}]`;
}

function cells(
  columns: readonly Column[],
  result: RivalResult,
  references: readonly RivalResult[],
): string[] {
  return columns.flatMap((column) => {
    const values = valuesOf(result, column.key);
    const own = cell(values, column.format, column.spread);
    if (column.ratio !== true) return [own];
    return [own, ...references.map((other) => ratioCell(ratios(values, valuesOf(other, column.key))))];
  });
}

function cell(values: readonly (number | undefined)[], format: Format, range = false): string {
  const present = values.filter((value) => value !== undefined);
  const all = spread(present);
  if (all === undefined) return '-';
  if (!range || present.length < 2) return format(all.median);
  return `${format(all.median)} (${format(all.min)}-${format(all.max)})`;
}

/** With its 95 % interval in square brackets, or with the range of the rounds, too few for an interval. */
function ratioCell(values: readonly number[]): string {
  const sure = estimate(values);
  if (sure === undefined) return cell(values, ratio, true);
  return `${ratio(sure.median)} [${ratio(sure.low)}-${ratio(sure.high)}]`;
}

/** A figure's rounds, undefined where there is none. */
function valuesOf({ rounds }: RivalResult, key: string): (number | undefined)[] {
  return rounds.map((round) => ('error' in round ? undefined : round.values[key]));
}

function summary(result: RivalResult): Record<string, unknown> {
  const keys = new Set(result.rounds.flatMap((round) => ('error' in round ? [] : Object.keys(round.values))));
  return Object.fromEntries([...keys].map((key) => [key, spread(known(result, key))]));
}

function known(result: RivalResult, key: string): number[] {
  return valuesOf(result, key).filter((value) => value !== undefined);
}

/** Names to the left, figures to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((text, i) => (widths[i] = Math.max(widths[i] ?? 0, text.length)));
  return rows.map((row) =>
    row
      .map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
