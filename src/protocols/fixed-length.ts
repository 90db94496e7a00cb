// fixedLength: frames of one size.

import type { OperatorFunction } from 'rxjs';

import { integer, known } from '../options.js';
import { LONGEST, choice } from './frame-options.js';
import type { Rest } from './frame-options.js';
import { framed } from './framing.js';
import type { Decoder } from './framing.js';
import { MORE } from './intake.js';
import type { Intake } from './intake.js';

/** Options of {@link fixedLength}. */
export interface FixedLengthOptions {
  /** What is left at the end of input and too short. Default `'error'`: a cut frame must not look whole. */
  readonly rest?: Rest;
}

const OPTIONS: Readonly<Record<keyof FixedLengthOptions, true>> = { rest: true };

/**
 * Frames of `length` bytes each, 1 to 2147483647. Input that ends inside of one errors with ERR_EVIO_FRAME_TRUNCATED, save
 * where `rest` says otherwise. Frames are yours to keep as the chunks of the source are. For those who leave before the end
 * see {@link lines}.
 *
 * @throws TypeError or RangeError for a bad argument.
 * @example
 * ```ts
 * connection.data$.pipe(fixedLength(16)).subscribe((record) => store(record));
 * ```
 */
export function fixedLength(
  length: number,
  options?: FixedLengthOptions,
): OperatorFunction<Uint8Array, Buffer> {
  const given = known<FixedLengthOptions>(options, OPTIONS);
  const size = integer('length', length ?? null, 1, 1, LONGEST);
  const rest = choice('rest', given.rest, 'error', ['emit', 'error', 'drop']);
  return framed({ name: 'fixedLength', rest, decoder: () => new FixedLengthDecoder(size) });
}

class FixedLengthDecoder implements Decoder<Buffer> {
  readonly wanted: number;

  constructor(length: number) {
    this.wanted = length;
  }

  next(intake: Intake): Buffer | typeof MORE {
    if (intake.length < this.wanted) return MORE;
    intake.take(this.wanted);
    return intake.slice(0, this.wanted);
  }

  last(intake: Intake): Buffer {
    const { length } = intake;
    intake.take(length);
    return intake.slice(0, length);
  }
}
