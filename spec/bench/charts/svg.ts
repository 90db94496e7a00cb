// The little of SVG that the charts need. No library: two kinds of chart are not worth one with hundreds of parts.

/** Colours. A chart has a background of its own, so that it can be read wherever it is shown. */
export interface Theme {
  readonly name: 'light' | 'dark';
  readonly background: string;
  readonly text: string;
  readonly faint: string;
  readonly grid: string;
  readonly own: string;
  readonly ownLight: string;
  readonly floor: string;
  readonly other: string;
  readonly whisker: string;
}

export const THEMES: readonly Theme[] = [
  {
    name: 'light',
    background: '#ffffff',
    text: '#1f2328',
    faint: '#59636e',
    grid: '#d1d9e0',
    own: '#0969da',
    ownLight: '#80b3f0',
    floor: '#1a7f37',
    other: '#9a9fa6',
    whisker: '#1f2328',
  },
  {
    name: 'dark',
    background: '#0d1117',
    text: '#f0f6fc',
    faint: '#9198a1',
    grid: '#3d444d',
    own: '#4493f8',
    ownLight: '#2a5a96',
    floor: '#3fb950',
    other: '#6e7681',
    whisker: '#f0f6fc',
  },
];

/** In units of the picture, which is as wide as a phone. */
export const WIDTH = 440;
export const MARGIN = 12;

type Attributes = Readonly<Record<string, string | number>>;

export function element(name: string, attributes: Attributes, ...inside: readonly string[]): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(String(value))}"`);
  const start = `<${name}${pairs.join('')}`;
  return inside.length === 0 ? `${start}/>` : `${start}>${inside.join('')}</${name}>`;
}

export interface TextStyle {
  readonly size?: number;
  readonly fill: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly weight?: number;
}

export function text(x: number, y: number, words: string, style: TextStyle): string {
  const { size = 12, fill, anchor = 'start', weight = 400 } = style;
  const place = { x: round(x), y: round(y), 'font-size': size, fill };
  return element('text', { ...place, 'text-anchor': anchor, 'font-weight': weight }, escape(words));
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string, width = 1): string {
  const place = { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2) };
  return element('line', { ...place, stroke, 'stroke-width': width });
}

/** A whole picture. `title` is what a screen reader says. */
export function picture(height: number, title: string, theme: Theme, parts: readonly string[]): string {
  const size = { width: WIDTH, height: Math.ceil(height), viewBox: `0 0 ${WIDTH} ${Math.ceil(height)}` };
  const font = {
    'font-family': 'system-ui, -apple-system, Segoe UI, Noto Sans, Helvetica, Arial, sans-serif',
  };
  const paper = element('rect', { width: '100%', height: '100%', fill: theme.background, rx: 6 });
  const named = { xmlns: 'http://www.w3.org/2000/svg', role: 'img', ...size, ...font };
  return `${element('svg', named, element('title', {}, escape(title)), paper, ...parts.map((part) => `\n${part}`), '\n')}\n`;
}

/** Words in lines of at most so many characters; a list without spaces is broken behind its commas. */
export function wrap(words: string, most: number): string[] {
  const lines: string[] = [];
  for (const piece of words.match(/[^ ,]*(?:,+ ?| |$)/g) ?? []) {
    const last = lines.at(-1);
    if (last !== undefined && `${last}${piece}`.trimEnd().length <= most)
      lines[lines.length - 1] = last + piece;
    else if (piece !== '') lines.push(piece);
  }
  return lines.map((line) => line.trimEnd());
}

/** Three digits that count: 0.0123, 1.23, 123, 12.3 k, 1.23 M. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${digits(value / 1e6)} M`;
  if (size >= 1e4) return `${digits(value / 1e3)} k`;
  return size >= 100 ? String(Math.round(value)) : digits(value);
}

const digits = (value: number): string => (value === 0 ? '0' : Number(value.toPrecision(3)).toString());

export const round = (value: number): number => Math.round(value * 10) / 10;

export function escape(words: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return words.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
}
