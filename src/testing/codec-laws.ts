// What holds for every codec: a pair of a decoder, which is an operator on bytes, and an encoder.

import { isDeepStrictEqual } from 'node:util';

import { Observable, Subject, ignoreElements, take, tap } from 'rxjs';
import type { OperatorFunction } from 'rxjs';

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
  /** For random cuts. Default 1. */
  readonly seed?: number;
}

const RANDOM_CUTS = 50;
/** Bytes of an endless frame after which a decoder must have given up. */
const TOO_MUCH = 256 * 1024 * 1024;

/** What came of decoding: values, and how it ended. */
interface Outcome<T> {
  readonly values: readonly T[];
  readonly ended: 'complete' | 'error' | 'open';
  readonly error: unknown;
}

/**
 * Laws of a codec, for `for (const { name, check } of codecLaws(codec)) it(name, check)`.
 *
 * @example
 * ```ts
 * codecLaws({ decode: () => lines(), encode: (line) => `${line}\n`, values: ['a', '', 'b c'], incomplete: 'emit' });
 * ```
 */
export function codecLaws<T>(codec: Codec<T>): Law[] {
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
    { name: 'what was decoded survives the next input', check: () => laws.survives() },
    ...(codec.invalid ?? []).map((invalid) => ({
      name: `${quote(bytesOf(invalid))} is refused, once and for good`,
      check: (): void => laws.refuses(bytesOf(invalid)),
    })),
    ...(codec.endless === undefined
      ? []
      : [{ name: 'a frame without an end is given up', check: () => laws.givesUp() }]),
  ];
}

class CodecLaws<T> {
  readonly #codec: Codec<T>;
  /** Each value on the wire. */
  readonly #frames: readonly Buffer[];
  readonly #wire: Buffer;

  constructor(codec: Codec<T>) {
    this.#codec = codec;
    this.#frames = codec.values.map((value) => bytesOf(codec.encode(value)));
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
    const input = new Subject<Buffer>();
    const got: T[] = [];
    const subscription = input
      .pipe(this.#codec.decode())
      .subscribe({ next: (value) => got.push(value), error: () => {} });
    for (const [index, frame] of this.#frames.entries()) {
      if (frame.length > 1) input.next(Buffer.from(frame.subarray(0, -1)));
      if (got.length > index) violated(`before the last byte of value ${index}`, index, got.length);
      input.next(Buffer.from(frame.subarray(-1)));
      if (got.length !== index + 1) violated(`after the last byte of value ${index}`, index + 1, got.length);
    }
    subscription.unsubscribe();
  }

  incomplete(): void {
    const { incomplete = 'error' } = this.#codec;
    for (const [index, frame] of this.#frames.entries()) {
      if (frame.length < 2) continue;
      const { values, ended, error } = this.#decode([frame.subarray(0, -1)]);
      const tried = `all of value ${index} but its last byte, then the end`;
      if (incomplete === 'error') {
        if (ended !== 'error') violated(tried, 'an error', ended);
        this.#expectCode(tried, error);
      } else if (ended !== 'complete') violated(tried, 'complete', error);
      const most = incomplete === 'emit' ? 1 : 0;
      if (values.length > most) violated(tried, `${most} values at most`, values);
    }
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
    const chunk = Buffer.from(this.#wire);
    const input = new Subject<Buffer>();
    input.pipe(this.#codec.decode()).subscribe({ error: () => {} });
    input.next(chunk);
    input.complete();
    if (!chunk.equals(this.#wire)) violated('the chunk afterwards', quote(this.#wire), quote(chunk));
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

  /** Over a real stream of this library, whose window is overwritten: with the input of the next client, and with poison. */
  survives(): void {
    const got: T[] = [];
    simulate((world) => {
      world.serving((data$) =>
        data$.pipe(
          this.#codec.decode(),
          tap((value) => got.push(value)),
          ignoreElements(),
        ),
      );
      world.client('-w-|', { w: this.#wire });
      world.client(
        '--n',
        { n: Buffer.alloc(this.#wire.length + 1, 0x7e) },
        { to: world.listening(), name: 'other' },
      );
    });
    this.#compare('values, when other input had come', got, this.#codec.values);
  }

  refuses(invalid: Buffer): void {
    for (const chunks of [[invalid], [...invalid].map((byte) => Buffer.from([byte]))]) {
      const { values, ended, error } = this.#decode([...chunks, this.#wire]);
      const tried = `${quote(invalid)} in ${chunks.length} chunks`;
      if (ended !== 'error') violated(tried, 'an error', ended);
      if (values.length > 0) violated(tried, [], values);
      this.#expectCode(tried, error);
    }
  }

  givesUp(): void {
    const chunk = bytesOf(this.#codec.endless ?? '');
    const input = new Subject<Buffer>();
    const errors: unknown[] = [];
    input.pipe(this.#codec.decode()).subscribe({ error: (error: unknown) => errors.push(error) });
    const large = Buffer.concat(
      Array.from({ length: Math.max(1, Math.ceil(65_536 / chunk.length)) }, () => chunk),
    );
    for (let sent = 0; sent <= TOO_MUCH; sent += large.length) {
      input.next(Buffer.from(large));
      if (errors.length > 0) return;
    }
    violated(`after ${TOO_MUCH} bytes of one frame`, 'an error', 'more is awaited');
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
        ended = 'error';
        error = reason;
      },
      complete: () => (ended = 'complete'),
    });
    for (const chunk of chunks) input.next(Buffer.from(chunk));
    if (end) input.complete();
    return { values, ended, error };
  }

  #expectAll(tried: string, chunks: readonly Buffer[]): void {
    const { values, ended, error } = this.#decode(chunks);
    if (ended !== 'complete') violated(tried, 'complete', error ?? ended);
    this.#compare(tried, values, this.#codec.values);
  }

  #compare(tried: string, actual: readonly T[], expected: readonly T[]): void {
    const { equals = (a, b) => isDeepStrictEqual(a, b) } = this.#codec;
    const same =
      actual.length === expected.length &&
      actual.every((value, index) => equals(value, expected[index] as T));
    if (!same) violated(tried, expected, actual);
  }

  #expectCode(tried: string, error: unknown): void {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code !== 'string') violated(`${tried}: the error`, 'an Error with a code', error);
  }
}
