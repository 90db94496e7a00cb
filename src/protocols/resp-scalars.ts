// Numbers and booleans of RESP, from their text. `undefined` for what is none.

import { RespBigNumber, RespDouble } from './resp-value.js';

const INT64_MIN: bigint = -(2n ** 63n);
const INT64_MAX: bigint = 2n ** 63n - 1n;
/** Digits of a big number: to make it of them takes time that grows faster than they do. */
export const MAX_DIGITS = 4096;

export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

/** Of 64 bits, signed. */
export function integerOf(text: string): number | bigint | undefined {
  if (!/^[+-]?\d{1,19}$/.test(text)) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number + 0; // not -0
  const value = BigInt(text.replace('+', ''));
  return isInt64(value) ? value : undefined;
}

export function doubleOf(text: string): RespDouble | undefined {
  if (/^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$/.test(text)) return new RespDouble(Number(text));
  if (text === 'inf' || text === '+inf') return new RespDouble(Infinity);
  if (text === '-inf') return new RespDouble(-Infinity);
  return text === 'nan' || text === '-nan' ? new RespDouble(NaN) : undefined;
}

export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (Math.abs(value) === Infinity) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

export function bigNumberOf(text: string): RespBigNumber | undefined {
  return /^[+-]?\d+$/.test(text) ? new RespBigNumber(BigInt(text.replace('+', ''))) : undefined;
}

export function booleanOf(text: string): boolean | undefined {
  return text === 't' ? true : text === 'f' ? false : undefined;
}
