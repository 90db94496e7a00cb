// `npm run bench:charts -- FILE...`: an SVG per scenario of results files, light and dark, and a page that shows them.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../programs.js';
import { readResults, type Results, type ScenarioRecord } from '../results.js';
import { barChart } from './bar-chart.js';
import { curveChart } from './curve-chart.js';
import { page } from './page.js';
import { THEMES, type Theme } from './svg.js';

try {
  const { values, positionals } = parseArgs({
    options: { out: { type: 'string', default: path.join(root, 'docs/benchmarks') } },
    allowPositionals: true,
  });
  if (positionals.length === 0) throw new Error('which results? npm run bench:charts -- FILE... [--out DIR]');
  const all = positionals.map(readResults);
  mkdirSync(values.out, { recursive: true });
  const drawn = all.map((results) => ({ results, names: draw(results, values.out) }));
  const file = path.join(values.out, 'README.md');
  writeFileSync(file, page(drawn));
  console.log(`${drawn.flatMap(({ names }) => names).length} charts, light and dark, on ${file}`);
} catch (error) {
  console.error(`bench:charts: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

/** Draws what can be drawn and says the names. */
function draw(results: Results, folder: string): string[] {
  const series = new Map<string, ScenarioRecord[]>();
  const single: ScenarioRecord[] = [];
  for (const scenario of results.scenarios) {
    const name = scenario.point?.series;
    if (name === undefined) single.push(scenario);
    else series.set(name, [...(series.get(name) ?? []), scenario]);
  }
  const charts: [string, (theme: Theme) => string | undefined][] = [
    ...single.map((scenario): [string, (theme: Theme) => string | undefined] => [
      scenario.name,
      (theme) => barChart(scenario, results, theme),
    ]),
    ...[...series].map(([name, points]): [string, (theme: Theme) => string | undefined] => [
      name,
      (theme) => curveChart(name, points, results, theme),
    ]),
  ];
  return charts.flatMap(([name, drawing]) => {
    for (const theme of THEMES) {
      const svg = drawing(theme);
      if (svg === undefined) return [];
      writeFileSync(path.join(folder, `${name}-${theme.name}.svg`), svg);
    }
    return [name];
  });
}
