// A Connection on a poller's stream: output is bounded, ends come in one order.

import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';

import { toBytes } from './bytes.js';
import type { Bytes } from './bytes.js';
import {
  BROKEN,
  CLOSED,
  CONGESTED,
  ConnectionInput,
  FED,
  INPUT_DONE,
  MISUSED,
  OUTPUT_ENDED,
  PEER_ENDED,
  READING,
  SHUT_DOWN,
} from './connection-input.js';
import type { Extra } from './connection-input.js';
import type { Closed, Connection } from './connection.js';
import { EvioError, describe, invalidArgument, toError } from './errors.js';
import type { EvioErrorCode } from './errors.js';
import { guarded } from './poller/guarded.js';
import type { Relay } from './input.js';
import type { SocketAddress, StreamEvents } from './poller/poller.js';

const DISPOSE_TIMEOUT = 1000;

export class StreamConnection extends ConnectionInput implements Connection, StreamEvents, Relay {
  context: unknown = undefined;
  bytesWritten = 0;
  bytesQueued = 0;
  #error: Error | undefined;

  get local(): SocketAddress {
    return this.stream.local;
  }

  get remote(): SocketAddress {
    return this.stream.remote;
  }

  isRelay(observer: unknown): observer is Relay {
    return observer instanceof StreamConnection;
  }

  flushed(taken: number): void {
    this.bytesQueued -= taken;
    this.bytesWritten += taken;
    this.extra?.timeouts?.taken(this.bytesQueued === 0);
    if (this.extra?.sends !== undefined) this.#completeSends(this.extra.sends);
    if (this.is(CONGESTED) && this.bytesQueued <= this.host.limits.lowWaterMark) this.#drained();
    if (this.is(OUTPUT_ENDED)) this.closeIfDone();
  }

  broken(error: Error): void {
    this.state |= BROKEN;
    this.state &= ~CONGESTED;
    this.bytesQueued = 0;
    this.#failSends(error);
    // Without anybody who reads or pauses there is nothing left to wait for.
    if (this.abandoned) {
      this.destroy(error);
    } else {
      this.updateReading();
    }
  }

  failed(error: Error): void {
    this.host.beforeEvent();
    if (this.is(CLOSED)) return;
    this.state |= BROKEN;
    this.state &= ~(READING | CONGESTED);
    this.bytesQueued = 0;
    this.#failSends(error);
    if (this.hasKept && !this.discarding) {
      this.state |= PEER_ENDED;
      this.more.failure = error;
      this.deferInput();
    } else {
      this.finish(error);
    }
  }

  // Output

  write(bytes: Bytes): boolean {
    const output = toBytes(bytes);
    this.#reportMisuse();
    return this.#queue(output, 0, output.length);
  }

  relay(source: Buffer, start: number, end: number): void {
    this.#queue(source, start, end);
  }

  #queue(source: Uint8Array, start: number, end: number): boolean {
    if (this.is(OUTPUT_ENDED | CLOSED | BROKEN)) return false;
    const { highWaterMark, maxQueuedBytes } = this.host.limits;
    if (start === end) return this.bytesQueued <= highWaterMark;
    if (this.bytesQueued > maxQueuedBytes && this.stream.queued() > maxQueuedBytes) {
      this.destroy(
        new EvioError(
          'ERR_EVIO_QUEUE_FULL',
          `connection ${this.id}: the peer reads too slowly: more than ${maxQueuedBytes} bytes are queued (maxQueuedBytes)`,
        ),
      );
      return false;
    }
    if (this.bytesQueued === 0) this.extra?.timeouts?.queued();
    this.bytesQueued += end - start;
    this.stream.write(source, start, end);
    if (this.bytesQueued <= highWaterMark) return true;
    if (!this.is(CONGESTED)) {
      this.state |= CONGESTED;
      this.updateReading();
    }
    return false;
  }

  /** After close() a write is an ordinary race; after end() it is a mistake, told once. */
  #reportMisuse(): void {
    if (!this.is(OUTPUT_ENDED) || this.is(CLOSED | BROKEN | MISUSED)) return;
    this.state |= MISUSED;
    this.host.report(
      new EvioError('ERR_EVIO_WRITE_AFTER_END', `connection ${this.id}: write after end`),
      this,
    );
  }

  get send(): (bytes: Bytes) => Observable<void> {
    return (this.more.send ??= (bytes) =>
      new Observable<void>((subscriber) => this.#send(bytes, subscriber)));
  }

  #send(bytes: Bytes, subscriber: Subscriber<void>): void {
    const output = toBytes(bytes);
    this.#queue(output, 0, output.length);
    if (this.is(OUTPUT_ENDED | CLOSED | BROKEN)) {
      subscriber.error(this.#closedError());
      return;
    }
    const until = this.bytesWritten + this.bytesQueued;
    if (this.bytesQueued === 0) {
      subscriber.next();
      subscriber.complete();
    } else {
      (this.more.sends ??= []).push({ until, subscriber });
    }
  }

  #completeSends(sends: NonNullable<Extra['sends']>): void {
    while (sends.length > 0 && (sends[0]?.until ?? 0) <= this.bytesWritten) {
      const subscriber = sends.shift()?.subscriber;
      guarded(() => {
        subscriber?.next();
        subscriber?.complete();
      });
    }
  }

  #failSends(cause: Error | undefined): void {
    const sends = this.extra?.sends?.splice(0) ?? [];
    for (const { subscriber } of sends) guarded(() => subscriber.error(this.#closedError(cause)));
  }

  #closedError(cause: Error | undefined = this.#error): EvioError {
    const state = this.is(CLOSED | BROKEN) ? 'closed' : 'ended';
    const code = state === 'closed' ? 'ERR_EVIO_CLOSED' : 'ERR_EVIO_WRITE_AFTER_END';
    const because = cause === undefined ? '' : `: ${cause.message}`;
    return new EvioError(code, `connection ${this.id} is ${state}${because}`, { cause });
  }

  get drained$(): Observable<void> {
    return (this.more.drained$ ??= new Observable<void>((subscriber) => {
      if (this.is(CLOSED)) {
        subscriber.complete();
        return;
      }
      const extra = this.more;
      extra.drainedSubscribers = [...(extra.drainedSubscribers ?? []), subscriber];
      return () => {
        extra.drainedSubscribers = extra.drainedSubscribers?.filter((other) => other !== subscriber);
      };
    }));
  }

  #drained(): void {
    this.state &= ~CONGESTED;
    this.updateReading();
    for (const subscriber of this.extra?.drainedSubscribers ?? []) guarded(() => subscriber.next());
  }

  // Observer

  get next(): (bytes: Bytes) => void {
    return (this.more.next ??= (bytes) => {
      try {
        const output = toBytes(bytes);
        this.#queue(output, 0, output.length);
      } catch (thrown) {
        this.fail(thrown);
      }
    });
  }

  /**
   * RxJS reads `complete` when it subscribes an observer. That is how a connection behind operators learns that an
   * observable owns its output, and that the end of its input is no reason to end it.
   */
  get complete(): () => void {
    this.state |= FED;
    return () => this.end();
  }

  error(error: unknown): void {
    if (this.is(CLOSED)) return;
    this.stream.reset();
    this.finish(toError(error));
  }

  own(): void {
    this.owners += 1;
  }

  disown(): void {
    this.owners -= 1;
    const over = this.is(INPUT_DONE) && !this.host.limits.halfOpen;
    if (over && this.owners === 0 && !this.is(FED)) this.end();
  }

  relayEnd(): void {
    this.end();
  }

  whenClosed(callback: (outcome: Closed) => void): () => void {
    if (this.is(CLOSED)) {
      callback(this.#outcome());
      return () => {};
    }
    // Copied, not changed: whoever walks it while it is told of the end walks the list of that moment.
    const extra = this.more;
    extra.closedCallbacks =
      extra.closedCallbacks === undefined ? [callback] : [...extra.closedCallbacks, callback];
    return () => {
      extra.closedCallbacks = extra.closedCallbacks?.filter((other) => other !== callback);
    };
  }

  // Ends

  end(bytes?: Bytes): void {
    if (bytes !== undefined) this.write(bytes);
    if (this.is(OUTPUT_ENDED | CLOSED)) return;
    this.state |= OUTPUT_ENDED;
    this.updateReading();
    this.closeIfDone();
  }

  /** Both directions have ended: close. Only ours: FIN, behind whatever is queued. */
  protected closeIfDone(): void {
    if (!this.is(OUTPUT_ENDED) || this.is(CLOSED)) return;
    if (this.is(PEER_ENDED) && this.is(INPUT_DONE)) {
      if (this.bytesQueued > 0) return;
      this.stream.close();
      this.finish(undefined);
    } else if (!this.is(SHUT_DOWN)) {
      this.state |= SHUT_DOWN;
      this.stream.shutdown();
    }
  }

  destroy(error?: Error): void {
    if (error !== undefined && !(error instanceof Error)) {
      throw invalidArgument(
        `destroy: error must be an Error, not ${describe(error)}`,
        'ERR_INVALID_ARG_TYPE',
      );
    }
    if (this.is(CLOSED)) return;
    this.stream.close();
    this.finish(error);
  }

  reset(): void {
    if (this.is(CLOSED)) return;
    this.stream.reset();
    this.finish(undefined);
  }

  established(): void {
    this.extra?.timeouts?.established();
  }

  timedOut(code: EvioErrorCode, text: string): void {
    this.destroy(new EvioError(code, `connection ${this.id}: ${text}`));
  }

  /** Why it is gone, if not on purpose. */
  get failure(): Error | undefined {
    return this.#error;
  }

  /** A handler of this connection failed: closes it and reports the error once. */
  fail(thrown: unknown): void {
    if (this.is(CLOSED)) return;
    const error = toError(thrown);
    this.destroy(error);
    this.host.report(error, this);
  }

  observerFailed(thrown: unknown): void {
    // At the end there is nothing left to close, but a bug is no less a bug.
    if (this.is(CLOSED)) this.host.report(toError(thrown), this);
    else this.fail(thrown);
  }

  /** The server closes: no more input; what is in flight may still be answered. */
  drain(): void {
    if (this.is(CLOSED)) return;
    this.deliverKept();
    if (this.is(CLOSED)) return;
    this.dropKept();
    if (!this.is(INPUT_DONE)) this.completeInput();
    if (this.owners === 0 && !this.is(FED)) this.end();
  }

  /** The one way out: whoever waits for anything hears of it, in the order data$, closed$, disconnected$. */
  protected finish(error: Error | undefined): void {
    if (this.is(CLOSED)) return;
    this.state |= CLOSED;
    this.#error = error;
    this.bytesQueued = 0;
    const extra = this.extra;
    extra?.timeouts?.stop();
    this.dropKept();
    this.#failSends(error);
    if (!this.is(INPUT_DONE)) this.completeInput();
    if (extra !== undefined) {
      for (const subscriber of extra.drainedSubscribers ?? []) guarded(() => subscriber.complete());
      const outcome = this.#outcome();
      for (const callback of extra.closedCallbacks ?? []) guarded(() => callback(outcome));
      extra.closedCallbacks = undefined;
    }
    this.host.disconnected(this, error);
  }

  get closed$(): Observable<Closed> {
    return (this.more.closed$ ??= new Observable<Closed>((subscriber) => {
      const emit = (outcome: Closed): void => {
        subscriber.next(outcome);
        subscriber.complete();
      };
      if (this.is(CLOSED)) {
        emit(this.#outcome());
        return;
      }
      return this.whenClosed(emit);
    }));
  }

  #outcome(): Closed {
    return this.#error === undefined ? {} : { error: this.#error };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end();
    return new Promise((resolve) => {
      const timer = this.host.engine.after(DISPOSE_TIMEOUT, () => this.destroy());
      this.whenClosed(() => {
        this.host.engine.cancel(timer);
        resolve();
      });
    });
  }
}
