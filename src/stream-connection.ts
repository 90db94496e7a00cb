// A Connection on a poller's stream: reading follows subscription, output is bounded, ends come in one order.

import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';

import { copyBytes, toBytes } from './bytes.js';
import type { Bytes } from './bytes.js';
import type { Closed, Connection } from './connection.js';
import type { Deferred, Engine } from './engine.js';
import { EvioError, describe, invalidArgument, toError } from './errors.js';
import { Input } from './input.js';
import type { InputSource, IsRelay, Relay, Sink } from './input.js';
import { isLent } from './poller/poller.js';
import type { PollerStream, SocketAddress, StreamEvents } from './poller/poller.js';

/** What all connections of one server share. */
export interface ConnectionHost {
  readonly engine: Engine;
  readonly limits: ConnectionLimits;
  /** Somebody subscribes to the input of every connection. */
  readonly wantsInput: boolean;
  /** An event is about to be handled. */
  beforeEvent(): void;
  received(connection: StreamConnection, data: Buffer): void;
  disconnected(connection: StreamConnection, error: Error | undefined): void;
  report(error: Error, connection: Connection): void;
}

export interface ConnectionLimits {
  readonly highWaterMark: number;
  readonly lowWaterMark: number;
  readonly maxQueuedBytes: number;
  readonly halfOpen: boolean;
  readonly reuseInputBuffer: boolean;
}

// A connection's state, one bit each, so that an idle connection is a small object.
const PEER_ENDED = 1; // the poller has reported the end of input
const INPUT_DONE = 2; // data$ has completed
const OUTPUT_ENDED = 4; // end() was called: nothing more is written
const SHUT_DOWN = 8; // the poller was told to send FIN
const CLOSED = 16;
const PAUSED = 32; // by the user
const CONGESTED = 64; // more than highWaterMark is queued
const READING = 128; // as the poller was told
const WOKEN = 256;
const DEFERRED = 512; // in the engine's list for the next turn
const MISUSED = 1024; // a write after end() has been reported
const BROKEN = 2048; // output is lost
const FED = 4096; // an observable writes through next()

const NOTHING: Buffer = Buffer.alloc(0);
const DISPOSE_TIMEOUT = 1000;

/** What only some connections need. */
interface Extra {
  data$?: Observable<Buffer>;
  closed$?: Observable<Closed>;
  drained$?: Observable<void>;
  next?: (bytes: Bytes) => void;
  send?: (bytes: Bytes) => Observable<void>;
  /** Read and not delivered, or given back. */
  readonly kept: Buffer[];
  readonly closedCallbacks: Set<(outcome: Closed) => void>;
  readonly drainedSubscribers: Set<Subscriber<void>>;
  /** Sends that wait, in order: each until the kernel has taken that many bytes. */
  readonly sends: { readonly until: number; readonly subscriber: Subscriber<void> }[];
  /** The connection failed while kept bytes were still to be delivered. */
  failure?: Error;
}

export class StreamConnection implements Connection, StreamEvents, InputSource<Buffer>, Relay, Deferred {
  readonly id: number;
  context: unknown = undefined;
  bytesRead = 0;
  bytesWritten = 0;
  bytesQueued = 0;
  readonly #host: ConnectionHost;
  readonly #stream: PollerStream;
  #state = 0;
  #owners = 0;
  #sinks: readonly Sink<Buffer>[] | undefined;
  #extra: Extra | undefined;
  #error: Error | undefined;

  constructor(id: number, host: ConnectionHost, stream: PollerStream) {
    this.id = id;
    this.#host = host;
    this.#stream = stream;
  }

  get local(): SocketAddress {
    return this.#stream.local;
  }

  get remote(): SocketAddress {
    return this.#stream.remote;
  }

  get #more(): Extra {
    return (this.#extra ??= {
      kept: [],
      closedCallbacks: new Set(),
      drainedSubscribers: new Set(),
      sends: [],
    });
  }

  // Input

  get data$(): Observable<Buffer> {
    return (this.#more.data$ ??= new Input<Buffer>(this, isConnection));
  }

  addSink(sink: Sink<Buffer>): void {
    if (this.#is(INPUT_DONE | CLOSED)) {
      sink.complete();
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

  observerFailed(error: unknown): void {
    this.fail(error);
  }

  pause(): void {
    this.#state |= PAUSED;
    this.updateReading();
  }

  resume(): void {
    this.#state &= ~PAUSED;
    this.updateReading();
  }

  wake(): void {
    if (this.#is(CLOSED | INPUT_DONE)) return;
    this.#state |= WOKEN;
    this.#deferInput();
  }

  unread(bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) {
      throw invalidArgument(`unread: bytes must be a Uint8Array, not ${describe(bytes)}`, 'ERR_INVALID_ARG_TYPE');
    }
    if (bytes.length === 0 || this.#is(CLOSED | INPUT_DONE)) return;
    const keep = isLent(bytes)
      ? copyBytes(bytes, 0, bytes.length)
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#more.kept.unshift(keep);
    this.bytesRead -= bytes.length;
    this.#deferInput();
  }

  /** Somebody takes input, and nothing holds it back. */
  get #flowing(): boolean {
    return (this.#sinks !== undefined || this.#host.wantsInput) && !this.#is(PAUSED | CONGESTED | INPUT_DONE);
  }

  /** Nobody will ever take the input: it is read and dropped, so that the peer's FIN behind it is seen. */
  get #discarding(): boolean {
    if (this.#is(INPUT_DONE)) return true;
    const abandoned = this.#sinks === undefined && !this.#host.wantsInput && !this.#is(PAUSED);
    return abandoned && this.#is(OUTPUT_ENDED) && !this.#host.limits.halfOpen;
  }

  /** Tells the poller what to do, after anything that decides it has changed. */
  updateReading(): void {
    if (this.#is(CLOSED)) return;
    const wanted = !this.#is(PEER_ENDED) && (this.#flowing || this.#discarding);
    if (wanted !== this.#is(READING)) {
      this.#state ^= READING;
      this.#stream.read(wanted);
    }
    this.#deferInput();
  }

  /** Asks for a turn if there is something to deliver that the poller does not know of. */
  #deferInput(): void {
    if (this.#is(DEFERRED | CLOSED)) return;
    const waiting = this.#is(WOKEN) || (this.#extra !== undefined && this.#hasKept(this.#extra));
    if (!waiting || !(this.#flowing || this.#discarding)) return;
    this.#state |= DEFERRED;
    this.#host.engine.defer(this);
  }

  #hasKept(extra: Extra): boolean {
    return extra.kept.length > 0 || extra.failure !== undefined;
  }

  runDeferred(): void {
    this.#state &= ~DEFERRED;
    if (this.#is(CLOSED)) return;
    this.#host.beforeEvent();
    const extra = this.#more;
    while (this.#flowing && extra.kept.length > 0) {
      const bytes = extra.kept.shift() as Buffer;
      this.#deliver(bytes, 0, bytes.length, false);
    }
    if (this.#discarding) extra.kept.length = 0;
    if (this.#is(WOKEN) && this.#flowing) {
      this.#state &= ~WOKEN;
      this.#deliver(NOTHING, 0, 0, false);
    }
    if (extra.kept.length > 0) return;
    if (extra.failure !== undefined) {
      this.#close(extra.failure);
    } else if (this.#is(PEER_ENDED) && !this.#is(INPUT_DONE)) {
      this.#completeInput();
    }
  }

  #deliver(source: Buffer, start: number, end: number, lent: boolean): void {
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
    if (this.#host.wantsInput) this.#host.received(this, data ?? this.#hand(source, start, end, lent));
  }

  /** Bytes as user code gets them. */
  #hand(source: Buffer, start: number, end: number, lent: boolean): Buffer {
    if (lent && !this.#host.limits.reuseInputBuffer) return copyBytes(source, start, end);
    return start === 0 && end === source.length ? source : source.subarray(start, end);
  }

  #completeInput(): void {
    this.#state |= INPUT_DONE;
    const sinks = this.#sinks;
    this.#sinks = undefined;
    if (sinks !== undefined) {
      for (const sink of sinks) {
        if (sink.closed) continue;
        sink.closed = true;
        sink.complete();
      }
    }
    if (this.#is(CLOSED)) return;
    if (!this.#host.limits.halfOpen && this.#owners === 0 && !this.#is(FED)) this.end();
    this.updateReading();
    this.#closeIfDone();
  }

  // StreamEvents

  data(source: Buffer, start: number, end: number, lent: boolean): void {
    this.#host.beforeEvent();
    if (this.#flowing && (this.#extra === undefined || this.#extra.kept.length === 0)) {
      this.#deliver(source, start, end, lent);
    } else if (!this.#is(CLOSED) && !this.#discarding) {
      // Read before the poller heard that reading has stopped.
      this.#more.kept.push(lent ? copyBytes(source, start, end) : source.subarray(start, end));
      this.#deferInput();
    }
  }

  ended(): void {
    this.#host.beforeEvent();
    if (this.#is(CLOSED)) return;
    this.#state |= PEER_ENDED;
    this.#state &= ~READING;
    if (this.#extra !== undefined && this.#extra.kept.length > 0) return;
    if (this.#is(INPUT_DONE)) {
      this.#closeIfDone();
    } else {
      this.#completeInput();
    }
  }

  flushed(taken: number): void {
    this.bytesQueued -= taken;
    this.bytesWritten += taken;
    if (this.#extra !== undefined && this.#extra.sends.length > 0) this.#completeSends(this.#extra);
    if (this.#is(CONGESTED) && this.bytesQueued <= this.#host.limits.lowWaterMark) this.#drained();
    if (this.#is(OUTPUT_ENDED)) this.#closeIfDone();
  }

  broken(error: Error): void {
    this.#state |= BROKEN;
    this.#state &= ~CONGESTED;
    this.bytesQueued = 0;
    this.#failSends(error);
    // Without anybody who reads or pauses there is nothing left to wait for.
    if (this.#sinks === undefined && !this.#host.wantsInput && !this.#is(PAUSED)) {
      this.destroy(error);
    } else {
      this.updateReading();
    }
  }

  failed(error: Error): void {
    this.#host.beforeEvent();
    if (this.#is(CLOSED)) return;
    this.#state |= BROKEN;
    this.#state &= ~(READING | CONGESTED);
    if (this.#extra !== undefined && this.#extra.kept.length > 0 && !this.#discarding) {
      this.#state |= PEER_ENDED;
      this.#extra.failure = error;
      this.#deferInput();
    } else {
      this.#close(error);
    }
  }

  // Output

  write(bytes: Bytes): boolean {
    const output = toBytes(bytes);
    return this.#queue(output, 0, output.length);
  }

  relay(source: Buffer, start: number, end: number): void {
    this.#queue(source, start, end);
  }

  #queue(source: Uint8Array, start: number, end: number): boolean {
    if (this.#is(OUTPUT_ENDED | CLOSED | BROKEN)) return this.#refuse();
    if (start === end) return !this.#is(CONGESTED);
    const { highWaterMark, maxQueuedBytes } = this.#host.limits;
    if (this.bytesQueued > maxQueuedBytes && this.#stream.queued() > maxQueuedBytes) {
      this.destroy(
        new EvioError(
          'ERR_EVIO_QUEUE_FULL',
          `connection ${this.id}: the peer reads too slowly: more than ${maxQueuedBytes} bytes are queued (maxQueuedBytes)`,
        ),
      );
      return false;
    }
    this.bytesQueued += end - start;
    this.#stream.write(source, start, end);
    if (this.bytesQueued <= highWaterMark) return true;
    if (!this.#is(CONGESTED)) {
      this.#state |= CONGESTED;
      this.updateReading();
    }
    return false;
  }

  /** A write after the end. After close() it is an ordinary race; after end() it is a mistake, told once. */
  #refuse(): false {
    if (this.#is(OUTPUT_ENDED) && !this.#is(CLOSED | BROKEN | MISUSED)) {
      this.#state |= MISUSED;
      this.#host.report(
        new EvioError('ERR_EVIO_WRITE_AFTER_END', `connection ${this.id}: write after end`),
        this,
      );
    }
    return false;
  }

  get send(): (bytes: Bytes) => Observable<void> {
    return (this.#more.send ??= (bytes) => new Observable<void>((subscriber) => this.#send(bytes, subscriber)));
  }

  #send(bytes: Bytes, subscriber: Subscriber<void>): void {
    const output = toBytes(bytes);
    this.#queue(output, 0, output.length);
    if (this.#is(OUTPUT_ENDED | CLOSED | BROKEN)) {
      subscriber.error(this.#closedError());
      return;
    }
    const until = this.bytesWritten + this.bytesQueued;
    if (this.bytesQueued === 0) {
      subscriber.next();
      subscriber.complete();
    } else {
      this.#more.sends.push({ until, subscriber });
    }
  }

  #completeSends(extra: Extra): void {
    while (extra.sends.length > 0 && (extra.sends[0]?.until ?? 0) <= this.bytesWritten) {
      const subscriber = extra.sends.shift()?.subscriber;
      subscriber?.next();
      subscriber?.complete();
    }
  }

  #failSends(cause: Error | undefined): void {
    const sends = this.#extra?.sends.splice(0) ?? [];
    for (const { subscriber } of sends) subscriber.error(this.#closedError(cause));
  }

  #closedError(cause: Error | undefined = this.#error): EvioError {
    const state = this.#is(CLOSED | BROKEN) ? 'closed' : 'ended';
    const code = state === 'closed' ? 'ERR_EVIO_CLOSED' : 'ERR_EVIO_WRITE_AFTER_END';
    const because = cause === undefined ? '' : `: ${cause.message}`;
    return new EvioError(code, `connection ${this.id} is ${state}${because}`, { cause });
  }

  get drained$(): Observable<void> {
    return (this.#more.drained$ ??= new Observable<void>((subscriber) => {
      if (this.#is(CLOSED)) {
        subscriber.complete();
        return;
      }
      const { drainedSubscribers } = this.#more;
      drainedSubscribers.add(subscriber);
      return () => drainedSubscribers.delete(subscriber);
    }));
  }

  #drained(): void {
    this.#state &= ~CONGESTED;
    this.updateReading();
    if (this.#extra === undefined) return;
    for (const subscriber of [...this.#extra.drainedSubscribers]) subscriber.next();
  }

  // Observer

  /**
   * RxJS reads `next` when it subscribes an observer. That is how a connection behind operators learns that an
   * observable owns its output, and that the end of its input is no reason to end it.
   */
  get next(): (bytes: Bytes) => void {
    this.#state |= FED;
    return (this.#more.next ??= (bytes) => {
      try {
        this.write(bytes);
      } catch (thrown) {
        this.fail(thrown);
      }
    });
  }

  complete(): void {
    this.end();
  }

  error(error: unknown): void {
    if (this.#is(CLOSED)) return;
    this.#stream.reset();
    this.#close(toError(error));
  }

  own(): () => void {
    this.#owners += 1;
    let owned = true;
    return () => {
      if (!owned) return;
      owned = false;
      this.#owners -= 1;
      const over = this.#is(INPUT_DONE) && !this.#host.limits.halfOpen;
      if (over && this.#owners === 0 && !this.#is(FED)) this.end();
    };
  }

  relayEnd(): void {
    this.end();
  }

  whenClosed(callback: () => void): () => void {
    if (this.#is(CLOSED)) {
      callback();
      return () => {};
    }
    const { closedCallbacks } = this.#more;
    closedCallbacks.add(callback);
    return () => closedCallbacks.delete(callback);
  }

  // Ends

  end(bytes?: Bytes): void {
    if (bytes !== undefined) this.write(bytes);
    if (this.#is(OUTPUT_ENDED | CLOSED)) return;
    this.#state |= OUTPUT_ENDED;
    this.updateReading();
    this.#closeIfDone();
  }

  /** Both directions have ended: close. Only ours: FIN, behind whatever is queued. */
  #closeIfDone(): void {
    if (!this.#is(OUTPUT_ENDED) || this.#is(CLOSED)) return;
    if (this.#is(PEER_ENDED) && this.#is(INPUT_DONE)) {
      if (this.bytesQueued > 0) return;
      this.#stream.close();
      this.#close(undefined);
    } else if (!this.#is(SHUT_DOWN)) {
      this.#state |= SHUT_DOWN;
      this.#stream.shutdown();
    }
  }

  destroy(error?: Error): void {
    if (error !== undefined && !(error instanceof Error)) {
      throw invalidArgument(`destroy: error must be an Error, not ${describe(error)}`, 'ERR_INVALID_ARG_TYPE');
    }
    if (this.#is(CLOSED)) return;
    this.#stream.close();
    this.#close(error);
  }

  reset(): void {
    if (this.#is(CLOSED)) return;
    this.#stream.reset();
    this.#close(undefined);
  }

  /** Why it is gone, if not on purpose. */
  get failure(): Error | undefined {
    return this.#error;
  }

  /** A handler of this connection failed: closes it and reports the error once. */
  fail(thrown: unknown): void {
    if (this.#is(CLOSED)) return;
    const error = toError(thrown);
    this.destroy(error);
    this.#host.report(error, this);
  }

  /** The server closes: no more input; what is in flight may still be answered. */
  drain(): void {
    if (this.#is(CLOSED)) return;
    const kept = this.#extra?.kept ?? [];
    while (this.#flowing && kept.length > 0) {
      const bytes = kept.shift() as Buffer;
      this.#deliver(bytes, 0, bytes.length, false);
    }
    if (this.#is(CLOSED)) return;
    kept.length = 0;
    if (!this.#is(INPUT_DONE)) this.#completeInput();
    if (this.#owners === 0 && !this.#is(FED)) this.end();
  }

  /** The one way out: whoever waits for anything hears of it, in the order data$, closed$, disconnected$. */
  #close(error: Error | undefined): void {
    if (this.#is(CLOSED)) return;
    this.#state |= CLOSED;
    this.#error = error;
    this.bytesQueued = 0;
    const extra = this.#extra;
    if (extra !== undefined) extra.kept.length = 0;
    this.#failSends(error);
    if (!this.#is(INPUT_DONE)) this.#completeInput();
    if (extra !== undefined) {
      for (const subscriber of [...extra.drainedSubscribers]) subscriber.complete();
      const outcome = this.#outcome();
      for (const callback of [...extra.closedCallbacks]) callback(outcome);
      extra.closedCallbacks.clear();
    }
    this.#host.disconnected(this, error);
  }

  get closed$(): Observable<Closed> {
    return (this.#more.closed$ ??= new Observable<Closed>((subscriber) => {
      const emit = (outcome: Closed): void => {
        subscriber.next(outcome);
        subscriber.complete();
      };
      if (this.#is(CLOSED)) {
        emit(this.#outcome());
        return;
      }
      const { closedCallbacks } = this.#more;
      closedCallbacks.add(emit);
      return () => closedCallbacks.delete(emit);
    }));
  }

  #outcome(): Closed {
    return this.#error === undefined ? {} : { error: this.#error };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end();
    return new Promise((resolve) => {
      const timer = this.#host.engine.after(DISPOSE_TIMEOUT, () => this.destroy());
      this.whenClosed(() => {
        this.#host.engine.cancel(timer);
        resolve();
      });
    });
  }

  #is(bits: number): boolean {
    return (this.#state & bits) !== 0;
  }
}

const isConnection: IsRelay = (observer): observer is Relay => observer instanceof StreamConnection;
