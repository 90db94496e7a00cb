// That a chart is a picture which any reader of SVG accepts, and says what the results say.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Results, ScenarioRecord } from '../results.js';
import { sampleResults } from '../sample-results.js';
import { barChart } from './bar-chart.js';
import { curveChart } from './curve-chart.js';
import { escape, short, THEMES, WIDTH, wrap } from './svg.js';

const [theme] = THEMES;
if (theme === undefined) throw new Error('there is no theme');

const sample = sampleResults({
  'echo-50x64': { 'evio-streams': 5.25, 'c-epoll': 5, 'node-net': 8.1, bun: 5.9 },
});
const growing = sampleResults(
  {
    a: { 'evio-streams': 30, 'c-epoll': 28 },
    b: { 'evio-streams': 6, 'c-epoll': 5 },
    c: { 'evio-streams': 7, 'c-epoll': 6 },
  },
  (name) => ({ series: 'growth', x: { a: 1, b: 100, c: 15_000 }[name] ?? 0, unit: 'connections' }),
);

describe('bench: a chart', () => {
  const drawn = (results: Results): string => {
    const [scenario] = results.scenarios;
    return barChart(scenario as ScenarioRecord, results, theme) ?? '';
  };

  it('is well-formed, whatever stands in it', () => {
    expect(tagsOf(drawn(sample))).to.equal('balanced');
    const { scenarios } = growing;
    expect(tagsOf(curveChart('growth', scenarios, growing, theme) ?? '')).to.equal('balanced');
    expect(escape('<a> & "b"')).to.equal('&lt;a&gt; &amp; &quot;b&quot;');
    expect(drawn(sample)).to.contain('A &lt;CPU&gt; &amp; &quot;more&quot;, 2 cores');
  });

  it('says each rival’s figure and its ratio to the floor', () => {
    const [scenario] = sample.scenarios;
    for (const { name, summary, ratios } of scenario?.rivals ?? []) {
      const figure = short(summary['cpu']?.median ?? 0);
      const ratio = ratios['cpu']?.['c-epoll']?.median.toFixed(2);
      expect(drawn(sample)).to.contain(`>${name}</text>`);
      expect(drawn(sample)).to.contain(
        name === 'c-epoll' ? `>${figure}</text>` : `>${figure} (× ${ratio})</text>`,
      );
    }
  });

  it('draws bars as long as their figures', () => {
    const widths = [...drawn(sample).matchAll(/<rect x="126" [^>]*width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    const medians = sample.scenarios[0]?.rivals.map(({ summary }) => summary['cpu']?.median ?? 0) ?? [];
    expect(widths).to.have.length(4);
    widths.forEach((width, i) =>
      expect(width / (widths[0] ?? 0)).to.be.closeTo((medians[i] ?? 0) / (medians[0] ?? 1), 0.01),
    );
  });

  it('names the machine, the day, the revision and the command', () => {
    const words = [...drawn(sample).matchAll(/<text [^>]*>([^<]*)<\/text>/g)]
      .map(([, inside]) => inside)
      .join(' ');
    expect(words).to.contain('Linux 6.18').and.contain('node v20.20.2').and.contain('evio abc1234');
    expect(words).to.contain('2026-01-02').and.contain('npm run bench');
  });

  it('stays within a phone’s width', () => {
    const svg = drawn(sample);
    for (const [, anchor, words, x = '', size = ''] of texts(svg)) {
      const length = (words ?? '').replaceAll(/&\w+;/g, '&').length * Number(size) * 0.56;
      const [left, right] =
        anchor === 'end' ? [Number(x) - length, Number(x)] : [Number(x), Number(x) + length];
      expect(left, words).to.be.greaterThan(0);
      expect(right, words).to.be.lessThan(WIDTH);
    }
  });

  it('of growth is a curve per rival through all of its points', () => {
    const svg = curveChart('growth', growing.scenarios, growing, theme) ?? '';
    const curves = [...svg.matchAll(/<polyline points="([^"]+)"/g)].map(
      ([, points]) => points?.split(' ').length,
    );
    expect(curves).to.deep.equal([3, 3]);
    expect(svg).to.contain('>15 k</text>').and.contain('>connections</text>');
  });

  it('of nothing is none', () => {
    const [scenario] = sampleResults({ nothing: {} }).scenarios;
    expect(barChart(scenario as ScenarioRecord, sample, theme)).to.equal(undefined);
    expect(curveChart('growth', growing.scenarios.slice(0, 1), growing, theme)).to.equal(undefined);
  });
});

describe('bench: the command that draws', () => {
  const charts = fileURLToPath(new URL('./charts.js', import.meta.url));
  let folder = '';
  before(() => (folder = mkdtempSync(path.join(tmpdir(), 'evio-charts-'))));
  after(() => rmSync(folder, { recursive: true }));

  it('writes a light and a dark picture of each scenario and a page that shows them', () => {
    const file = path.join(folder, 'results.json');
    writeFileSync(
      file,
      JSON.stringify({ ...sample, scenarios: [...sample.scenarios, ...growing.scenarios] }),
    );
    const { status, stderr } = spawnSync(process.execPath, [charts, file, '--out', folder], {
      encoding: 'utf8',
    });
    expect(stderr).to.equal('');
    expect(status).to.equal(0);
    expect(readdirSync(folder)).to.include.members([
      'echo-50x64-dark.svg',
      'echo-50x64-light.svg',
      'growth-dark.svg',
      'growth-light.svg',
    ]);
    const page = readFileSync(path.join(folder, 'README.md'), 'utf8');
    expect(page).to.contain('src="echo-50x64-light.svg"').and.contain('srcset="growth-dark.svg"');
  });

  it('refuses what is no results file in one line', () => {
    const file = path.join(folder, 'other.json');
    writeFileSync(file, '{}');
    const { status, stderr } = spawnSync(process.execPath, [charts, file], { encoding: 'utf8' });
    expect(status).to.equal(1);
    expect(stderr).to.match(/^bench:charts: .* is not a results file of this version of npm run bench\n$/);
  });
});

describe('bench: figures on a chart', () => {
  it('have three digits that count', () => {
    expect([0, 0.01234, 1.234, 12.34, 123.4, 1234, 12_345, 1_234_567].map(short)).to.deep.equal([
      '0',
      '0.0123',
      '1.23',
      '12.3',
      '123',
      '1234',
      '12.3 k',
      '1.23 M',
    ]);
  });

  it('are wrapped between words', () => {
    expect(wrap('one two three', 7)).to.deep.equal(['one two', 'three']);
    expect(wrap('--rival one,two,three four', 11)).to.deep.equal(['--rival', 'one,two,', 'three four']);
  });
});

function texts(
  svg: string,
): [string, string | undefined, string | undefined, string | undefined, string | undefined][] {
  const pattern =
    /<text x="([\d.]+)" y="[\d.]+" font-size="([\d.]+)"[^>]*text-anchor="(\w+)"[^>]*>([^<]*)<\/text>/g;
  return [...svg.matchAll(pattern)].map(([all, x, size, anchor, words]) => [all, anchor, words, x, size]);
}

/** 'balanced', or what is wrong. */
function tagsOf(svg: string): string {
  const open: string[] = [];
  const token =
    /<(\/?)([a-z]+)((?: [a-zA-Z][\w:-]*="[^"<&]*(?:&(?:amp|lt|gt|quot);[^"<&]*)*")*)(\/?)>|[^<&]+|&(?:amp|lt|gt|quot);/y;
  while (token.lastIndex < svg.length) {
    const at = token.lastIndex;
    const match = token.exec(svg);
    if (match === null) return `not well-formed: ${svg.slice(at, at + 60)}`;
    const [, closes, name, , closed] = match;
    if (name === undefined) continue;
    if (closes === '/') {
      if (open.pop() !== name) return `</${name}> closes nothing`;
    } else if (closed !== '/') open.push(name);
  }
  return open.length === 0 ? 'balanced' : `<${open.join('><')}> not closed`;
}
