// One scenario: for each of its measures a bar per rival, with the 95 % interval of the median as whisker.

import type { MeasureRecord, Results, RivalRecord, ScenarioRecord } from '../results.js';
import { BASELINE, FLOOR } from '../rivals.js';
import { footer, header } from './frame.js';
import { element, line, MARGIN, picture, round, short, text, type Theme, WIDTH } from './svg.js';

const ROW = 24;
const BAR = 14;
const LEFT = 126; // where bars begin
const RIGHT = WIDTH - 112; // where the longest whisker ends; the figure stands behind it

/** The scenario as SVG; undefined when it has nothing to draw. */
export function barChart(scenario: ScenarioRecord, results: Results, theme: Theme): string | undefined {
  const head = header(scenario.name, scenario.about, theme);
  const parts = [...head.parts];
  let bottom = head.bottom;
  for (const measure of scenario.measures) {
    const rivals = scenario.rivals.filter(({ summary }) => summary[measure.key] !== undefined);
    if (rivals.length === 0) continue;
    parts.push(...panel(measure, rivals, bottom + 26, theme));
    bottom += 36 + rivals.length * ROW;
  }
  if (bottom === head.bottom) return undefined;
  const rounds = scenario.rivals.map((rival) => rival.rounds.length);
  const [few, many] = [Math.min(...rounds), Math.max(...rounds)];
  const method = `Medians of ${few === many ? few : `${few} to ${many}`} rounds; whiskers: 95 % interval.`;
  const foot = footer(bottom + 18, { ...results, method }, theme);
  return picture(foot.bottom, `${scenario.name}: ${scenario.about}`, theme, [...parts, ...foot.parts]);
}

function panel(measure: MeasureRecord, rivals: readonly RivalRecord[], top: number, theme: Theme): string[] {
  const { key, about, more } = measure;
  const largest = Math.max(...rivals.map(({ summary }) => summary[key]?.high ?? summary[key]?.median ?? 0));
  const scale = (value: number): number =>
    LEFT + (largest > 0 ? (Math.max(0, value) / largest) * (RIGHT - LEFT) : 0);
  const title = text(MARGIN, top, `${about} (${more ? 'more' : 'less'} is better)`, {
    fill: theme.text,
    weight: 600,
  });
  const axis = line(LEFT, top + 8, LEFT, top + 8 + rivals.length * ROW, theme.grid);
  return [title, axis, ...rivals.flatMap((rival, i) => row(measure, rival, top + 8 + i * ROW, scale, theme))];
}

function row(
  { key, compared }: MeasureRecord,
  rival: RivalRecord,
  top: number,
  scale: (value: number) => number,
  theme: Theme,
): string[] {
  const figures = rival.summary[key];
  if (figures === undefined) return [];
  const { median, low = median, high = median } = figures;
  const middle = top + ROW / 2;
  const [from, to] = [scale(0), scale(median)];
  const bar = { x: round(from), y: round(middle - BAR / 2), width: round(to - from), height: BAR };
  const ratio = ratioOf(rival, key);
  const figure = compared && ratio !== undefined ? `${short(median)} (${ratio})` : short(median);
  return [
    text(LEFT - 6, middle + 4, rival.name, {
      fill: theme.text,
      anchor: 'end',
      weight: rival.own ? 600 : 400,
    }),
    element('rect', { ...bar, fill: colour(rival, theme) }),
    ...(high > low ? whisker(scale(low), scale(high), middle, theme.whisker) : []),
    text(Math.max(to, scale(high)) + 6, middle + 4, figure, { fill: theme.text }),
  ];
}

/** To the floor; where the floor has no figure, to node-net. */
function ratioOf({ name, ratios }: RivalRecord, key: string): string | undefined {
  for (const other of [FLOOR, BASELINE]) {
    const ratio = ratios[key]?.[other];
    if (ratio !== undefined && name !== other) return `× ${ratio.median.toFixed(2)}`;
    if (ratio !== undefined) return undefined;
  }
  return undefined;
}

function whisker(from: number, to: number, middle: number, colour: string): string[] {
  return [
    line(from, middle, to, middle, colour),
    line(from, middle - 3, from, middle + 3, colour),
    line(to, middle - 3, to, middle + 3, colour),
  ];
}

function colour({ name, own }: RivalRecord, theme: Theme): string {
  if (name === FLOOR) return theme.floor;
  if (!own) return theme.other;
  return name === 'evio-streams' ? theme.own : theme.ownLight;
}
