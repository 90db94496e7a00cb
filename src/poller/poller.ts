// The one seam: what the streams need from an operating system, and all that they may assume of it.
//
// Everything above this file is the same code for every poller, and no poller knows rxjs. A poller is driven by its
// own event loop and calls upwards in turns; what the code above asks for during a turn (writes, interest, closes)
// may be gathered and done at the end of that turn.
//
// Guarantees
// - Nothing calls upwards outside `turnBegin()` … `turnEnd()`, save that `listen()` may report `listening` or
//   `bindFailed` before it returns, and `announceAll()` reports `accepted`. Turns never nest. A turn is bounded, so that timers are
//   never starved.
// - Bytes are neither lost, doubled nor reordered, in either direction.
// - What is asked for outside a turn (a write in a timer or a promise) is done before the event loop next blocks, and
//   writes still at the exit of the process.
// - A stream's or listener's operations after its end (`close`, `reset`, `failed`, `bindFailed`) do nothing: a stale
//   handle never finds the stranger that has got its descriptor.
// - A throw out of any upward call ends only that call: the rest of the turn still happens, and the error reaches the
//   process as an uncaught exception.
// - Any operation may be called from inside any upward call, of its own stream or of another.
// - Upward calls run in a root async context: no caller's AsyncLocalStorage is seen.
//
// Order
// - A listener: `listening` or `bindFailed`, once; then `accepted` in the order of acceptance, or, while it is `quiet`, in any.
//   Nothing after `close()`, which closes those who have not been announced.
// - A dial: `connected` or `connectFailed`, once. Nothing after `abort()`.
// - A stream: `data`* then at most one `ended`, which follows the last byte; `flushed` in the order of the writes;
//   `broken` at most once and no `flushed` after it; `failed` at most once and nothing after it. Bytes that arrived before
//   a failure are reported before `failed` where the operating system keeps them and reading is on.
// - After `close()` or `reset()` has returned, nothing more is reported for that stream, in the same turn either.
// - `shutdown()`, `close()` and `reset()` follow the writes before them; `close()` and `reset()` do not wait for what the
//   kernel has not taken. Between different streams there is no order.
//
// Hints
// - `read(false)` and `accept(false)` take effect by the end of the turn: what the turn had already read or accepted
//   is still reported, and the caller keeps it.
// - How input is cut into chunks, and how many events share a turn, means nothing.
// - `ended` and `failed` are noticed while reading is off and nothing is unread (pollers may except themselves by name:
//   `net` notices at the next read or write).
//
// Errors have `code`, `errno` and `syscall` as Node's have, and these come from where:
// - `bindFailed`: `listen` (EADDRINUSE, EADDRNOTAVAIL, EACCES, ENAMETOOLONG, EINVAL …), `socket` (EMFILE, EAFNOSUPPORT …),
//   or ERR_EVIO_UNSUPPORTED for an option that this poller does not have.
// - `connectFailed`: `connect` (ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EADDRNOTAVAIL …), `socket` (EMFILE …), `poll`.
// - `acceptFailed`: `accept` (EMFILE, ENFILE, ENOBUFS, ENOMEM), `poll` (ENOMEM, ENOSPC). What concerns one client only is
//   not reported.
// - `failed`: `read` (ECONNRESET, ETIMEDOUT, EHOSTUNREACH …), `write` (EPIPE, ECONNRESET, ENOBUFS …), `poll` (as above).
// - `broken`: `write`.
// Operations do not throw. What they are given has been validated above the seam.

/**
 * An address of one end of a connection. `String(address)` is `1.2.3.4:80`, `[::1]:80` or `/run/x.sock`.
 * IPv4 addresses that reach a dual-stack listener are given as IPv4, not as `::ffff:1.2.3.4`.
 */
export interface SocketAddress {
  /** `'unix'` for a path. */
  readonly family: 'IPv4' | 'IPv6' | 'unix';
  /** A numeric address, or the path of a unix socket (empty for an unnamed peer). */
  readonly address: string;
  /** 0 to 65535; absent for unix sockets. */
  readonly port?: number;
  /** `1.2.3.4:80`, `[::1]:80` or `/run/x.sock`. */
  toString(): string;
}

/** What a listener binds or a dial connects to: names have been resolved above the seam. */
export interface BindAddress {
  /** `'unix'` for a path. */
  readonly family: 'IPv4' | 'IPv6' | 'unix';
  /** A numeric address (`0.0.0.0` and `::` for all) or a path. */
  readonly address: string;
  /** For a listener, 0 asks for a free port. Ignored for unix sockets. */
  readonly port: number;
}

/** How a poller listens: {@link ListenOptions} with nothing left to decide. */
export interface BindOptions {
  /** Longest queue of connections that wait to be accepted; the kernel may cut it. */
  readonly backlog: number;
  /** Let several listeners share one port. */
  readonly reusePort: boolean;
  /** An IPv6 listener refuses IPv4. */
  readonly ipv6Only: boolean;
  /** Set TCP_NODELAY on what is accepted. */
  readonly noDelay: boolean;
  /** Milliseconds of silence before TCP keep-alive probes; 0 is off. */
  readonly keepAlive: number;
}

/** How a poller connects: {@link ConnectOptions} with nothing left to decide. */
export interface DialOptions {
  /** Where from: a numeric address of the same family, port 0 for any. Not for unix sockets. */
  readonly local?: BindAddress;
  /** Set TCP_NODELAY. */
  readonly noDelay: boolean;
  /** Milliseconds of silence before TCP keep-alive probes; 0 is off. */
  readonly keepAlive: number;
}

/** How a turn is announced to the code above. */
export interface TurnEvents {
  /** Before the first event of a turn. Timers that are due and deferred work run here. */
  turnBegin(): void;
  /** After the last event of a turn. What is written here leaves in a turn of its own. */
  turnEnd(): void;
}

/** What a listener reports. */
export interface ListenerEvents {
  /** Bound and listening; the port is the real one. */
  listening(address: SocketAddress): void;
  /** Binding failed: the listener is gone. */
  bindFailed(error: NodeJS.ErrnoException): void;
  /**
   * One accepted connection, not yet read from, in the order of acceptance, unless it was accepted quietly.
   * @param heard - it was accepted before, quietly, and is read from: what has been heard of it follows
   * @returns who gets its events. A throw closes the stream.
   */
  accepted(stream: PollerStream, heard?: boolean): StreamEvents;
  /** Accepting failed for want of something (EMFILE, ENFILE, ENOBUFS, ENOMEM). The caller turns accepting off for a while. */
  acceptFailed(error: NodeJS.ErrnoException): void;
}

/** What a dial reports: one of the two, once. */
export interface DialEvents {
  /**
   * Connected, and not yet read from.
   * @returns who gets its events. A throw closes the stream.
   */
  connected(stream: PollerStream): StreamEvents;
  /** There is no connection. */
  connectFailed(error: NodeJS.ErrnoException): void;
}

/** What a stream reports. */
export interface StreamEvents {
  /**
   * Input: `source[start, end)`, never empty.
   * @param lent - true when `source` is the poller's window, valid only during the call; false when the bytes are the receiver's.
   */
  data(source: Buffer, start: number, end: number, lent: boolean): void;
  /** End of input: the peer has sent FIN and every byte before it has been reported. */
  ended(): void;
  /** The kernel has taken that many more of the bytes written, in order. */
  flushed(taken: number): void;
  /**
   * Output is lost because the peer is gone, but input may be left to read: `failed` follows when it has been read.
   * A poller that keeps no input past such an error reports `failed` alone.
   */
  broken(error: NodeJS.ErrnoException): void;
  /** The connection is dead and the stream is gone. Output that was queued is lost. */
  failed(error: NodeJS.ErrnoException): void;
}

/** For a stream whose events nobody wants. */
export const NOBODY: StreamEvents = { data() {}, ended() {}, flushed() {}, broken() {}, failed() {} };

/** A poller's listening socket. */
export interface PollerListener {
  /** Accept connections or leave them in the backlog. Off at first. */
  accept(on: boolean): void;
  /**
   * On: who is accepted is read from at once, and announced by `accepted` when there is something to tell of him, before that.
   * Until then he is a socket and nothing else. Off at first. Absent in pollers whose sockets are objects anyway; the
   * other two are absent with it.
   */
  quiet?(on: boolean): void;
  /** How many have been accepted and not announced. */
  readonly unannounced?: number;
  /** Announces them: calls `accepted` for each before it returns, inside of a turn and outside of one. */
  announceAll?(): void;
  /** Stops listening before it returns: the address can be bound again at once. Idempotent. */
  close(): void;
  /** Whether this listener keeps the event loop alive. On at first. */
  ref(on: boolean): void;
}

/** A connection that is being made. */
export interface PollerDial {
  /** Gives it up: nothing is reported any more. Does nothing once it is connected or has failed. Idempotent. */
  abort(): void;
}

/** A poller's connected socket. */
export interface PollerStream {
  /** This end. */
  readonly local: SocketAddress;
  /** The peer's end. */
  readonly remote: SocketAddress;
  /** Read or leave the bytes in the kernel. Off at first. */
  read(on: boolean): void;
  /**
   * Queue `source[start, end)`. The bytes belong to the poller until `flushed` has counted them, except that a
   * window (`isLent`) may be used again as soon as this returns. Only if it is the very `source` that `data` is
   * lending, in the same call of `data`, its bytes stay as they are until the turn ends.
   */
  write(source: Uint8Array, start: number, end: number): void;
  /**
   * On: whoever gets large input keeps it, so that it may be read into memory of its own, and comes with `lent` false. Off at
   * first. Absent in pollers that lend nothing.
   */
  keep?(on: boolean): void;
  /** Bytes that the kernel has not taken, exact: offers it what is pending first. */
  queued(): number;
  /** FIN once everything written has been taken by the kernel. Nothing may be written afterwards. */
  shutdown(): void;
  /** Releases the stream. What is queued is dropped; what the kernel has is sent. */
  close(): void;
  /** Releases the stream with RST. */
  reset(): void;
}

/** The pollers of this library. */
export type PollerName = 'epoll' | 'kqueue' | 'net';

/** Something that turns readiness of sockets into events. One instance serves many listeners of one thread. */
export interface Poller {
  /** `epoll`, `kqueue`, `net`, `simulated`, or a name of your own. */
  readonly name: string;
  /** The poller's clock in milliseconds, monotonic, with fractions; the origin means nothing. */
  now(): number;
  /** Names who is told of turns. Called once, before anything else. */
  attach(turns: TurnEvents): void;
  /** Asks for a turn at a time of this clock (`Infinity` for none); replaces the time asked for before. Does not keep the process alive. */
  alarm(at: number): void;
  /** Asks for a turn soon, before the event loop next blocks. From inside a turn it asks for another one. */
  schedule(): void;
  /** Binds. A poller that binds synchronously reports before it returns. */
  listen(address: BindAddress, options: BindOptions, events: ListenerEvents): PollerListener;
  /** Connects. Reports in a turn, never before it returns. */
  connect(address: BindAddress, options: DialOptions, events: DialEvents): PollerDial;
}
