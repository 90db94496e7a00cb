// The page that shows the charts: the bars and their verdicts, then every picture.

import type { Results } from '../results.js';

export interface Drawn {
  readonly results: Results;
  readonly names: readonly string[];
}

export function page(drawn: readonly Drawn[]): string {
  const sections = drawn.flatMap(({ results, names }) => [
    ...bars(results),
    ...names.map((name) => picture(name, results)),
    source(results),
  ]);
  const [first] = drawn;
  const charts = 'Drawn by `npm run bench:charts` from the JSON beside it; what the figures mean is in';
  const meaning = `${charts} [spec/bench](../../spec/bench/README.md).`;
  return first === undefined ? '' : `# Benchmarks\n\n${meaning}\n\n${sections.join('\n\n')}\n`;
}

function bars({ scenarios }: Results): string[] {
  const rows = scenarios.flatMap(({ name, bars: each }) =>
    each.map(({ rival, measure, against, bound, more, ratio, interval, rounds, verdict }) => [
      `${name}, ${rival}`,
      `${measure} / ${against}`,
      `${more ? '≥' : '≤'} ${bound.toFixed(2)}`,
      ratio?.toFixed(2) ?? '-',
      interval === undefined ? '-' : `${interval.low.toFixed(2)} to ${interval.high.toFixed(2)}`,
      String(rounds),
      verdict,
    ]),
  );
  if (rows.length === 0) return [];
  const titles = ['scenario', 'measure', 'bound', 'measured', '95 % interval', 'rounds', 'verdict'];
  return [table([titles, ...rows])];
}

/** Columns padded, as Prettier would have it. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(3, ...rows.map((row) => row[i]?.length ?? 0)));
  const lines = rows.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

function picture(name: string, { scenarios }: Results): string {
  const about = scenarios.find((scenario) => scenario.name === name)?.about ?? name;
  return [
    '<picture>',
    `  <source media="(prefers-color-scheme: dark)" srcset="${name}-dark.svg">`,
    `  <img alt="${name}: ${about.replaceAll('"', '&quot;')}" src="${name}-light.svg" width="440">`,
    '</picture>',
  ].join('\n');
}

function source({ machine, command }: Results): string {
  const { cpu, cores, kernel, node, revision, date, pinning } = machine;
  const place = `${cpu}, ${cores} cores, ${kernel}, node ${node}, evio ${revision}, ${date}`;
  return `Measured on ${place}; ${pinning}; by \`${command}\`.`;
}
