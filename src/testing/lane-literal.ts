// Data that stands in a lane itself: 'text' with JavaScript's escapes, and <hex bytes>.

import { laneError, type LaneText } from './lane-error.js';

/** Bytes, and the column after what stands for them. */
export interface Literal {
  readonly bytes: Buffer;
  readonly end: number;
}

const SIMPLE: Readonly<Record<string, string>> = {
  r: '\r',
  n: '\n',
  t: '\t',
  '\\': '\\',
  "'": "'",
  '"': '"',
};
const ESCAPES = `\\r \\n \\t \\0 \\\\ \\' \\" \\xHH \\uHHHH \\u{…}`;
/** Of one escape: a simple one, or the digits of a code point. `\0` before a digit would be octal in JavaScript. */
const ESCAPE = /\\(?:([rnt\\'"])|(0)(?!\d)|x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\})/y;

/** Reads `'text'` or `"text"`, whose quote is at that column. Its bytes are UTF-8: for any byte there is `<ff>`. */
export function textAt(lane: LaneText, column: number): Literal {
  const { text } = lane;
  const quote = text[column] as string;
  let value = '';
  let at = column + 1;
  while (text[at] !== quote) {
    if (at >= text.length) throw laneError(lane, column, `the text is not closed: expected ${quote}`);
    if (text[at] === '\n' || text[at] === '\r') {
      throw laneError(lane, at, 'a line ends inside a text: write \\n or \\r');
    }
    const { character, length } =
      text[at] === '\\' ? escapeAt(lane, at) : { character: text[at] as string, length: 1 };
    value += character;
    at += length;
  }
  if (value === '') throw laneError(lane, column, 'the text is empty; data is at least one byte');
  if (/\p{Surrogate}/u.test(value)) {
    throw laneError(lane, column, 'the text has half of a surrogate pair, which is no UTF-8');
  }
  return { bytes: Buffer.from(value), end: at + 1 };
}

function escapeAt(lane: LaneText, at: number): { character: string; length: number } {
  ESCAPE.lastIndex = at;
  const match = ESCAPE.exec(lane.text);
  const [all = '', simple, zero, ...digits] = match ?? [];
  const code = Number.parseInt(digits.find((some) => some !== undefined) ?? '0', 16);
  if (match === null || code > 0x10_ffff) {
    throw laneError(lane, at, `unknown escape; known are ${ESCAPES}`);
  }
  if (simple !== undefined) return { character: SIMPLE[simple] as string, length: all.length };
  return { character: zero === undefined ? String.fromCodePoint(code) : '\0', length: all.length };
}

/** Reads `<0d 0a ff>`, whose bracket is at that column. */
export function hexAt(lane: LaneText, column: number): Literal {
  const end = lane.text.indexOf('>', column);
  if (end < 0) throw laneError(lane, column, 'the bytes are not closed: expected >');
  const bytes: number[] = [];
  let at = column + 1;
  while (at < end) {
    if (lane.text[at] === ' ') {
      at += 1;
      continue;
    }
    const digits = /^[\da-f]*/i.exec(lane.text.slice(at, Math.min(at + 2, end)))?.[0] ?? '';
    if (digits.length < 2) throw wrongHex(lane, at + digits.length, digits);
    bytes.push(Number.parseInt(digits, 16));
    at += 2;
  }
  if (bytes.length === 0) throw laneError(lane, column, 'no bytes in <>; data is at least one byte');
  return { bytes: Buffer.from(bytes), end: end + 1 };
}

function wrongHex(lane: LaneText, at: number, digits: string): TypeError {
  const found = String.fromCodePoint(lane.text.codePointAt(at) ?? 0);
  const odd = digits.length === 1 && (found === ' ' || found === '>');
  return odd
    ? laneError(lane, at - 1, `half a byte: expected two hex digits, as in <0${digits}>`)
    : laneError(lane, at, `expected a hex digit, not "${found}"`);
}
