// From a decoder to an operator: chunks in, frames out, and whatever is left goes back where it came from.

import type { OperatorFunction, Subscriber } from 'rxjs';

import type { ReadableInPlace } from '../input.js';
import { isLent, viewOf } from '../window.js';
import { truncated } from './frame-errors.js';
import type { Rest } from './frame-options.js';
import { Intake, MORE } from './intake.js';
import { reading } from './reading.js';
import type { NamedReader } from './reading.js';

/** Cuts frames, one after the other. It knows nothing of streams. */
export interface Decoder<T> {
  /**
   * Takes the next frame.
   * @returns MORE when it has not arrived whole.
   * @throws EvioError when what there is will never be one. Nothing is asked of this decoder after that.
   */
  next(intake: Intake): T | typeof MORE;
  /** Takes what is left at the end of input as a frame. Absent where such a frame would look whole. */
  last?(intake: Intake): T;
  /** Part of a frame has been taken already: what follows is not the beginning of one. */
  readonly midway?: boolean;
  /** How long the frame that has not arrived whole is, if that is known. */
  readonly wanted?: number | undefined;
}

/** What every subscription to an operator is made of. */
export interface Framing<T> {
  /** In messages. */
  readonly name: string;
  readonly rest: Rest;
  decoder(): Decoder<T>;
}

/**
 * The operator. On a connection's `data$`, and on the one that `serveEach` hands to a protocol, it reads the poller's window
 * itself; and bytes that no frame has used when its subscriber leaves are given back by `unread`. Its result holds the
 * connection as its source does.
 */
export function framed<T>(framing: Framing<T>): OperatorFunction<Uint8Array, T> {
  return reading((subscriber, input) => {
    const cutter = new Cutter(framing, input, subscriber);
    subscriber.add(() => cutter.leave());
    return cutter;
  });
}

class Cutter<T> implements NamedReader {
  readonly name: string;
  readonly #rest: Rest;
  readonly #decoder: Decoder<T>;
  readonly #input: ReadableInPlace | undefined;
  readonly #subscriber: Subscriber<T>;
  readonly #intake = new Intake();
  /** Chunks that came while the one before was being cut. */
  #waiting: Buffer[] | undefined;
  #cutting = false;
  #over = false;

  constructor(framing: Framing<T>, input: ReadableInPlace | undefined, subscriber: Subscriber<T>) {
    this.name = framing.name;
    this.#rest = framing.rest;
    this.#decoder = framing.decoder();
    this.#input = input;
    this.#subscriber = subscriber;
  }

  read(source: Buffer, start: number, end: number, copy: boolean): void {
    this.#take(viewOf(source, start, end), true, copy);
  }

  next(chunk: Buffer): void {
    if (chunk.length > 0) this.#take(chunk, isLent(chunk), false);
  }

  complete(): void {
    const input = this.#input;
    // Closed by this side, or from inside of a frame: that is no end of input, and nothing more comes of what there is.
    if (input?.gone === true && (this.#cutting || input.failure === undefined)) {
      this.#drop();
      this.#subscriber.complete();
      return;
    }
    this.#over = true;
    if (!this.#cutting) this.#end();
  }

  /** What has not been emitted by now is lost, as it is with any operator. */
  error(error: unknown): void {
    this.#drop();
    this.#subscriber.error(error);
  }

  /** The subscriber has gone: what no frame has used is somebody else's to read. */
  leave(): void {
    const left = this.#decoder.midway === true ? [] : this.#intake.leftovers();
    left.push(...(this.#waiting ?? []));
    this.#drop();
    for (const bytes of left.reverse()) this.#input?.unread(bytes);
  }

  #drop(): void {
    this.#intake.clear();
    this.#waiting = undefined;
  }

  #take(chunk: Buffer, lent: boolean, copy: boolean): void {
    if (this.#subscriber.closed) return;
    if (this.#cutting) {
      // From inside of what was emitted: after what is being cut.
      (this.#waiting ??= []).push(lent ? Buffer.from(chunk) : chunk);
      return;
    }
    this.#cutting = true;
    try {
      this.#cut(chunk, lent, copy);
      for (let next = this.#waiting?.shift(); next !== undefined; next = this.#waiting?.shift()) {
        this.#cut(next, false, false);
      }
    } finally {
      this.#cutting = false;
    }
    this.#waiting = undefined;
    if (this.#over) this.#end();
  }

  #cut(chunk: Buffer, lent: boolean, copy: boolean): void {
    this.#intake.feed(chunk, lent, copy);
    for (;;) {
      const frame = this.#decode();
      if (frame === MORE) break;
      this.#subscriber.next(frame);
      if (this.#subscriber.closed) return;
    }
    this.#intake.keep(this.#decoder.wanted);
  }

  #decode(): T | typeof MORE {
    try {
      return this.#decoder.next(this.#intake);
    } catch (error) {
      this.error(error);
      return MORE;
    }
  }

  #end(): void {
    if (this.#subscriber.closed) return;
    const whole = this.#intake.length === 0 && this.#decoder.midway !== true;
    if (!whole && this.#rest === 'error') {
      this.error(truncated(this.name));
      return;
    }
    if (!whole && this.#rest === 'emit') this.#emitLast();
    this.#drop();
    this.#subscriber.complete();
  }

  #emitLast(): void {
    let frame: T | undefined;
    try {
      frame = this.#decoder.last?.(this.#intake);
    } catch (error) {
      this.error(error);
      return;
    }
    if (frame !== undefined) this.#subscriber.next(frame);
  }
}
