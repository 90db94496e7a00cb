// Bytes as text that a person can read and JavaScript too: "PING\r\n".

import { isUtf8 } from 'node:buffer';

/** A character of UTF-8, or a byte that belongs to none. */
interface Unit {
  readonly length: number;
  /** Undefined for a byte that is no UTF-8. */
  readonly character: string | undefined;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\r', '\\r'],
  ['\n', '\\n'],
  ['\t', '\\t'],
  ['\\', '\\\\'],
]);

/** What has a shape of its own: letters, marks, numbers, punctuation, symbols and the blank. */
const VISIBLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/**
 * Bytes in double quotes, as a literal of JavaScript. What is UTF-8 is text; a byte that is not is `\xff`, which text is never
 * written as above 0x7f.
 *
 * @param max - of bytes that are shown; whole characters only
 * @example
 * quote(Buffer.from('PING\r\n')); // "PING\r\n"
 * quote(Buffer.alloc(1234, 'a'), 4); // "aaaa"… (1,234 bytes)
 */
export function quote(bytes: Uint8Array, max = 40): string {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const unit = unitAt(bytes, at);
    if (at + unit.length > max) break;
    at += unit.length;
    text += escaped(unit, bytes, at, '"');
  }
  return at < bytes.length ? `"${text}"… (${count(bytes.length, 'byte')})` : `"${text}"`;
}

/** All of the bytes in single quotes, as a text of a lane; undefined for bytes that are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const unit = unitAt(bytes, at);
    at += unit.length;
    text += escaped(unit, bytes, at, "'");
  }
  return `'${text}'`;
}

/** A number of things: `1 byte`, `1,234 bytes`. */
export function count(number: number, thing: string): string {
  return `${number.toLocaleString('en-US')} ${thing}${number === 1 ? '' : 's'}`;
}

function unitAt(bytes: Uint8Array, at: number): Unit {
  const first = bytes[at] as number;
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const part = bytes.subarray(at, at + length);
  if (part.length < length || !isUtf8(part)) return { length: 1, character: undefined };
  return { length, character: Buffer.from(part).toString() };
}

/** @param next - where the bytes go on, since `\0` before a digit would be octal */
function escaped({ character }: Unit, bytes: Uint8Array, next: number, mark: string): string {
  if (character === undefined) return `\\x${hex(bytes[next - 1] as number, 2)}`;
  if (character === mark) return `\\${mark}`;
  const digitFollows = /\d/.test(String.fromCharCode(bytes[next] ?? 0));
  if (character === '\0' && !digitFollows) return '\\0';
  const known = ESCAPES.get(character);
  if (known !== undefined) return known;
  if (VISIBLE.test(character)) return character;
  const code = character.codePointAt(0) as number;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code > 0xffff ? `\\u{${hex(code, 5)}}` : `\\u${hex(code, 4)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
