// The input half of a connection: reading follows subscription, and what was read and not delivered is kept.

import type { Observable, Subscription } from 'rxjs';

import { copyBytes } from './bytes.js';
import {
  CLOSED,
  CONGESTED,
  CUT_SHORT,
  DRAINING,
  DEFERRED,
  ECHOING,
  END_DUE,
  FED,
  HELD,
  INPUT_DONE,
  KEEPING,
  OUTPUT_ENDED,
  PAUSED,
  PEER_ENDED,
  PIPED,
  READING,
  UNHEARD,
  WOKEN,
  Extra,
} from './connection-state.js';
import type { ConnectionHost } from './connection-state.js';
import type { Deferred } from './engine.js';
import { describe, invalidArgument } from './errors.js';
import type { EvioErrorCode } from './errors.js';
import { guarded } from './poller/guarded.js';
import { FailingReaderSink, Input, ReaderSink, Sink } from './input.js';
import type { Holdable, InputSource, ReadableInPlace, Reader, Relay } from './input.js';
import type { PollerStream } from './poller/poller.js';
import { isLent, viewOf } from './window.js';
import { Timeouts } from './timeouts.js';
import type { TimedOut } from './timeouts.js';

const NOTHING: Buffer = Buffer.alloc(0);
/** From here on it is worth while to tell the poller whether input is kept. */
const LARGE = 64 * 1024;

/**
 * What both halves of a connection share, and the half that receives. An idle connection is to be a small object: what few of
 * them need is in {@link Extra}, and its methods are `private` by TypeScript's word, since a class with a method of `#name` costs each
 * of its objects a field.
 */
export abstract class ConnectionInput
  implements InputSource<Buffer>, ReadableInPlace, Holdable, Deferred, TimedOut
{
  readonly id: number;
  bytesRead = 0;
  protected readonly host: ConnectionHost;
  protected readonly stream: PollerStream;
  protected state = 0;
  protected extra: Extra | undefined;
  /** Who gets the input; the one who does, as nearly always, without a list around him. */
  #sinks: Sink<Buffer> | readonly Sink<Buffer>[] | undefined;
  #data$: Observable<Buffer> | undefined;

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
  /** Why it is gone, if not on purpose. */
  abstract get failure(): Error | undefined;
  protected abstract closeIfDone(): void;
  /** One observable fewer feeds it: after the end of its input nobody may be left who would end it. */
  protected abstract endIfOver(): void;
  /** The one way out. */
  protected abstract finish(error: Error | undefined): void;
  abstract timedOut(code: EvioErrorCode, text: string): void;
  abstract drain(): void;

  protected get more(): Extra {
    return (this.extra ??= new Extra());
  }

  get data$(): Observable<Buffer> {
    return (this.#data$ ??= new Input<Buffer>(this));
  }

  get connection(): this {
    return this;
  }

  get gone(): boolean {
    return this.is(CLOSED);
  }

  /** @param fails - whether it is told of a failure of the connection as an error, instead of a completion */
  readBy(reader: Reader, fails = false): Subscription {
    const sink = fails ? new FailingReaderSink(this, reader) : new ReaderSink(this, reader);
    this.addSink(sink);
    return sink;
  }

  addSink(sink: Sink<Buffer>): void {
    if (this.is(INPUT_DONE | CLOSED)) {
      this.state &= ~UNHEARD;
      sink.complete();
      sink.unsubscribe();
      return;
    }
    this.#sinks = this.#sinks === undefined ? sink : [...listOf(this.#sinks), sink];
    if (this.isEcho(sink)) this.state |= ECHOING;
    this.updateReading();
  }

  removeSink(sink: Sink<Buffer>): void {
    if (this.#sinks === sink) {
      this.#sinks = undefined;
    } else if (this.#sinks !== undefined) {
      const left = listOf(this.#sinks).filter((other) => other !== sink);
      this.#sinks = left.length > 1 ? left : left[0];
    }
    const echoLeft = this.isEcho(sink) && this.is(ECHOING) && !this.echoes;
    if (echoLeft) this.state &= ~ECHOING;
    this.updateReading();
    if (echoLeft) this.endIfOver();
  }

  private isEcho(sink: Sink<Buffer>): boolean {
    return (sink.relay as unknown) === this;
  }

  /** One echo is left, be it about to be told of the end. */
  private get echoes(): boolean {
    const completing = this.extra?.completing;
    if (this.#sinks === undefined && completing === undefined) return false;
    return [...listOf(this.#sinks), ...(completing ?? [])].some((sink) => this.isEcho(sink));
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
    if (this.is(END_DUE) && !this.is(CLOSED)) this.deferOnce();
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
    if (this.is(DRAINING) && !this.is(PIPED | CLOSED)) this.deferOnce();
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
    if (this.is(PAUSED | HELD | INPUT_DONE) || (this.is(CONGESTED) && this.congestionHinders)) return false;
    return this.#sinks !== undefined || this.host.wantsInput;
  }

  /**
   * Whoever answers does not read on while his answers wait. But of two ends one must always read: if both wait until the
   * other has read, they wait for ever. That one is who has dialled, unless it echoes.
   */
  private get congestionHinders(): boolean {
    return this.is(ECHOING) || (this.host.answering && !this.is(PIPED));
  }

  /** Nobody will ever take the input: it is read and dropped, so that the peer's FIN behind it is seen. */
  protected get discarding(): boolean {
    if (this.is(INPUT_DONE)) return true;
    return this.abandoned && this.is(OUTPUT_ENDED) && !this.host.limits.halfOpen;
  }

  /** The poller reads it already. */
  isRead(): void {
    this.state |= READING;
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
    if (waiting && (this.flowing || this.discarding)) this.deferOnce();
  }

  private deferOnce(): void {
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
      if (!this.owned && !this.is(FED)) this.end();
    }
    if (this.is(INPUT_DONE)) return;
    this.host.beforeEvent();
    this.deliverKept();
    if (this.discarding) {
      this.state &= ~WOKEN;
      if (this.hasKept) this.inputLost();
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
    if (end - start >= LARGE) this.updateKeeping();
    const sinks = this.#sinks;
    let data: Buffer | undefined;
    if (sinks !== undefined) {
      const relayed = lent && this.othersHoldWindow(sinks) ? source.subarray() : source;
      if (sinks instanceof Sink) {
        data = this.deliverTo(sinks, source, relayed, start, end, lent, undefined);
      } else {
        for (const sink of sinks) {
          if (!sink.closed) data = this.deliverTo(sink, source, relayed, start, end, lent, data);
        }
      }
    }
    // A subscriber of data$ may have closed the connection, and disconnected$ has told of it.
    if (!this.host.wantsInput || this.is(CLOSED)) return;
    this.host.received(this, data ?? this.hand(source, start, end, lent));
  }

  /** @returns the bytes as user code has got them, if it has: all of it gets the same. */
  private deliverTo(
    sink: Sink<Buffer>,
    source: Buffer,
    relayed: Buffer,
    start: number,
    end: number,
    lent: boolean,
    data: Buffer | undefined,
  ): Buffer | undefined {
    const { relay } = sink;
    if (relay !== undefined) {
      if (start < end) relay.relay(relayed, start, end);
      return data;
    }
    const { reader } = sink;
    if (reader !== undefined) {
      // What it cuts out of bytes that are not lent is theirs: nobody else may have those.
      if (lent) reader.read(source, start, end, !this.host.limits.reuseInputBuffer);
      else reader.next(this.isAlone ? partOf(source, start, end) : copyBytes(source, start, end));
      return data;
    }
    const handed = data ?? this.hand(source, start, end, lent);
    sink.next(handed);
    return handed;
  }

  /** Whether user code gets the window itself, which it may write into: then what is relayed must not depend on that. */
  private othersHoldWindow(sinks: Sink<Buffer> | readonly Sink<Buffer>[]): boolean {
    if (sinks instanceof Sink && !this.host.wantsInput) return false;
    return this.host.limits.reuseInputBuffer || listOf(sinks).some(({ reader }) => reader?.exposes === true);
  }

  /** Tells the poller whether large input may lie in memory that goes to whoever gets it. */
  private updateKeeping(): void {
    const keeping = !this.host.limits.reuseInputBuffer && !this.isMixed;
    if (keeping === this.is(KEEPING)) return;
    this.state ^= KEEPING;
    this.stream.keep?.(keeping);
  }

  /** Not all who get input get bytes to keep: some relay it, or cut out of it what they keep. */
  private get isMixed(): boolean {
    return listOf(this.#sinks).some(({ relay, reader }) => relay !== undefined || reader !== undefined);
  }

  /** One gets the input, and no other. */
  private get isAlone(): boolean {
    return this.#sinks instanceof Sink && !this.host.wantsInput;
  }

  /** Bytes as user code gets them. */
  private hand(source: Buffer, start: number, end: number, lent: boolean): Buffer {
    // What a relay has been given is output by now, and a reader may have handed out parts of it: others must not get hold of that.
    const copied = lent ? !this.host.limits.reuseInputBuffer : this.isMixed;
    return copied ? copyBytes(source, start, end) : partOf(source, start, end);
  }

  /** Those who have not been told yet of the end of input. */
  protected completeOthers(): void {
    for (;;) {
      const sink = this.extra?.completing?.shift();
      if (sink === undefined) return;
      completeSink(sink);
    }
  }

  protected completeInput(): void {
    this.state |= INPUT_DONE;
    if (this.#sinks === undefined && !this.host.wantsInput) this.state |= UNHEARD;
    const sinks = this.#sinks;
    this.#sinks = undefined;
    if (sinks instanceof Sink) {
      completeSink(sinks);
    } else if (sinks !== undefined) {
      // Whoever is told may close the connection: the others hear of the end of input before they hear of that.
      this.more.completing = [...sinks];
    }
    this.completeOthers();
    if (this.is(CLOSED)) return;
    // In the next turn, so that an answer given in a promise is still in time, as it is when it comes a turn later.
    if (!this.host.limits.halfOpen && !this.is(OUTPUT_ENDED)) {
      this.state |= END_DUE;
      this.deferOnce();
    }
    this.updateReading();
    this.closeIfDone();
  }

  /** Nobody wants it: who subscribes later must not take what is behind it for the whole. */
  private inputLost(): void {
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
      this.inputLost();
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

  /** An observable feeds this connection and will end it; it may be its own input. */
  protected get owned(): boolean {
    return this.is(ECHOING) || (this.extra?.owners ?? 0) > 0;
  }

  /** Nobody reads, and nobody has said that he will again. */
  protected get abandoned(): boolean {
    return this.#sinks === undefined && !this.host.wantsInput && !this.is(PAUSED | HELD);
  }

  protected is(bits: number): boolean {
    return (this.state & bits) !== 0;
  }
}

function listOf(sinks: Sink<Buffer> | readonly Sink<Buffer>[] | undefined): readonly Sink<Buffer>[] {
  if (sinks === undefined) return [];
  return sinks instanceof Sink ? [sinks] : sinks;
}

function partOf(source: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === source.length ? source : viewOf(source, start, end);
}

function completeSink(sink: Sink<Buffer>): void {
  if (sink.closed) return;
  // RxJS throws what a teardown throws out of either.
  guarded(() => sink.complete());
  guarded(() => sink.unsubscribe());
}
