// What a person reads when a diagram fails: what differs in words, the lanes with a caret, the bytes, and how it came about.

import { firstDifference, hexDiff } from './hex.js';
import type { MarbleKind } from './lane-tokens.js';
import { count, quote } from './quote.js';

/** The first thing that differs. */
export interface Difference {
  /** In ms; fractions are rounded down. */
  readonly at: number;
  /** Of the expected lane, 0-based, for the caret. */
  readonly column?: number;
  /** Bytes that were due, or a kind of marble, or words that go on after "should have"; absent when nothing was due. */
  readonly expected?: Buffer | string;
  /** Bytes that came, or a kind of marble, or words that go on after "but"; absent when nothing came. */
  readonly actual?: Buffer | string;
}

/** All that is said about a diagram that fails. */
export interface Mismatch {
  /** Which diagram it is; may be empty. */
  readonly title: string;
  /** The lanes, as texts. */
  readonly client: string;
  readonly expected: string;
  readonly actual: string;
  readonly difference: Difference;
  /** What happened, a line each, in order. Lines that begin with a number begin with their time in ms. */
  readonly trace?: readonly string[];
  /** Said below the bytes: the seed, where a stream was cut, what a name stands for. */
  readonly notes?: readonly string[];
}

/**
 * Describes a diagram that fails, in several lines.
 *
 * @example
 * describeMismatch({
 *   title: 'a ping', client: '^-{ping}', expected: '--------{pong}', actual: "--------'-ERR\\r\\n'",
 *   difference: { at: 8, column: 8, expected: Buffer.from('+PONG\r\n'), actual: Buffer.from('-ERR\r\n') },
 * });
 * // a ping: at 8 ms the server should have sent "+PONG\r\n", but it sent "-ERR\r\n"
 * //
 * //   client    ^-{ping}
 * //   expected  --------{pong}
 * //   actual    --------'-ERR\r\n'
 * //                     ^
 */
export function describeMismatch(mismatch: Mismatch): string {
  const { title, difference, trace = [], notes = [] } = mismatch;
  const { at, expected, actual } = difference;
  const head = `${title === '' ? '' : `${title}: `}${sentence(difference)}`;
  const parts = [head, lanes(mismatch)];
  if (Buffer.isBuffer(expected) && Buffer.isBuffer(actual) && !expected.equals(actual)) {
    parts.push(indented(hexDiff(expected, actual)));
  }
  if (notes.length > 0) parts.push(indented(notes.join('\n')));
  if (trace.length > 0) parts.push(indented(around(trace, at).join('\n')));
  return parts.join('\n\n');
}

function sentence({ at, expected, actual }: Difference): string {
  const when = `at ${Math.floor(at)} ms the server`;
  if (expected === undefined && actual === undefined) return `${when} did something else than expected`;
  if (expected === undefined) return `${when} should have done nothing, but it ${deed(actual)}`;
  const due = `${when} should have ${deed(expected)}`;
  if (actual === undefined)
    return `${due}, but it ${typeof expected === 'string' ? 'did not' : 'sent nothing'}`;
  return `${due}, but it ${deed(actual)}${farther(expected, actual)}`;
}

/** Where two differ that look the same as far as they are quoted. */
function farther(expected: Buffer | string, actual: Buffer | string): string {
  if (typeof expected === 'string' || typeof actual === 'string') return '';
  const at = firstDifference(expected, actual) ?? 0;
  return at < QUOTED ? '' : `, which differs from byte ${at} on`;
}

/** Bytes that are quoted in the sentence. */
const QUOTED = 40;

/** What was done, as a participle and in the past, which are the same for these. */
const DEEDS: Readonly<Record<Exclude<MarbleKind, 'data'>, string>> = {
  fin: 'ended its output (FIN)',
  reset: 'reset the connection (RST)',
  close: 'closed the connection',
  connect: 'accepted the connection',
  stop: 'stopped reading',
  go: 'resumed reading',
};

function deed(what: Buffer | string | undefined): string {
  if (what === undefined) return 'done nothing';
  if (typeof what !== 'string') return `sent ${quote(what, QUOTED)}`;
  return Object.hasOwn(DEEDS, what) ? DEEDS[what as keyof typeof DEEDS] : what;
}

/** Characters of a lane that fit a line; longer lanes are shown round the place. */
const WIDTH = 100;
const BEFORE = 40;

function lanes({ client, expected, actual, difference: { column } }: Mismatch): string {
  const longest = Math.max(client.length, expected.length, actual.length);
  const from = longest <= WIDTH ? 0 : Math.max(0, (column ?? 0) - BEFORE);
  const lines = Object.entries({ client, expected, actual }).map(([label, text]) =>
    `  ${label.padEnd(10)}${cut(text, from)}`.trimEnd(),
  );
  if (column !== undefined) {
    const before = cut(expected.padEnd(column), from).slice(0, column - from + (from > 0 ? 1 : 0));
    lines.push(`${' '.repeat(12)}${before.replace(/[^\t]/gu, ' ')}^`);
  }
  return lines.join('\n');
}

function cut(text: string, from: number): string {
  const shown = text.slice(from, from + WIDTH);
  return `${from > 0 ? '…' : ''}${shown}${text.length > from + WIDTH ? '…' : ''}`;
}

const LINES_BEFORE = 12;
const LINES_AFTER = 3;

/** The lines of a trace up to a time, and a few after. */
function around(trace: readonly string[], at: number): string[] {
  const later = trace.findIndex((line) => Number(/^\s*(\d+(?:\.\d+)?)/.exec(line)?.[1] ?? -1) > at);
  const end = later < 0 ? trace.length : Math.min(trace.length, later + LINES_AFTER);
  const start = Math.max(0, (later < 0 ? end : later) - LINES_BEFORE);
  const lines = trace.slice(start, end);
  if (start > 0) lines.unshift(`… ${count(start, 'line')} before`);
  if (end < trace.length) lines.push(`… ${count(trace.length - end, 'line')} after`);
  return lines;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
