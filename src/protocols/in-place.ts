// inPlace: the bytes of a connection where they lie.

import type { OperatorFunction, Subscriber } from 'rxjs';

import { viewOf } from '../window.js';
import type { NamedReader } from './reading.js';
import { reading } from './reading.js';

/**
 * The input of a connection where it lies: chunks that are valid only during the call, instead of copies that are yours to
 * keep. It is for a parser that takes a chunk apart at once and copies what it keeps, be it the beginning of something that has
 * not arrived whole. It is to one subscription what `reuseInputBuffer` is to a whole server.
 *
 * It must be the first operator behind the connection's `data$`, or behind the one that `serveEach` hands to a protocol; the chunks of
 * any other source pass as they are. Whoever writes into a chunk changes it for those who read it after him. Bytes that are
 * given to `write` may be used again when that returns. An empty chunk is a wake.
 *
 * @example
 * ```ts
 * connection.data$.pipe(inPlace()).subscribe((chunk) => parser.parse(chunk)); // and keep nothing of it
 * ```
 */
export function inPlace(): OperatorFunction<Uint8Array, Buffer> {
  return reading((subscriber) => new InPlaceReader(subscriber));
}

class InPlaceReader implements NamedReader {
  readonly name = 'inPlace';
  readonly exposes = true;
  readonly #subscriber: Subscriber<Buffer>;

  constructor(subscriber: Subscriber<Buffer>) {
    this.#subscriber = subscriber;
  }

  read(source: Buffer, start: number, end: number): void {
    this.#subscriber.next(viewOf(source, start, end));
  }

  next(chunk: Buffer): void {
    this.#subscriber.next(chunk);
  }

  complete(): void {
    this.#subscriber.complete();
  }

  error(error: unknown): void {
    this.#subscriber.error(error);
  }
}
