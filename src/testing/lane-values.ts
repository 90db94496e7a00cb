// The bytes that the names of a lane stand for.

import { describe, invalidArgument } from '../errors.js';
import { laneError, type LaneText } from './lane-error.js';

/** Bytes. Strings are UTF-8; `{ hex: 'ff00' }` is what JSON can hold of other bytes. */
export type WireValue = string | Uint8Array | HexValue;

/** Bytes as JSON can hold them. */
export interface HexValue {
  /** Two digits a byte, at least one byte. */
  readonly hex: string;
}

/** What the names in a lane stand for. */
export type WireValues = Readonly<Record<string, WireValue>>;

const HEX = /^(?:[\da-f]{2})+$/i;

/** Whether something is bytes, one way or another. */
export function isValue(value: unknown): value is WireValue {
  return typeof value === 'string' || value instanceof Uint8Array || isHex(value);
}

function isHex(value: unknown): value is { readonly hex: string } {
  if (typeof value !== 'object' || value === null || !('hex' in value)) return false;
  return typeof value.hex === 'string' && HEX.test(value.hex);
}

/**
 * Bytes of a value: a copy, so that nobody who changes it changes the diagram.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE) for what is no bytes.
 */
export function bytesOf(value: WireValue): Buffer {
  if (isHex(value)) return Buffer.from(value.hex, 'hex');
  if (typeof value === 'string' || value instanceof Uint8Array) return Buffer.from(value);
  throw invalidArgument(
    `bytes must be a string, a Buffer or a Uint8Array, not ${describe(value)}`,
    'ERR_INVALID_ARG_TYPE',
  );
}

/** Whether a character is a name by itself: a letter or a digit of any script. */
export function isName(character: string): boolean {
  return /^[\p{L}\p{N}]$/u.test(character);
}

/**
 * The bytes of a name in a lane.
 *
 * @param otherwise - the text that is meant when the name has no value; without it, a value is required
 */
export function valueOf(
  lane: LaneText,
  column: number,
  name: string,
  values: WireValues,
  otherwise?: string,
): Buffer {
  const value: unknown = Object.hasOwn(values, name) ? values[name] : otherwise;
  if (value === undefined && !Object.hasOwn(values, name)) {
    throw laneError(lane, column, `"${name}" has no value; ${known(values)}`);
  }
  if (!isValue(value)) {
    throw laneError(
      lane,
      column,
      `the value of "${name}" must be a string, a Buffer or a Uint8Array, not ${describe(value)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  const bytes = bytesOf(value);
  if (bytes.length === 0) {
    throw laneError(lane, column, `the value of "${name}" is empty; data is at least one byte`);
  }
  return bytes;
}

const LISTED = 20;

function known(values: WireValues): string {
  const names = Object.keys(values);
  if (names.length === 0) return 'no names are known: pass values, as in { ping: "PING\\r\\n" }';
  const more = names.length > LISTED ? `, … ${names.length - LISTED} more` : '';
  return `known are ${names.slice(0, LISTED).join(', ')}${more}`;
}
