// One connection's input into another's output, as a pair: while the one that is written to is full, the other is not read.

import type { Subscription } from 'rxjs';

import { RelaySink } from './input.js';
import type { Holdable, InputSource, Relay } from './input.js';

type Closed = (outcome: { readonly error?: Error }) => void;

/** The end that is read. */
export interface PipeSource extends InputSource<Buffer>, Holdable {
  /** Why the input that is over is not whole; undefined when all of it and the peer's FIN have come. */
  readonly cutOff: Error | undefined;
  /** Its input has ended: there is nothing more to take. */
  readonly inputOver: boolean;
  piped(change: 1 | -1): void;
  /** Closes; by a reset when that loses output, so that the peer does not take a part for the whole. */
  cut(): void;
  /** Closes by a reset. */
  error(error: Error): void;
}

/** Told when the end that is written to has become congested. */
export interface Supplier {
  wait(): void;
}

/** The end that is written to. */
export interface PipeDestination extends Relay {
  /** More than highWaterMark is queued. */
  readonly congested: boolean;
  /** Calls back once it is not congested any more; the result forgets that. */
  whenDrained(callback: () => void): () => void;
  whenClosed(callback: Closed): () => void;
  /** One more whose output this is, and who has not ended. */
  addSupplier(supplier: Supplier): void;
  removeSupplier(supplier: Supplier): void;
  error(error: unknown): void;
}

/** Options of `pipeTo`. */
export interface PipeOptions {
  /** The end of input ends the destination too. Default true. */
  readonly end?: boolean;
}

/** Unsubscribing takes the two apart and closes neither. */
export function pipe(
  source: PipeSource,
  destination: PipeDestination,
  { end = true }: PipeOptions,
): Subscription {
  const sink = new RelaySink(source, new Pipe(source, destination, end));
  source.addSink(sink);
  return sink;
}

class Pipe implements Relay, Supplier {
  readonly #source: PipeSource;
  readonly #destination: PipeDestination;
  readonly #end: boolean;
  /** The source has given all it has. */
  #ended = false;
  /** Takes back the wish to hear of room; set while the source is held. */
  #held: (() => void) | undefined;

  constructor(source: PipeSource, destination: PipeDestination, end: boolean) {
    this.#source = source;
    this.#destination = destination;
    this.#end = end;
  }

  relay(bytes: Buffer, start: number, end: number): void {
    this.#destination.relay(bytes, start, end);
  }

  /** Whoever has filled the destination: another pipe, or a write. */
  wait(): void {
    if (this.#held !== undefined) return;
    this.#held = this.#destination.whenDrained(() => this.#release());
    this.#source.hold();
  }

  #release(): void {
    if (this.#held === undefined) return;
    this.#held();
    this.#held = undefined;
    this.#source.release();
  }

  /** A stream that was cut off must not look whole to whoever gets it. */
  relayEnd(): void {
    this.#ended = true;
    const { cutOff } = this.#source;
    if (cutOff !== undefined) this.#destination.error(cutOff);
    else if (this.#end) this.#destination.relayEnd();
  }

  own(): void {
    this.#source.piped(1);
    this.#destination.addSupplier(this);
    this.#destination.own();
    if (this.#destination.congested) this.wait();
  }

  disown(): void {
    this.#release();
    this.#source.piped(-1);
    this.#destination.removeSupplier(this);
    this.#destination.disown();
  }

  /** Nobody takes the source's bytes any more: its peer hears of that, by a reset when the destination has failed. */
  whenClosed(callback: () => void): () => void {
    return this.#destination.whenClosed(({ error }) => {
      callback();
      // At its end there is nothing more to take: the answer may still be under way to it.
      if (this.#ended || this.#source.inputOver) return;
      if (error === undefined) this.#source.cut();
      else this.#source.error(error);
    });
  }
}
