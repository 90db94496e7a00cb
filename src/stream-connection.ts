// A Connection on a poller's stream: what it is to others, and how it ends, in one order.

import { Observable } from 'rxjs';
import type { Subscription } from 'rxjs';

import { toBytes } from './bytes.js';
import type { Bytes } from './bytes.js';
import {
  BROKEN,
  CLOSED,
  CONGESTED,
  CUT_SHORT,
  DRAINING,
  END_DUE,
  FED,
  HELD,
  INPUT_DONE,
  OUTPUT_ENDED,
  PEER_ENDED,
  PIPED,
  READING,
  SHUT_DOWN,
} from './connection-state.js';
import { ConnectionOutput } from './connection-output.js';
import type { Closed, Connection } from './connection.js';
import { EvioError, describe, invalidArgument, toError } from './errors.js';
import type { EvioErrorCode } from './errors.js';
import { guarded } from './poller/guarded.js';
import type { Relay } from './input.js';
import { ConnectionIterator } from './iterate.js';
import { pipe } from './pipe.js';
import type { PipeOptions, Supplier } from './pipe.js';
import type { SocketAddress, StreamEvents } from './poller/poller.js';
import { tapBetween } from './tap.js';
import type { Tap, Tappable } from './tap.js';

const DISPOSE_TIMEOUT = 1000;

export class StreamConnection extends ConnectionOutput implements Connection, StreamEvents, Relay, Tappable {
  context: unknown = undefined;

  get local(): SocketAddress {
    return this.stream.local;
  }

  get remote(): SocketAddress {
    return this.stream.remote;
  }

  /** For the test kit. */
  tapped(tap: Tap): () => void {
    return tapBetween(this, this.stream, tap);
  }

  isRelay(observer: unknown): observer is Relay {
    return observer instanceof StreamConnection;
  }

  broken(error: Error): void {
    this.state |= BROKEN;
    this.state &= ~CONGESTED;
    this.bytesQueued = 0;
    this.extra?.timeouts?.lost();
    this.failSends(error);
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
    this.failSends(error);
    if (this.hasKept && !this.discarding) {
      this.state |= PEER_ENDED;
      this.more.failure = error;
      this.deferInput();
    } else {
      this.finish(error);
    }
  }

  pipeTo(destination: Connection, options: PipeOptions = {}): Subscription {
    if (!(destination instanceof StreamConnection) || destination === this) {
      const what = destination === (this as Connection) ? 'the connection itself' : describe(destination);
      throw invalidArgument(
        `pipeTo: needs another connection of this library, not ${what}`,
        'ERR_INVALID_ARG_TYPE',
      );
    }
    return pipe(this, destination, options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    return new ConnectionIterator(this);
  }

  // Observer

  next(bytes: Bytes): void {
    try {
      const output = toBytes(bytes);
      this.queue(output, 0, output.length);
    } catch (thrown) {
      this.fail(thrown);
    }
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
    this.more.owners = (this.more.owners ?? 0) + 1;
  }

  disown(): void {
    this.more.owners = (this.more.owners ?? 0) - 1;
    this.endIfOver();
  }

  protected endIfOver(): void {
    const over = this.is(INPUT_DONE) && !this.host.limits.halfOpen;
    if (over && !this.owned && !this.is(FED)) this.end();
  }

  relayEnd(): void {
    this.end();
  }

  addSupplier(supplier: Supplier): void {
    (this.more.suppliers ??= new Set()).add(supplier);
  }

  removeSupplier(supplier: Supplier): void {
    this.extra?.suppliers?.delete(supplier);
  }

  whenClosed(callback: (outcome: Closed) => void): () => void {
    if (this.is(CLOSED)) {
      callback(this.outcome());
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
    if (this.extra?.corked !== undefined) this.writeCorked(this.extra);
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
    // A pipe has not brought the end: what the peer has got of it must not look whole.
    const unfinished = !this.is(OUTPUT_ENDED) && (this.extra?.suppliers?.size ?? 0) > 0;
    if (unfinished) this.stream.reset();
    else this.stream.close();
    this.finish(error);
  }

  cut(error?: Error): void {
    if (this.is(CLOSED)) return;
    if (this.queuedNow() > 0) {
      this.stream.reset();
      this.finish(error);
    } else {
      this.destroy(error);
    }
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
    this.cut(new EvioError(code, `connection ${this.id}: ${text}`));
  }

  get inputOver(): boolean {
    return this.is(INPUT_DONE);
  }

  get cutOff(): Error | undefined {
    const whole = this.is(PEER_ENDED) && !this.is(CUT_SHORT);
    if (this.failure !== undefined || whole) return this.failure;
    return new EvioError('ERR_EVIO_CLOSED', `the input of connection ${this.id} was cut off before its end`);
  }

  /** A handler of this connection failed: closes it and reports the error once. */
  fail(thrown: unknown): void {
    if (this.is(CLOSED)) return;
    const error = toError(thrown);
    this.cut(error);
    this.host.report(error, this);
  }

  protected reportMistake(error: EvioError): void {
    this.host.report(error, this);
  }

  observerFailed(thrown: unknown): void {
    // At the end there is nothing left to close, but a bug is no less a bug.
    if (this.is(CLOSED)) this.host.report(toError(thrown), this);
    else this.fail(thrown);
  }

  /**
   * The server closes: no more input; what is in flight may still be answered. A pipe goes on until its source's own end.
   * Only the peer knows whether it has sent everything, be it silent for ever so long: an end that we made up would tell
   * the far side that a part is the whole.
   */
  drain(): void {
    if (this.is(CLOSED)) return;
    if (this.is(PIPED) && !this.is(INPUT_DONE)) {
      this.state |= DRAINING;
      return;
    }
    this.state &= ~DRAINING;
    this.deliverKept();
    if (this.is(CLOSED)) return;
    if (!this.is(PEER_ENDED) || this.hasKept) this.state |= CUT_SHORT;
    this.dropKept();
    if (!this.is(INPUT_DONE)) this.completeInput();
    if (this.is(HELD)) this.state |= END_DUE;
    else if (!this.owned && !this.is(FED)) this.end();
  }

  /** The one way out: whoever waits for anything hears of it, in the order data$, closed$, disconnected$. */
  protected finish(error: Error | undefined): void {
    if (this.is(CLOSED)) return;
    this.state |= CLOSED;
    if (error !== undefined) this.more.endedBy = error;
    this.bytesQueued = 0;
    const extra = this.extra;
    extra?.timeouts?.stop();
    if (this.hasKept) this.state |= CUT_SHORT;
    this.dropKept();
    this.failSends(error);
    if (this.is(INPUT_DONE)) this.completeOthers();
    else this.completeInput();
    if (extra !== undefined) {
      for (const subscriber of extra.drainedSubscribers ?? []) guarded(() => subscriber.complete());
      const outcome = this.outcome();
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
        emit(this.outcome());
        return;
      }
      return this.whenClosed(emit);
    }));
  }

  private outcome(): Closed {
    const error = this.failure;
    return error === undefined ? {} : { error };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end();
    return new Promise((resolve) => {
      const timer = this.host.engine.after(DISPOSE_TIMEOUT, () => this.cut());
      this.whenClosed(() => {
        this.host.engine.cancel(timer);
        resolve();
      });
    });
  }
}
