// The input half of a connection: reading follows subscription, and what was read and not delivered is kept.

import type { Observable, Subscriber } from 'rxjs';

import { copyBytes } from './bytes.js';
import type { Bytes } from './bytes.js';
import type { Closed, Connection } from './connection.js';
import type { Deferred, Engine } from './engine.js';
import { describe, invalidArgument } from './errors.js';
import type { EvioErrorCode } from './errors.js';
import { guarded } from './poller/guarded.js';
import { Input, markHoldable } from './input.js';
import type { Holdable, InputSource, Relay, Sink } from './input.js';
import type { ConnectionLimits } from './options.js';
import type { Supplier } from './pipe.js';
import { isLent } from './poller/poller.js';
import type { PollerStream } from './poller/poller.js';
import { Timeouts } from './timeouts.js';
import type { TimedOut } from './timeouts.js';

/** What all connections of one server share. */
export interface ConnectionHost {
  readonly engine: Engine;
  readonly limits: ConnectionLimits;
  /** Somebody subscribes to the input of every connection. */
  readonly wantsInput: boolean;
  /** An event is about to be handled. */
  beforeEvent(): void;
  received(connection: ConnectionInput, data: Buffer): void;
  disconnected(connection: ConnectionInput, error: Error | undefined): void;
  report(error: Error, connection: Connection): void;
}

// A connection's state, one bit each, so that an idle connection is a small object.
export const PEER_ENDED = 1; // the poller has reported the end of input
export const INPUT_DONE = 2; // data$ has completed
export const OUTPUT_ENDED = 4; // end() was called: nothing more is written
export const SHUT_DOWN = 8; // the poller was told to send FIN
export const CLOSED = 16;
export const PAUSED = 32; // by the user
export const CONGESTED = 64; // more than highWaterMark is queued
export const READING = 128; // as the poller was told
export const WOKEN = 256;
export const DEFERRED = 512; // in the engine's list for the next turn
export const MISUSED = 1024; // a write after end() has been reported
export const BROKEN = 2048; // output is lost
export const FED = 4096; // an observable writes through next() and will complete()
export const END_DUE = 8192; // the input has ended, and nobody owns the output
export const HELD = 16_384; // by work in flight: somebody will want more
const UNHEARD = 32_768; // the input has ended while nobody subscribed
export const PIPED = 65_536; // what comes in goes out elsewhere
export const CUT_SHORT = 131_072; // data$ has completed before the end of what the peer sends
export const DRAINING = 262_144; // the server closes, and waits for the pipes

const NOTHING: Buffer = Buffer.alloc(0);

/** What only some connections need, made when it is needed. */
export class Extra {
  data$: Observable<Buffer> | undefined;
  closed$: Observable<Closed> | undefined;
  drained$: Observable<void> | undefined;
  next: ((bytes: Bytes) => void) | undefined;
  send: ((bytes: Bytes) => Observable<void>) | undefined;
  /** Read and not delivered, or given back. */
  kept: Buffer[] | undefined;
  closedCallbacks: readonly ((outcome: Closed) => void)[] | undefined;
  drainedSubscribers: readonly Subscriber<void>[] | undefined;
  /** Sends that wait, in order: each until the kernel has taken that many bytes. */
  sends: { readonly until: number; readonly subscriber: Subscriber<void> }[] | undefined;
  holds: number | undefined;
  pipes: number | undefined;
  /** Pipes whose output this is, and that have not ended. */
  suppliers: Set<Supplier> | undefined;
  corks: number | undefined;
  /** Written since `cork`, and its length. */
  corked: Uint8Array[] | undefined;
  corkedBytes: number | undefined;
  timeouts: Timeouts | undefined;
  /** The connection failed while kept bytes were still to be delivered. */
  failure: Error | undefined;
}

/** What both halves of a connection share, and the half that receives. */
export abstract class ConnectionInput implements InputSource<Buffer>, Holdable, Deferred, TimedOut {
  readonly id: number;
  bytesRead = 0;
  protected readonly host: ConnectionHost;
  protected readonly stream: PollerStream;
  protected state = 0;
  /** Observables that feed this connection and will end it. */
  protected owners = 0;
  protected extra: Extra | undefined;
  #sinks: readonly Sink<Buffer>[] | undefined;

  constructor(id: number, host: ConnectionHost, stream: PollerStream) {
    this.id = id;
    this.host = host;
    this.stream = stream;
    const { timeouts } = host.limits;
    if (timeouts !== undefined) this.more.timeouts = new Timeouts(host.engine, timeouts, this);
  }

  /** Tells a connection as observer from any other. */
  abstract isRelay(observer: unknown): observer is Relay;
  /** Nothing more is written; FIN follows what is queued. */
  abstract end(): void;
  /** A handler failed: closes and reports. */
  abstract fail(thrown: unknown): void;
  protected abstract closeIfDone(): void;
  /** The one way out. */
  protected abstract finish(error: Error | undefined): void;
  abstract timedOut(code: EvioErrorCode, text: string): void;
  abstract drain(): void;

  protected get more(): Extra {
    return (this.extra ??= new Extra());
  }

  get data$(): Observable<Buffer> {
    return (this.more.data$ ??= markHoldable(new Input<Buffer>(this), this));
  }

  addSink(sink: Sink<Buffer>): void {
    if (this.is(INPUT_DONE | CLOSED)) {
      this.state &= ~UNHEARD;
      sink.complete();
      sink.unsubscribe();
      return;
    }
    this.#sinks = this.#sinks === undefined ? [sink] : [...this.#sinks, sink];
    this.updateReading();
  }

  removeSink(sink: Sink<Buffer>): void {
    const left = this.#sinks?.filter((other) => other !== sink);
    this.#sinks = left === undefined || left.length === 0 ? undefined : left;
    this.updateReading();
  }

  /** A plain callback threw while it handled input. */
  abstract observerFailed(error: unknown): void;

  pause(): void {
    this.state |= PAUSED;
    this.updateReading();
  }

  resume(): void {
    this.state &= ~PAUSED;
    this.updateReading();
  }

  /** Nothing is delivered until as many {@link release} as holds: as a pause, but not the user's. */
  hold(): void {
    this.more.holds = (this.more.holds ?? 0) + 1;
    this.state |= HELD;
    this.updateReading();
  }

  release(): void {
    this.more.holds = (this.more.holds ?? 0) - 1;
    if (this.more.holds > 0) return;
    this.state &= ~HELD;
    this.updateReading();
    if (this.is(END_DUE) && !this.is(CLOSED)) this.#deferOnce();
  }

  /**
   * One more pipe, or one fewer, takes the input elsewhere. Then output that waits here is no reason not to read: the peer
   * may be waiting for somebody to read before it reads itself.
   */
  piped(change: 1 | -1): void {
    this.more.pipes = (this.more.pipes ?? 0) + change;
    if (this.more.pipes > 0) this.state |= PIPED;
    else this.state &= ~PIPED;
    this.updateReading();
    // In the next turn: whoever takes a pipe apart may be about to join another.
    if (this.is(DRAINING) && !this.is(PIPED | CLOSED)) this.#deferOnce();
  }

  wake(): void {
    if (this.is(CLOSED | INPUT_DONE)) return;
    this.state |= WOKEN;
    this.deferInput();
  }

  unread(bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) {
      throw invalidArgument(
        `unread: bytes must be a Uint8Array, not ${describe(bytes)}`,
        'ERR_INVALID_ARG_TYPE',
      );
    }
    if (bytes.length === 0 || this.is(CLOSED)) return;
    if (this.is(INPUT_DONE)) {
      if (!this.is(UNHEARD)) return;
      // Nobody has been told of the end: it can wait behind these bytes.
      this.state &= ~(INPUT_DONE | UNHEARD | END_DUE);
    }
    const keep = isLent(bytes)
      ? copyBytes(bytes, 0, bytes.length)
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    (this.more.kept ??= []).unshift(keep);
    this.bytesRead -= bytes.length;
    this.deferInput();
  }

  /** Somebody takes input, and nothing holds it back. */
  protected get flowing(): boolean {
    const hindrances = this.is(PIPED) ? PAUSED | HELD | INPUT_DONE : PAUSED | HELD | CONGESTED | INPUT_DONE;
    return (this.#sinks !== undefined || this.host.wantsInput) && !this.is(hindrances);
  }

  /** Nobody will ever take the input: it is read and dropped, so that the peer's FIN behind it is seen. */
  protected get discarding(): boolean {
    if (this.is(INPUT_DONE)) return true;
    return this.abandoned && this.is(OUTPUT_ENDED) && !this.host.limits.halfOpen;
  }

  /** Tells the poller what to do, after anything that decides it has changed. */
  updateReading(): void {
    if (this.is(CLOSED)) return;
    const wanted = !this.is(PEER_ENDED) && (this.flowing || this.discarding);
    if (wanted !== this.is(READING)) {
      this.state ^= READING;
      this.stream.read(wanted);
      this.extra?.timeouts?.reading(wanted);
    }
    this.deferInput();
  }

  /** Asks for a turn if there is something to deliver that the poller does not know of. */
  protected deferInput(): void {
    if (this.is(DEFERRED | CLOSED)) return;
    const waiting = this.is(WOKEN) || this.hasKept || this.extra?.failure !== undefined;
    if (waiting && (this.flowing || this.discarding)) this.#deferOnce();
  }

  #deferOnce(): void {
    if (this.is(DEFERRED)) return;
    this.state |= DEFERRED;
    this.host.engine.defer(this);
  }

  protected get hasKept(): boolean {
    const kept = this.extra?.kept;
    return kept !== undefined && kept.length > 0;
  }

  protected dropKept(): void {
    if (this.extra !== undefined) this.extra.kept = undefined;
  }

  /** As much of it as is wanted. */
  protected deliverKept(): void {
    while (this.flowing) {
      const bytes = this.extra?.kept?.shift();
      if (bytes === undefined) return;
      this.deliver(bytes, 0, bytes.length, false);
    }
  }

  runDeferred(): void {
    this.state &= ~DEFERRED;
    if (this.is(CLOSED)) return;
    if (this.is(DRAINING) && !this.is(PIPED)) this.drain();
    if (this.is(END_DUE) && !this.is(HELD)) {
      this.state &= ~END_DUE;
      if (this.owners === 0 && !this.is(FED)) this.end();
    }
    if (this.is(INPUT_DONE)) return;
    this.host.beforeEvent();
    this.deliverKept();
    if (this.discarding) {
      this.state &= ~WOKEN;
      if (this.hasKept) this.#inputLost();
    }
    if (this.is(WOKEN) && this.flowing) {
      this.state &= ~WOKEN;
      this.deliver(NOTHING, 0, 0, false);
    }
    if (this.hasKept || this.is(CLOSED)) return;
    const failure = this.extra?.failure;
    if (failure !== undefined) {
      this.finish(failure);
    } else if (this.is(PEER_ENDED) && !this.is(INPUT_DONE)) {
      this.completeInput();
    }
  }

  protected deliver(source: Buffer, start: number, end: number, lent: boolean): void {
    this.bytesRead += end - start;
    let data: Buffer | undefined;
    if (this.#sinks !== undefined) {
      for (const sink of this.#sinks) {
        if (sink.closed) continue;
        if (sink.relay === undefined) {
          sink.next((data ??= this.#hand(source, start, end, lent)));
        } else if (start < end) {
          sink.relay.relay(source, start, end);
        }
      }
    }
    // A subscriber of data$ may have closed the connection, and disconnected$ has told of it.
    if (!this.host.wantsInput || this.is(CLOSED)) return;
    this.host.received(this, data ?? this.#hand(source, start, end, lent));
  }

  get #relays(): boolean {
    return this.#sinks?.some(({ relay }) => relay !== undefined) === true;
  }

  /** Bytes as user code gets them. */
  #hand(source: Buffer, start: number, end: number, lent: boolean): Buffer {
    // What a relay has been given is output by now: user code must not get hold of it.
    const copied = lent ? !this.host.limits.reuseInputBuffer : this.#relays;
    if (copied) return copyBytes(source, start, end);
    return start === 0 && end === source.length ? source : source.subarray(start, end);
  }

  protected completeInput(): void {
    this.state |= INPUT_DONE;
    if (this.#sinks === undefined && !this.host.wantsInput) this.state |= UNHEARD;
    const sinks = this.#sinks;
    this.#sinks = undefined;
    if (sinks !== undefined) {
      for (const sink of sinks) {
        if (sink.closed) continue;
        // RxJS throws what a teardown throws out of either.
        guarded(() => sink.complete());
        guarded(() => sink.unsubscribe());
      }
    }
    if (this.is(CLOSED)) return;
    // In the next turn, so that an answer given in a promise is still in time, as it is when it comes a turn later.
    if (!this.host.limits.halfOpen && !this.is(OUTPUT_ENDED)) {
      this.state |= END_DUE;
      this.#deferOnce();
    }
    this.updateReading();
    this.closeIfDone();
  }

  /** Nobody wants it: who subscribes later must not take what is behind it for the whole. */
  #inputLost(): void {
    this.dropKept();
    this.state |= CUT_SHORT;
    this.completeInput();
    this.state &= ~UNHEARD;
  }

  data(source: Buffer, start: number, end: number, lent: boolean): void {
    this.host.beforeEvent();
    this.extra?.timeouts?.received();
    if (this.flowing && !this.hasKept) {
      this.deliver(source, start, end, lent);
    } else if (this.is(CLOSED | INPUT_DONE)) {
      return;
    } else if (this.discarding) {
      this.#inputLost();
    } else {
      // Read before the poller heard that reading has stopped.
      (this.more.kept ??= []).push(lent ? copyBytes(source, start, end) : source.subarray(start, end));
      this.deferInput();
    }
  }

  ended(): void {
    this.host.beforeEvent();
    if (this.is(CLOSED)) return;
    this.state |= PEER_ENDED;
    this.state &= ~READING;
    this.extra?.timeouts?.reading(false);
    if (this.hasKept) return;
    if (this.is(INPUT_DONE)) {
      this.closeIfDone();
    } else {
      this.completeInput();
    }
  }

  /** Nobody reads, and nobody has said that he will again. */
  protected get abandoned(): boolean {
    return this.#sinks === undefined && !this.host.wantsInput && !this.is(PAUSED | HELD);
  }

  protected is(bits: number): boolean {
    return (this.state & bits) !== 0;
  }
}
