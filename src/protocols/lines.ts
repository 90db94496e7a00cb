// lines: text, cut where it says so.

import type { OperatorFunction } from 'rxjs';

import { known } from '../options.js';
import { DelimiterDecoder } from './delimiter-decoder.js';
import { choice, maxOf } from './frame-options.js';
import type { Rest } from './frame-options.js';
import { framed } from './framing.js';
import type { Intake } from './intake.js';

/** Options of {@link lines}. */
export interface LinesOptions {
  /** Bytes of the longest line, without what ends it: 1 to 2147483647. Default 64 KiB. */
  readonly max?: number;
  /**
   * `'utf8'` (default): strings, with U+FFFD for what is not UTF-8; `'latin1'`: strings with one character a byte;
   * `'buffer'`: the bytes.
   */
  readonly encoding?: 'utf8' | 'latin1' | 'buffer';
  /** What is left at the end of input without a newline. Default `'emit'`: it is the last line. */
  readonly rest?: Rest;
}

const OPTIONS: Readonly<Record<keyof LinesOptions, true>> = { max: true, encoding: true, rest: true };
const KIB = 1024;
const LF: Uint8Array = Buffer.from('\n');

/**
 * Lines that end with LF or CR LF, without that ending. A longer line than `max` errors with ERR_EVIO_FRAME_TOO_LARGE, as
 * soon as that is known. A line that was cut by the end of input is a last line, save where `rest` says otherwise.
 *
 * What one chunk is cut into comes at once: after `pause()` the rest of it still comes, after `destroy()` nothing.
 * Subscribers who leave in time get nothing more, and what follows the last line they took is given back to the connection
 * (`connection.unread`): it can be read in another way. Whoever else subscribes to `data$` then gets it twice.
 *
 * @throws TypeError or RangeError for a bad option.
 * @example
 * ```ts
 * const upper: Protocol = (data$) => data$.pipe(lines(), map((line) => `${line.toUpperCase()}\n`));
 * const header$ = connection.data$.pipe(lines(), takeWhile((line) => line !== ''));
 * ```
 */
export function lines(
  options?: LinesOptions & { readonly encoding?: 'utf8' | 'latin1' },
): OperatorFunction<Uint8Array, string>;
export function lines(
  options: LinesOptions & { readonly encoding: 'buffer' },
): OperatorFunction<Uint8Array, Buffer>;
export function lines(options?: LinesOptions): OperatorFunction<Uint8Array, string | Buffer>;
export function lines(options?: LinesOptions): OperatorFunction<Uint8Array, string | Buffer> {
  const given = known<LinesOptions>(options, OPTIONS);
  const max = maxOf(given.max, 64 * KIB);
  const encoding = choice('encoding', given.encoding, 'utf8', ['utf8', 'latin1', 'buffer']);
  const rest = choice('rest', given.rest, 'emit', ['emit', 'error', 'drop']);
  const frame = (intake: Intake, length: number): string | Buffer =>
    encoding === 'buffer' ? intake.slice(0, length) : intake.text(0, length, encoding);
  const delimited = { name: 'lines', delimiter: LF, max, keep: false, dropCR: true, frame };
  return framed({ name: 'lines', rest, decoder: () => new DelimiterDecoder(delimited) });
}
