// One connection: the public interface.

import type { Observable, Observer, Subscription } from 'rxjs';

import type { Bytes } from './bytes.js';
import type { PipeOptions } from './pipe.js';
import type { SocketAddress } from './poller/poller.js';

/** How a connection ended: without an error for FIN and for whatever this side did on purpose. */
export interface Closed {
  /** Why, when it was not on purpose: an error of the system (ECONNRESET, ETIMEDOUT …), or an `EvioError` of a limit. */
  readonly error?: Error;
}

/**
 * One connection, accepted or made. It is an Observer of bytes: `connection.data$.subscribe(connection)` echoes.
 *
 * @example
 * ```ts
 * server.connections$.subscribe((connection) => {
 *   connection.data$.pipe(map((data) => data.toString().toUpperCase())).subscribe(connection);
 * });
 * ```
 */
export interface Connection extends Observer<Bytes>, AsyncDisposable {
  /**
   * 1, 2, 3, … in the order of acceptance by its server, or of `connect` in this thread; never used again. Where only `data$` of the
   * server is subscribed to, a connection that has said nothing may have none yet: then the order is that in which they are heard of.
   */
  readonly id: number;
  /** This end. */
  readonly local: SocketAddress;
  /** The peer's end; of a unix socket mostly unnamed. */
  readonly remote: SocketAddress;
  /** Yours. `undefined` at first. */
  context: unknown;

  /**
   * What the peer sends, in chunks as they arrive: of 64 KiB at most, and of a stream in bulk up to 256 KiB. Multicast,
   * without replay. The socket is read while somebody subscribes; bytes wait in the kernel until then. Each chunk is yours to
   * keep (all subscribers get the same one), unless the server was told `reuseInputBuffer`. An empty chunk is a
   * {@link Connection.wake | wake}. Never errors: completes when the input ends, for whatever reason; `closed$` has the error.
   */
  readonly data$: Observable<Buffer>;
  /** Emits once, when the connection is gone, and completes; also for those who subscribe later. */
  readonly closed$: Observable<Closed>;
  /** Emits when the queue has fallen to `lowWaterMark` after it had risen above `highWaterMark`. */
  readonly drained$: Observable<void>;

  /** Bytes delivered so far, less those that `unread` has given back. */
  readonly bytesRead: number;
  /** Bytes that the kernel has taken so far. */
  readonly bytesWritten: number;
  /** Bytes written that the kernel has not taken, as of this turn. */
  readonly bytesQueued: number;

  /** The peer has proved itself: `handshakeTimeout` holds no more. Idempotent. */
  established(): void;

  /**
   * Sends, in order, at the end of this turn. The bytes belong to the connection until they are sent. A write that finds
   * more than `maxQueuedBytes` queued closes the connection with ERR_EVIO_QUEUE_FULL; one large write always passes.
   *
   * @returns false when more than `highWaterMark` bytes are queued: better wait for `drained$`. Reading of an accepted
   *   connection pauses by itself until then. Also false, and without effect, once the output has ended; `write` after `end` is reported once on
   *   the server's `errors$` as ERR_EVIO_WRITE_AFTER_END.
   * @throws TypeError for anything but a string, a Buffer or a Uint8Array.
   */
  write(bytes: Bytes): boolean;
  /**
   * Cold: sends when subscribed; emits once and completes when the kernel has taken it all. Errors with ERR_EVIO_CLOSED
   * when the connection closes first. Bound, so that `concatMap(connection.send)` works.
   */
  readonly send: (bytes: Bytes) => Observable<void>;
  /** Keeps what is written, so that it leaves together, until as many `uncork`. Within one turn that is so anyhow. */
  cork(): void;
  /** Lets go what was kept since `cork`. Without a `cork` before it does nothing. */
  uncork(): void;
  /** Sends `bytes`, then FIN when everything queued has been sent. The peer may still send. Idempotent. */
  end(bytes?: Bytes): void;
  /**
   * Closes at once; what is queued is dropped. `closed$` carries `error`. By RST while a {@link pipeTo} into it has not
   * ended. Idempotent.
   */
  destroy(error?: Error): void;
  /** Closes at once with RST. Idempotent. */
  reset(): void;

  /** After this returns nothing is delivered until `resume`. */
  pause(): void;
  /** Lifts `pause`; what had been read is delivered first, in the next turn. */
  resume(): void;
  /** An empty chunk on `data$` in the next turn. Several wakes before it are one; kept while paused; nothing after the end. */
  wake(): void;
  /**
   * Gives bytes back: they are delivered again, before anything else. Once `data$` has completed for somebody, or the
   * connection has closed, there is no way back, and this does nothing; without `halfOpen` a connection that nobody reads
   * ends with its peer's FIN.
   */
  unread(bytes: Uint8Array): void;
  /**
   * Input of this connection becomes output of another, and the two keep pace: while more than the other's
   * `highWaterMark` is queued this one is not read. The end of input ends the other; either one's failure resets the other,
   * and this one is closed when the other is. Two of them, one each way, are a proxy.
   *
   * A part never looks whole: as long as the input has not ended, whatever closes the other resets it instead (a unix
   * socket, which has no reset, is closed). A server's `close` lets a pipe go on to that end for as long as it has time.
   *
   * @returns what takes them apart again without closing either.
   * @throws TypeError for anything but another connection of this library.
   */
  pipeTo(destination: Connection, options?: PipeOptions): Subscription;
  /**
   * `for await (const data of connection)`: the next chunk is read when it is asked for. Ends with the input, throws when
   * the connection has failed. Leaving the loop stops reading and leaves the connection open.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer>;

  /** `write`, as an Observer; without effect after the end. What it throws closes this connection and is reported on the server's `errors$`. */
  next(bytes: Bytes): void;
  /**
   * `end`, as an Observer. A connection that an observable was subscribed with (`room$.subscribe(connection)`) ends when
   * that completes, not when its peer's input ends: `room$.pipe(takeUntil(…))` if it should.
   */
  complete(): void;
  /** `reset`, as an Observer; `closed$` carries the error. */
  error(error: unknown): void;
  /** Ends and waits until it is closed; by force after a second. */
  [Symbol.asyncDispose](): Promise<void>;
}
