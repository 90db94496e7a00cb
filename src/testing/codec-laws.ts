// What holds for every codec: a pair of a decoder, which is an operator on bytes, and an encoder.

import { isDeepStrictEqual } from 'node:util';

import { Observable, Subject, ignoreElements, pipe, take, tap } from 'rxjs';
import type { OperatorFunction } from 'rxjs';

import { describe, invalidArgument } from '../errors.js';
import { bytesOf } from './diagram.js';
import { choicesOf } from './choices.js';
import { violated } from './laws.js';
import type { Law } from './laws.js';
import { quote } from './quote.js';
import { simulate } from './simulate.js';

/** A codec, and samples to try it with. */
export interface Codec<T> {
  /** Made anew for each stream: `() => lines()`. */
  readonly decode: () => OperatorFunction<Buffer, T>;
  /** One value as it goes out: `(line) => line + '\n'`. */
  readonly encode: (value: T) => Uint8Array | string;
  /** Values that it can carry, one at least; of several kinds and sizes. */
  readonly values: readonly T[];
  /** Default: deep, strict equality. */
  readonly equals?: (a: T, b: T) => boolean;
  /** What happens to an incomplete frame at the end of input. Default `'error'`. */
  readonly incomplete?: 'error' | 'emit' | 'drop';
  /** Inputs that no frame begins with. */
  readonly invalid?: readonly (string | Uint8Array)[];
  /** A chunk which, repeated for ever, never makes a frame: the decoder must give up rather than grow. */
  readonly endless?: string | Uint8Array;
  /** Bytes of such a frame after which it must have given up, but for one chunk of 64 KiB. Default 256 MiB. */
  readonly max?: number;
  /** It is made for `reuseInputBuffer: true` as well, where a chunk is valid during the call only. Default false. */
  readonly lent?: boolean;
  /** For random cuts. Default 1. */
  readonly seed?: number;
}

const NOTHING = Buffer.alloc(0);
const RANDOM_CUTS = 50;
const TOO_MUCH = 256 * 1024 * 1024;

/** What came of decoding: values, and how it ended. */
interface Outcome<T> {
  readonly values: readonly T[];
  readonly ended: 'complete' | 'error' | 'open';
  readonly error: unknown;
  /** It had let go of its source before that ended. */
  readonly released: boolean;
}

/**
 * Laws of a codec, for `for (const { name, check } of codecLaws(codec)) it(name, check)`.
 *
 * @throws TypeError for a codec without values, or whose values are nothing on the wire: every law would hold.
 * @example
 * ```ts
 * codecLaws({ decode: () => lines(), encode: (line) => `${line}\n`, values: ['a', '', 'b c'], incomplete: 'emit' });
 * ```
 */
export function codecLaws<T>(codec: Codec<T>): Law[] {
  checkCodec(codec);
  const laws = new CodecLaws(codec);
  return [
    { name: 'what is encoded is decoded', check: () => laws.roundTrip() },
    { name: 'a cut at any place changes nothing', check: () => laws.everyCut() },
    { name: 'bytes that come one by one change nothing', check: () => laws.oneByOne() },
    { name: 'random cuts change nothing', check: () => laws.randomCuts() },
    { name: 'a frame comes as soon as its last byte has come, and not before', check: () => laws.promptly() },
    { name: 'an incomplete frame at the end is not passed over in silence', check: () => laws.incomplete() },
    { name: 'an empty chunk means nothing', check: () => laws.emptyChunks() },
    { name: 'the input is not changed', check: () => laws.inputKept() },
    { name: 'who takes one frame gets one', check: () => laws.takeOne() },
    { name: 'an error of the source is passed on', check: () => laws.sourceError() },
    { name: 'what was decoded survives the next input', check: () => laws.survives(false) },
    ...(codec.lent === true
      ? [
          {
            name: 'input that is valid during the call only is enough',
            check: (): void => laws.survives(true),
          },
        ]
      : []),
    ...(codec.invalid ?? []).map((invalid) => ({
      name: `${quote(bytesOf(invalid))} is refused, once and for good`,
      check: (): void => laws.refuses(bytesOf(invalid)),
    })),
    ...(codec.endless === undefined
      ? []
      : [{ name: 'a frame without an end is given up', check: () => laws.givesUp() }]),
  ];
}

function checkCodec<T>({ decode, encode, values }: Codec<T>): void {
  for (const [name, given] of Object.entries({ decode, encode })) {
    if (typeof given === 'function') continue;
    throw invalidArgument(
      `codecLaws: ${name} must be a function, not ${describe(given)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  if (!Array.isArray(values) || values.length === 0) {
    throw invalidArgument('codecLaws: values must be a list of one value at least');
  }
}

class CodecLaws<T> {
  readonly #codec: Codec<T>;
  /** Each value on the wire. */
  readonly #frames: readonly Buffer[];
  readonly #wire: Buffer;

  constructor(codec: Codec<T>) {
    this.#codec = codec;
    this.#frames = codec.values.map((value, index) => {
      const frame = bytesOf(codec.encode(value));
      if (frame.length === 0)
        throw invalidArgument(`codecLaws: value ${index} is no bytes when it is encoded`);
      return frame;
    });
    this.#wire = Buffer.concat(this.#frames);
  }

  roundTrip(): void {
    this.#expectAll('the whole in one chunk', [this.#wire]);
    for (const [index, frame] of this.#frames.entries()) {
      const { values } = this.#decode([frame]);
      this.#compare(`value ${index} alone`, values, [this.#codec.values[index] as T]);
    }
  }

  everyCut(): void {
    for (let cut = 1; cut < this.#wire.length; cut++) {
      this.#expectAll(`cut at ${cut}`, [this.#wire.subarray(0, cut), this.#wire.subarray(cut)]);
    }
  }

  oneByOne(): void {
    this.#expectAll('byte by byte', this.#bytes());
  }

  randomCuts(): void {
    const { seed = 1 } = this.#codec;
    const { below } = choicesOf(seed);
    for (let i = 0; i < RANDOM_CUTS; i++) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < this.#wire.length;) {
        const end = at + 1 + below(Math.max(1, Math.min(this.#wire.length - at, 1 + below(64))));
        chunks.push(this.#wire.subarray(at, end));
        at = end;
      }
      this.#expectAll(
        `random cuts ${i} of seed ${seed}, into ${chunks.map(({ length }) => length).join(', ')}`,
        chunks,
      );
    }
  }

  promptly(): void {
    this.#promptly((frame) => (frame.length > 1 ? [frame.subarray(0, -1), frame.subarray(-1)] : [frame]));
    this.#promptly((frame) => [...frame].map((byte) => Buffer.from([byte])));
  }

  #promptly(cut: (frame: Buffer) => readonly Buffer[]): void {
    const input = new Subject<Buffer>();
    const got: T[] = [];
    const subscription = input
      .pipe(this.#codec.decode())
      .subscribe({ next: (value) => got.push(value), error: () => {} });
    for (const [index, frame] of this.#frames.entries()) {
      const chunks = cut(frame);
      for (const [at, chunk] of chunks.entries()) {
        if (got.length > index) violated(`before chunk ${at} of value ${index}`, index, got.length);
        input.next(Buffer.from(chunk));
      }
      if (got.length !== index + 1) violated(`after the last byte of value ${index}`, index + 1, got.length);
    }
    subscription.unsubscribe();
  }

  incomplete(): void {
    for (const [index, frame] of this.#frames.entries()) {
      for (let length = 1; length < frame.length; length++) {
        this.#incomplete(
          `${length} of the ${frame.length} bytes of value ${index}, then the end`,
          frame.subarray(0, length),
        );
      }
    }
  }

  #incomplete(tried: string, part: Buffer): void {
    const { incomplete = 'error' } = this.#codec;
    const { values, ended, error } = this.#decode([part]);
    const most = incomplete === 'emit' ? 1 : 0;
    if (values.length !== most) violated(tried, `${most} values`, values);
    if (incomplete === 'error') {
      if (ended !== 'error') violated(tried, 'an error', ended);
      this.#expectCode(tried, error);
    } else if (ended !== 'complete') violated(tried, 'complete', error);
  }

  emptyChunks(): void {
    this.#expectAll(
      'empty chunks between any two bytes',
      this.#bytes().flatMap((byte) => [Buffer.alloc(0), byte]),
    );
    const { values } = this.#decode([Buffer.alloc(0)], false);
    if (values.length > 0) violated('an empty chunk alone', [], values);
  }

  inputKept(): void {
    for (const chunks of [[this.#wire], this.#bytes()]) {
      const input = new Subject<Buffer>();
      const subscription = input.pipe(this.#codec.decode()).subscribe({ error: () => {} });
      const given = chunks.map((chunk) => Buffer.from(chunk));
      for (const chunk of given) input.next(chunk);
      subscription.unsubscribe();
      const after = Buffer.concat(given);
      if (!after.equals(this.#wire))
        violated(`the input, in ${chunks.length} chunks, afterwards`, quote(this.#wire), quote(after));
    }
  }

  takeOne(): void {
    let stopped = false;
    const got: T[] = [];
    const input$ = new Observable<Buffer>((subscriber) => {
      subscriber.next(Buffer.from(this.#wire));
      return () => {
        stopped = true;
      };
    });
    input$.pipe(this.#codec.decode(), take(1)).subscribe((value) => got.push(value));
    this.#compare('take(1) of all in one chunk', got, this.#codec.values.slice(0, 1));
    if (!stopped) violated('the source, when one was taken', 'unsubscribed', 'subscribed to');
  }

  sourceError(): void {
    const wrong = new Error('of the source');
    const input = new Subject<Buffer>();
    const errors: unknown[] = [];
    input.pipe(this.#codec.decode()).subscribe({ error: (error: unknown) => errors.push(error) });
    input.next(Buffer.from(this.#wire.subarray(0, 1)));
    input.error(wrong);
    if (errors.length !== 1 || errors[0] !== wrong) violated('after an error of the source', [wrong], errors);
  }

  /**
   * Over a real stream of this library, whose window is overwritten: with what comes next, with the input of another client, and
   * with poison. Where input is lent, values are looked at when they come: they may be views.
   */
  survives(reuseInputBuffer: boolean): void {
    const got: T[] = [];
    const wrong: number[] = [];
    const look = (value: T): void => {
      const index = got.push(value) - 1;
      const expected = this.#codec.values[index % this.#codec.values.length] as T;
      if (reuseInputBuffer && !this.#equal(value, expected)) wrong.push(index);
    };
    const keep = pipe(this.#codec.decode(), tap(look), ignoreElements());
    simulate((world) => {
      world.serving((data$) => data$.pipe(keep), { reuseInputBuffer });
      const other = world.serving((data$) => data$.pipe(ignoreElements()));
      const noise = Buffer.alloc(this.#wire.length + 1, 0x7e);
      // Frames that lie whole in the window, then frames that do not.
      world.client('-w-w-|', { w: this.#wire }, { cuts: this.#middles() });
      world.client('-(nn)-n-n', { n: noise }, { to: other, name: 'other' });
    });
    if (wrong.length > 0) violated('values that were wrong when they came', [], wrong);
    if (!reuseInputBuffer)
      this.#compare('values, when other input had come', got, [...this.#codec.values, ...this.#codec.values]);
    else if (got.length !== 2 * this.#codec.values.length)
      violated('how many values came', 2 * this.#codec.values.length, got.length);
  }

  /** The middle of each frame, where all are sent for the second time. */
  #middles(): number[] {
    let start = this.#wire.length;
    return this.#frames.map(({ length }) => {
      const middle = start + Math.ceil(length / 2);
      start += length;
      return middle;
    });
  }

  /** At the beginning, and behind a frame. */
  refuses(invalid: Buffer): void {
    const [first = NOTHING] = this.#frames;
    for (const before of [[], [first]]) {
      for (const chunks of [[invalid], [...invalid].map((byte) => Buffer.from([byte]))]) {
        const { values, ended, error, released } = this.#decode([...before, ...chunks, this.#wire], false);
        const tried = `${quote(invalid)} in ${chunks.length} chunks behind ${before.length} frames`;
        if (ended !== 'error') violated(tried, 'an error', ended);
        if (!released) violated(`${tried}: the source`, 'unsubscribed', 'subscribed to');
        this.#compare(`values of ${tried}`, values, this.#codec.values.slice(0, before.length));
        this.#expectCode(tried, error);
      }
    }
  }

  givesUp(): void {
    const { endless = '', max = TOO_MUCH } = this.#codec;
    const chunk = bytesOf(endless);
    const input = new Subject<Buffer>();
    const errors: unknown[] = [];
    input.pipe(this.#codec.decode()).subscribe({ error: (error: unknown) => errors.push(error) });
    const large = Buffer.concat(
      Array.from({ length: Math.max(1, Math.ceil(65_536 / chunk.length)) }, () => chunk),
    );
    for (let sent = 0; sent <= max && errors.length === 0; sent += large.length) {
      input.next(Buffer.from(large));
    }
    const tried = `after ${max} bytes of one frame`;
    if (errors.length === 0) violated(tried, 'an error', 'more is awaited');
    this.#expectCode(tried, errors[0]);
  }

  #bytes(): Buffer[] {
    return [...this.#wire].map((byte) => Buffer.from([byte]));
  }

  #decode(chunks: readonly Buffer[], end = true): Outcome<T> {
    const values: T[] = [];
    let ended: Outcome<T>['ended'] = 'open';
    let error: unknown;
    const input = new Subject<Buffer>();
    input.pipe(this.#codec.decode()).subscribe({
      next: (value) => {
        if (ended !== 'open') violated('after the end', 'nothing', value);
        values.push(value);
      },
      error: (reason: unknown) => {
        if (ended !== 'open') violated('after the end', 'nothing', reason);
        ended = 'error';
        error = reason;
      },
      complete: () => (ended = 'complete'),
    });
    for (const chunk of chunks) input.next(Buffer.from(chunk));
    const released = !input.observed;
    if (end) input.complete();
    return { values, ended, error, released };
  }

  #expectAll(tried: string, chunks: readonly Buffer[]): void {
    const { values, ended, error } = this.#decode(chunks);
    if (ended !== 'complete') violated(tried, 'complete', error ?? ended);
    this.#compare(tried, values, this.#codec.values);
  }

  #compare(tried: string, actual: readonly T[], expected: readonly T[]): void {
    const same =
      actual.length === expected.length &&
      actual.every((value, index) => this.#equal(value, expected[index] as T));
    if (!same) violated(tried, expected, actual);
  }

  #equal(actual: T, expected: T): boolean {
    const { equals = (a, b) => isDeepStrictEqual(a, b) } = this.#codec;
    return equals(actual, expected);
  }

  #expectCode(tried: string, error: unknown): void {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code !== 'string') violated(`${tried}: the error`, 'an Error with a code', error);
  }
}
