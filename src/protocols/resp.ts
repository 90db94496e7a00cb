// resp: values of the language of Redis, in both its versions.

import type { OperatorFunction } from 'rxjs';

import { flag, integer, known } from '../options.js';
import { choice, maxOf } from './frame-options.js';
import { framed } from './framing.js';
import { RespDecoder } from './resp-decoder.js';
import type { RespValue } from './resp-value.js';

/** Options of {@link resp}. */
export interface RespOptions {
  /** Bytes of the longest value, with all that is in it: 1 to 2147483647. Default 64 MiB. */
  readonly max?: number;
  /** How deep values may be nested, attributes included: 0 (no aggregates) to 1024. Default 32. */
  readonly maxDepth?: number;
  /** How many values one value may contain, at all depths together: 0 to 2147483647. Default 1048576. */
  readonly maxValues?: number;
  /** What bulk strings are. Default `'buffer'`. */
  readonly strings?: 'buffer' | 'utf8' | 'latin1';
  /**
   * Whether a line that begins with no sign of RESP is a command as people type it: words apart by white space, quoted
   * as in Redis, as an array of bulk strings. Empty lines are nothing. Default false: it is ERR_EVIO_FRAME_INVALID.
   */
  readonly inline?: boolean;
  /** What is left at the end of input of a value that is not whole. Default `'error'`. */
  readonly rest?: 'error' | 'drop';
}

const OPTIONS: Readonly<Record<keyof RespOptions, true>> = {
  max: true,
  maxDepth: true,
  maxValues: true,
  strings: true,
  inline: true,
  rest: true,
};
const MIB = 1024 * 1024;

/**
 * Values of RESP2 and RESP3 ({@link RespValue}); which of the two a peer speaks need not be known. Lines (all but bulk and
 * verbatim strings and blob errors) are at most 64 KiB long, big numbers 4096 digits. What is above a limit errors with
 * ERR_EVIO_FRAME_TOO_LARGE before it is waited for; memory grows with what has arrived, not with what was announced. What
 * is not RESP errors with ERR_EVIO_FRAME_INVALID; so do the streamed values of RESP3 (`$?`, `*?` …), which Redis has
 * never sent. Input that ends inside of a value errors with ERR_EVIO_FRAME_TRUNCATED.
 *
 * Buffers are yours to keep as the chunks of the source are. For those who leave before the end see {@link lines}; who
 * leaves inside of an aggregate gives nothing back.
 *
 * @throws TypeError or RangeError for a bad option.
 * @example
 * ```ts
 * const pong: Protocol = (data$) =>
 *   data$.pipe(resp({ inline: true }), map(() => encodeResp(new RespSimple('PONG'))));
 * ```
 */
export function resp(
  options: RespOptions & { readonly strings: 'utf8' | 'latin1' },
): OperatorFunction<Uint8Array, RespValue<string>>;
export function resp(
  options?: RespOptions & { readonly strings?: 'buffer' },
): OperatorFunction<Uint8Array, RespValue>;
export function resp(options?: RespOptions): OperatorFunction<Uint8Array, RespValue<Buffer | string>>;
export function resp(options?: RespOptions): OperatorFunction<Uint8Array, RespValue<Buffer | string>> {
  const given = known<RespOptions>(options, OPTIONS);
  const limits = {
    max: maxOf(given.max, 64 * MIB),
    maxDepth: integer('maxDepth', given.maxDepth, 32, 0, 1024),
    maxValues: integer('maxValues', given.maxValues, MIB, 0, 0x7fff_ffff),
    strings: choice('strings', given.strings, 'buffer', ['buffer', 'utf8', 'latin1']),
    inline: flag('inline', given.inline, false),
  };
  const rest = choice('rest', given.rest, 'error', ['error', 'drop']);
  return framed({ name: 'resp', rest, decoder: () => new RespDecoder(limits) });
}
