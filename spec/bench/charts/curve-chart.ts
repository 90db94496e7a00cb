// How something grows: a curve per rival over scenarios of one series, both axes logarithmic.

import type { Results, RivalRecord, ScenarioRecord } from '../results.js';
import { BASELINE, FLOOR } from '../rivals.js';
import { footer, header } from './frame.js';
import { element, line, MARGIN, picture, round, short, text, type Theme, WIDTH } from './svg.js';

const LEFT = 50;
const RIGHT = WIDTH - 20;
const HEIGHT = 230;

interface Dot {
  readonly x: number;
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

type Scale = (value: number) => number;

/** A series as SVG; undefined when fewer than two of its points have been measured. */
export function curveChart(
  name: string,
  scenarios: readonly ScenarioRecord[],
  results: Results,
  theme: Theme,
): string | undefined {
  const measure = scenarios[0]?.measures[0];
  if (measure === undefined || scenarios.length < 2) return undefined;
  const names = [...new Set(scenarios.flatMap(({ rivals }) => rivals.map((rival) => rival.name)))];
  const curves = names.map((rival) => ({ rival, dots: dotsOf(scenarios, rival, measure.key) }));
  const all = curves.flatMap(({ dots }) => dots);
  if (all.length === 0) return undefined;

  const unit = scenarios[0]?.point?.unit ?? '';
  const head = header(name, `${measure.about}, by ${unit} (less is better; both axes logarithmic)`, theme);
  const legend = head.bottom + 22;
  const [top, bottom] = [legend + 14, legend + 14 + HEIGHT];
  const x = logarithmic(extent(all.map((dot) => dot.x)), LEFT + 8, RIGHT - 8);
  const y = logarithmic(extent(all.flatMap(({ low, high }) => [low, high])), bottom - 8, top + 8);
  const foot = footer(bottom + 54, { ...results, method: 'Medians; whiskers: 95 % interval.' }, theme);
  return picture(foot.bottom, `${name}: ${measure.about} by ${unit}`, theme, [
    ...head.parts,
    ...curves.flatMap(({ rival }, i) => key(rival, MARGIN + i * 120, legend, theme)),
    ...horizontals(all, y, theme),
    ...verticals([...new Set(all.map((dot) => dot.x))], x, top, bottom, theme),
    text((LEFT + RIGHT) / 2, bottom + 34, unit, { fill: theme.faint, anchor: 'middle' }),
    ...curves.flatMap(({ rival, dots }) => curve(dots, x, y, colour(rival, theme))),
    ...foot.parts,
  ]);
}

function dotsOf(scenarios: readonly ScenarioRecord[], rival: string, key: string): Dot[] {
  return scenarios.flatMap(({ point, rivals }) => {
    const found: RivalRecord | undefined = rivals.find(({ name }) => name === rival);
    const figures = found?.summary[key];
    if (point === undefined || figures === undefined || figures.median <= 0) return [];
    const { median, low = median, high = median } = figures;
    return [{ x: point.x, median, low, high }];
  });
}

function curve(dots: readonly Dot[], x: Scale, y: Scale, stroke: string): string[] {
  const points = dots.map((dot) => `${round(x(dot.x))},${round(y(dot.median))}`).join(' ');
  return [
    element('polyline', { points, fill: 'none', stroke, 'stroke-width': 2 }),
    ...dots.flatMap((dot) => [
      element('circle', { cx: round(x(dot.x)), cy: round(y(dot.median)), r: 3, fill: stroke }),
      line(x(dot.x), y(dot.low), x(dot.x), y(dot.high), stroke),
    ]),
  ];
}

function key(rival: string, left: number, middle: number, theme: Theme): string[] {
  const stroke = colour(rival, theme);
  return [
    line(left, middle - 4, left + 18, middle - 4, stroke, 3),
    text(left + 24, middle, rival, { fill: theme.text }),
  ];
}

/** 1, 2, 5, 10, … within what is drawn. */
function horizontals(dots: readonly Dot[], y: Scale, theme: Theme): string[] {
  const [least, most] = extent(dots.flatMap(({ low, high }) => [low, high]));
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.log10(most); power++) {
    ticks.push(...(most / least > 100 ? [1] : [1, 2, 5]).map((digit) => digit * 10 ** power));
  }
  return ticks
    .filter((tick) => tick >= least && tick <= most)
    .flatMap((tick) => [
      line(LEFT, y(tick), RIGHT, y(tick), theme.grid),
      text(LEFT - 6, y(tick) + 4, short(tick), { fill: theme.faint, anchor: 'end' }),
    ]);
}

function verticals(places: readonly number[], x: Scale, top: number, bottom: number, theme: Theme): string[] {
  return [
    line(LEFT, bottom, RIGHT, bottom, theme.grid),
    ...places.flatMap((place) => [
      line(x(place), top, x(place), bottom, theme.grid, 0.5),
      text(x(place), bottom + 16, binary(place), { size: 11, fill: theme.faint, anchor: 'middle' }),
    ]),
  ];
}

/** 64, 1 Ki, 1 Mi; other numbers as they are. */
function binary(value: number): string {
  for (const [size, unit] of [
    [2 ** 20, 'Mi'],
    [2 ** 10, 'Ki'],
  ] as const) {
    if (value >= size && value % size === 0) return `${value / size} ${unit}`;
  }
  return value >= 1000 ? `${value / 1000} k` : String(value);
}

function extent(values: readonly number[]): readonly [number, number] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least < most ? [least, most] : [least / 2, most * 2];
}

function logarithmic([least, most]: readonly [number, number], from: number, to: number): Scale {
  return (value) => from + (Math.log(value / least) / Math.log(most / least)) * (to - from);
}

function colour(rival: string, theme: Theme): string {
  if (rival === FLOOR) return theme.floor;
  return rival === BASELINE ? theme.other : theme.own;
}
