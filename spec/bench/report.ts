// The results for people: a table per scenario, the bars, what has changed.

import { judge, valuesOf } from './bars.js';
import type { Compared } from './compare.js';
import { ratio } from './formats.js';
import type { Column } from './measurement.js';
import { REFERENCES } from './rivals.js';
import type { RivalResult, ScenarioResult } from './rounds.js';
import { estimate, type Estimate, ratios, spread } from './statistics.js';

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

/** What was promised of the scenarios that have run, a line each; '' when nothing was. */
export function barTable(results: readonly ScenarioResult[]): string {
  const rows = results.flatMap((result) =>
    judge(result).map(({ bar, more, ratio: median, interval, rounds, verdict }) => [
      `${result.scenario.name}, ${bar.rival}`,
      `${bar.measure} / ${bar.against}`,
      `${more ? '≥' : '≤'} ${bar.bound.toFixed(2)}`,
      median === undefined ? '-' : ratio(median),
      range(interval),
      String(rounds),
      verdict,
    ]),
  );
  if (rows.length === 0) return '';
  const titles = ['bar', 'measure', 'bound', 'measured', '95 % interval', 'rounds', 'verdict'];
  return ['\nBars', ...aligned([titles, ...rows])].join('\n');
}

/** A line for each figure that two runs have in common. */
export function changeTable(compared: readonly Compared[], file: string): string {
  const rows = compared.map(({ scenario, rival, measure, against, before, now, change }) => [
    `${scenario}, ${rival}`,
    `${measure} / ${against}`,
    both(before),
    both(now),
    before === undefined || now === undefined ? '-' : ratio(now.median / before.median),
    change,
  ]);
  const titles = ['', 'measure', 'before', 'now', 'now / before', 'change'];
  return [`\nCompared with ${file}`, ...aligned([titles, ...rows])].join('\n');
}

/** The server and the client have a CPU each: whatever others used, they were kept waiting for. */
function disturbance(results: readonly RivalResult[]): string[] {
  const all = results.flatMap((result) => valuesOf(result, 'othersUse'));
  const others = spread(all.filter((value) => value !== undefined));
  if (others === undefined || others.median < DISTURBED) return [];
  return [
    `  Other processes used ${others.median.toFixed(2)} CPUs meanwhile: rates and latencies are not to be trusted.`,
  ];
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

function cell(values: readonly (number | undefined)[], format: Format, all = false): string {
  const present = values.filter((value) => value !== undefined);
  const middle = spread(present);
  if (middle === undefined) return '-';
  if (!all || present.length < 2) return format(middle.median);
  return `${format(middle.median)} (${format(middle.min)}-${format(middle.max)})`;
}

/** With its 95 % interval in square brackets, or with the range of the rounds, too few for an interval. */
function ratioCell(values: readonly number[]): string {
  const sure = estimate(values);
  return sure === undefined ? cell(values, ratio, true) : both(sure);
}

function both(sure: Estimate | undefined): string {
  return sure === undefined ? '-' : `${ratio(sure.median)} ${range(sure)}`;
}

function range(sure: Estimate | undefined): string {
  return sure === undefined ? '-' : `[${ratio(sure.low)}-${ratio(sure.high)}]`;
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
