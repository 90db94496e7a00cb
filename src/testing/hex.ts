// Bytes by sixteen a line: offset, hex digits, and what is printable; and two of such one above the other.

import { count } from './quote.js';

const WIDTH = 16;

/**
 * A dump of bytes.
 *
 * @param options - `max`: of bytes that are shown, 256 if not given
 * @example
 * hexDump(Buffer.from('PING\r\n'));
 * // 0000  50 49 4e 47 0d 0a                                 |PING..|
 */
export function hexDump(bytes: Uint8Array, { max = 256 }: { readonly max?: number } = {}): string {
  if (bytes.length === 0) return '(no bytes)';
  const shown = bytes.subarray(0, max);
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += WIDTH) lines.push(row(shown, at));
  if (shown.length < bytes.length) lines.push(`… ${count(bytes.length - shown.length, 'byte')} more`);
  return lines.join('\n');
}

/** How much {@link hexDiff} shows. */
export interface HexDiffOptions {
  /** Lines before the first that differs, 1 if not given. */
  readonly context?: number;
  /** Lines that are compared from there on, 4 if not given. */
  readonly lines?: number;
}

/**
 * What differs between two runs of bytes: in words, then line by line from the first difference on, with carets below the bytes that
 * are not the same.
 *
 * @example
 * hexDiff(Buffer.from('+PONG\r\n'), Buffer.from('+PING\r\n'));
 * // the first difference is at byte 2 (0x2): expected 7 bytes, actual 7 bytes
 * // expected  0000  2b 50 4f 4e 47 0d 0a                              |+PONG..|
 * // actual    0000  2b 50 49 4e 47 0d 0a                              |+PING..|
 * //                       ^^
 */
export function hexDiff(
  expected: Uint8Array,
  actual: Uint8Array,
  { context = 1, lines = 4 }: HexDiffOptions = {},
): string {
  const at = firstDifference(expected, actual);
  if (at === undefined) return `no difference: ${count(expected.length, 'byte')}`;
  const length = Math.max(expected.length, actual.length);
  const line = at - (at % WIDTH);
  const from = Math.max(0, line - context * WIDTH);
  const until = Math.min(length, line + lines * WIDTH);
  const text = [summary(expected, actual, at)];
  if (from > 0) text.push(`${NO_LABEL}… ${count(from, 'byte')} the same`);
  for (let start = from; start < until; start += WIDTH) text.push(...pair(expected, actual, start));
  if (until < length) text.push(`${NO_LABEL}… ${count(length - until, 'byte')} more`);
  return text.join('\n');
}

const LABEL = 10;
const NO_LABEL = ' '.repeat(LABEL);

function summary(expected: Uint8Array, actual: Uint8Array, at: number): string {
  const [due, came] = [count(expected.length, 'byte'), count(actual.length, 'byte')];
  if (at === actual.length)
    return `${count(expected.length - at, 'byte')} missing at the end: expected ${due}, actual ${came}`;
  if (at === expected.length)
    return `${count(actual.length - at, 'byte')} too many at the end: expected ${due}, actual ${came}`;
  return `the first difference is at byte ${at} (0x${at.toString(16)}): expected ${due}, actual ${came}`;
}

/** The first byte that is not the same, or is there in one only; undefined when there is none. */
export function firstDifference(expected: Uint8Array, actual: Uint8Array): number | undefined {
  const length = Math.max(expected.length, actual.length);
  for (let at = 0; at < length; at++) if (expected[at] !== actual[at]) return at;
  return undefined;
}

/** One line when it is the same, else one of each and the carets. */
function pair(expected: Uint8Array, actual: Uint8Array, start: number): string[] {
  const marks: string[] = [];
  for (let at = start; at < start + WIDTH; at++) marks.push(expected[at] === actual[at] ? '  ' : '^^');
  if (!marks.includes('^^')) return [`${NO_LABEL}${row(expected, start)}`];
  const indent = ' '.repeat(LABEL + offset(start).length + 2);
  return [
    `${'expected'.padEnd(LABEL)}${row(expected, start)}`,
    `${'actual'.padEnd(LABEL)}${row(actual, start)}`,
    `${indent}${columns(marks)}`.trimEnd(),
  ];
}

function row(bytes: Uint8Array, start: number): string {
  const part = bytes.subarray(start, start + WIDTH);
  if (part.length === 0) return `${offset(start)}  (ends)`;
  const digits = Array.from(part, (byte) => byte.toString(16).padStart(2, '0'));
  const text = Array.from(part, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'));
  return `${offset(start)}  ${columns(digits).padEnd(WIDTH * 3)}  |${text.join('')}|`;
}

function offset(at: number): string {
  return at.toString(16).padStart(4, '0');
}

/** Two halves, since nobody counts to sixteen. */
function columns(cells: readonly string[]): string {
  return [cells.slice(0, WIDTH / 2), cells.slice(WIDTH / 2)]
    .filter((half) => half.length > 0)
    .map((half) => half.join(' '))
    .join('  ');
}
