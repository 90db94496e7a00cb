// lengthPrefixed: frames that say first how long they are.

import type { OperatorFunction } from 'rxjs';

import { toBytes } from '../bytes.js';
import type { Bytes } from '../bytes.js';
import { invalidArgument } from '../errors.js';
import { flag, known } from '../options.js';
import { invalid, tooLarge } from './frame-errors.js';
import { choice, maxOf } from './frame-options.js';
import { framed } from './framing.js';
import type { Decoder } from './framing.js';
import { MORE } from './intake.js';
import type { Intake } from './intake.js';
import { readVarint, varintEnd, varintSize, writeVarint } from './varint.js';

/** What the two ends must agree on. */
export interface LengthPrefix {
  /** An unsigned integer of 1, 2 or 4 bytes, or an unsigned LEB128 of up to 2^53 - 1, as in Protocol Buffers. */
  readonly length: 'u8' | 'u16' | 'u32' | 'varint';
  /** Order of the bytes of `u16` and `u32`. Default `'big'`. */
  readonly endian?: 'big' | 'little';
  /** The length counts its own bytes too. Default false. */
  readonly includesPrefix?: boolean;
  /** Bytes of the longest frame, without its length: 1 to 2147483647. Default 16 MiB. */
  readonly max?: number;
}

/** Options of {@link lengthPrefixed}. */
export interface LengthPrefixedOptions extends LengthPrefix {
  /** What is left at the end of input of a frame that is not whole. Default `'error'`. */
  readonly rest?: 'error' | 'drop';
}

const PREFIX: Readonly<Record<keyof LengthPrefix, true>> = {
  length: true,
  endian: true,
  includesPrefix: true,
  max: true,
};
const OPTIONS: Readonly<Record<keyof LengthPrefixedOptions, true>> = { ...PREFIX, rest: true };
const NAME = 'lengthPrefixed';
const MIB = 1024 * 1024;
const SIZES = { u8: 1, u16: 2, u32: 4 } as const;

/**
 * Frames behind their length. A length above `max` errors with ERR_EVIO_FRAME_TOO_LARGE before anything of the frame is
 * waited for, a length that cannot be with ERR_EVIO_FRAME_INVALID, input that ends inside of a frame with
 * ERR_EVIO_FRAME_TRUNCATED. Memory grows with what has arrived, not with what was announced. Frames are yours to keep as the
 * chunks of the source are. For those who leave before the end see {@link lines}.
 *
 * @throws TypeError or RangeError for a bad option.
 * @example
 * ```ts
 * const echo: Protocol = (data$) =>
 *   data$.pipe(lengthPrefixed({ length: 'u16' }), map((frame) => encodeLengthPrefixed(frame, { length: 'u16' })));
 * ```
 */
export function lengthPrefixed(options: LengthPrefixedOptions): OperatorFunction<Uint8Array, Buffer> {
  const given = known<LengthPrefixedOptions>(options, OPTIONS);
  const prefix = prefixOf(given);
  const rest = choice('rest', given.rest, 'error', ['error', 'drop']);
  return framed({ name: NAME, rest, decoder: () => new LengthPrefixedDecoder(prefix) });
}

/**
 * One frame with its length in front.
 *
 * @throws TypeError or RangeError for a bad option; RangeError (ERR_OUT_OF_RANGE) when the bytes are more than `max`, or
 *   than the length can say.
 */
export function encodeLengthPrefixed(bytes: Bytes, options: LengthPrefix): Buffer {
  const prefix = prefixOf(known<LengthPrefix>(options, PREFIX));
  const body = toBytes(bytes);
  const size = sizeOf(prefix, body.length);
  const length = prefix.includesPrefix ? body.length + size : body.length;
  const most = prefix.length === 'varint' ? Number.MAX_SAFE_INTEGER : 2 ** (8 * size) - 1;
  const limit = Math.min(prefix.max, most - (length - body.length));
  if (body.length > limit) {
    throw Object.assign(new RangeError(`encodeLengthPrefixed: at most ${limit} bytes, not ${body.length}`), {
      code: 'ERR_OUT_OF_RANGE',
    });
  }
  const frame = Buffer.allocUnsafe(size + body.length);
  if (prefix.length === 'varint') writeVarint(frame, length);
  else if (prefix.endian === 'big') frame.writeUIntBE(length, 0, size);
  else frame.writeUIntLE(length, 0, size);
  frame.set(body, size);
  return frame;
}

type Prefix = Required<LengthPrefix>;

function prefixOf(given: LengthPrefix): Prefix {
  if (given.length === undefined) {
    throw invalidArgument(
      'option length must be one of "u8", "u16", "u32", "varint", not undefined',
      'ERR_INVALID_ARG_TYPE',
    );
  }
  return {
    length: choice('length', given.length, 'u8', ['u8', 'u16', 'u32', 'varint']),
    endian: choice('endian', given.endian, 'big', ['big', 'little']),
    includesPrefix: flag('includesPrefix', given.includesPrefix, false),
    max: maxOf(given.max, 16 * MIB),
  };
}

/** Of the length in front of that many bytes. Where it counts itself, its own bytes may make it longer. */
function sizeOf(prefix: Prefix, length: number): number {
  if (prefix.length !== 'varint') return SIZES[prefix.length];
  const size = varintSize(length);
  return prefix.includesPrefix ? varintSize(length + size) : size;
}

class LengthPrefixedDecoder implements Decoder<Buffer> {
  wanted: number | undefined;
  readonly #prefix: Prefix;
  #size = 0;

  constructor(prefix: Prefix) {
    this.#prefix = prefix;
  }

  next(intake: Intake): Buffer | typeof MORE {
    if (this.wanted === undefined && !this.#begin(intake)) return MORE;
    const { wanted } = this;
    if (wanted === undefined || intake.length < wanted) return MORE;
    intake.take(wanted);
    this.wanted = undefined;
    return intake.slice(this.#size, wanted);
  }

  /** Reads the length, if it is there. */
  #begin(intake: Intake): boolean {
    const { length: kind, max, includesPrefix } = this.#prefix;
    const size = kind === 'varint' ? varintEnd(intake, NAME) : SIZES[kind];
    if (size === 0 || intake.length < size) return false;
    const declared = kind === 'varint' ? readVarint(intake, size, NAME) : this.#read(intake, size);
    const length = includesPrefix ? declared - size : declared;
    if (length < 0) throw invalid(NAME, `a length of ${declared}, which is less than its own ${size} bytes`);
    if (length > max) throw tooLarge(NAME, `a frame of ${length} bytes, more than ${max} (max)`);
    this.#size = size;
    this.wanted = size + length;
    return true;
  }

  #read(intake: Intake, size: number): number {
    let value = 0;
    for (let at = 0; at < size; at++) {
      value = value * 256 + intake.at(this.#prefix.endian === 'big' ? at : size - 1 - at);
    }
    return value;
  }
}
