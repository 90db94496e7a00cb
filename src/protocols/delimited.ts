// delimited: frames with a mark behind each.

import type { OperatorFunction } from 'rxjs';

import { describe, invalidArgument } from '../errors.js';
import { flag, known } from '../options.js';
import { DelimiterDecoder } from './delimiter-decoder.js';
import { choice, maxOf } from './frame-options.js';
import type { Rest } from './frame-options.js';
import { framed } from './framing.js';
import type { Intake } from './intake.js';

/** Options of {@link delimited}. */
export interface DelimitedOptions {
  /** Bytes of the longest frame, without its delimiter: 1 to 2147483647. Default 64 KiB. */
  readonly max?: number;
  /** Frames end with their delimiter. Default false: without it. */
  readonly keep?: boolean;
  /** What is left at the end of input without a delimiter. Default `'emit'`: it is the last frame. */
  readonly rest?: Rest;
}

const OPTIONS: Readonly<Record<keyof DelimitedOptions, true>> = { max: true, keep: true, rest: true };
const KIB = 1024;
/** In bytes. Whether one has begun is looked at anew with every chunk. */
const LONGEST_DELIMITER = 256;

/**
 * Frames that end with a delimiter, of 1 to 256 bytes, which may be cut anywhere; strings are UTF-8. A longer frame than `max`
 * errors with ERR_EVIO_FRAME_TOO_LARGE, as soon as that is known. Frames are yours to keep as the chunks of the source are.
 * For those who leave before the end see {@link lines}.
 *
 * @throws TypeError or RangeError for a bad argument.
 * @example
 * ```ts
 * connection.data$.pipe(delimited('\0')).subscribe((frame) => handle(frame));
 * ```
 */
export function delimited(
  delimiter: string | Uint8Array,
  options?: DelimitedOptions,
): OperatorFunction<Uint8Array, Buffer> {
  const given = known<DelimitedOptions>(options, OPTIONS);
  const keep = flag('keep', given.keep, false);
  const rest = choice('rest', given.rest, 'emit', ['emit', 'error', 'drop']);
  const settings = {
    name: 'delimited',
    delimiter: delimiterOf(delimiter),
    max: maxOf(given.max, 64 * KIB),
    keep,
    dropCR: false,
    frame: (intake: Intake, length: number) => intake.slice(0, length),
  };
  return framed({ name: 'delimited', rest, decoder: () => new DelimiterDecoder(settings) });
}

/** A copy: whoever gave it may change his. */
function delimiterOf(given: string | Uint8Array): Uint8Array {
  if (typeof given !== 'string' && !(given instanceof Uint8Array)) {
    throw invalidArgument(
      `delimited: delimiter must be a string or a Uint8Array, not ${describe(given)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  const delimiter = Buffer.from(given);
  if (delimiter.length >= 1 && delimiter.length <= LONGEST_DELIMITER) return delimiter;
  throw Object.assign(
    new RangeError(`delimited: delimiter must have 1 to ${LONGEST_DELIMITER} bytes, not ${delimiter.length}`),
    { code: 'ERR_OUT_OF_RANGE' },
  );
}
