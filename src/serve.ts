// The classic callback API of evio (its first one, July 2017), rebuilt from the streams with public names only.

import process from 'node:process';

import { Subscription } from 'rxjs';

import type { Bytes } from './bytes.js';
import type { Connection } from './connection.js';
import { describe, invalidArgument, toError } from './errors.js';
import { listen } from './listen.js';
import type { ListenOptions } from './options.js';
import type { Server } from './server.js';

/** What `handle` and `accept` return: bytes to send (or nothing), and whether the connection stays open. */
export type Reply = readonly [send: Bytes | null | undefined, keepopen: boolean];

/** Called with every chunk of input; with an empty one after `wake`. */
export type Handle<C> = (id: number, data: Buffer, ctx: C) => Reply;
/** Called once for every client; `addr` is `ip:port`, `[v6]:port` or empty for a unix socket. `wake` causes a call of `handle`. */
export type Accept<C> = (id: number, addr: string, wake: () => void, ctx: C) => Reply;
/** Called once for every client that `accept` kept; `err` is undefined for FIN and for what this side did. */
export type Closed<C> = (id: number, err: Error | undefined, ctx: C) => void;
/** Called once before anybody is accepted, then 1 to 60 times a second by traffic; false stops the server. */
export type Ticker<C> = (ctx: C) => boolean;

const NETS = ['tcp', 'tcp4', 'tcp6', 'unix'];
/** evio's too; listen() says that they are unsupported. */
const NOT_YET = ['udp', 'udp4', 'udp6'];
/** evio's: SO_KEEPALIVE with 500 s. */
const KEEP_ALIVE = 500_000;
/**
 * A client that does not answer our FIN is cut off when it has sent nothing for this many milliseconds. What it goes on to
 * send is read and dropped meanwhile: closing on unread bytes would reset it, and it might lose the end of its answer.
 */
const LINGER = 1000;
/** And after this many, whatever it does. */
const LONGEST_LINGER = 60_000;

/**
 * Serves by callbacks, as evio's `Serve(net, addr, handle, accept, closed, ticker, ctx)` did. Any callback may be null.
 *
 * @param net - `tcp`, `tcp4`, `tcp6` or `unix`; with the suffix `-compat` on the poller `net`
 * @param addr - `host:port`, `:port`, or a path
 * @param ctx - handed to every callback, untouched
 * @returns a promise that resolves when `ticker` has returned false, or `options.signal` was aborted, and every client's
 *   `closed` has been called. Rejects when the address cannot be bound, an argument is wrong, or `ticker` or `closed` throws.
 * @example
 * ```ts
 * await serve('tcp', ':9999', (id, data) => [data, true], null, null, null, undefined);
 * ```
 */
export function serve<C>(
  net: string,
  addr: string,
  handle: Handle<C> | null | undefined,
  accept: Accept<C> | null | undefined,
  closed: Closed<C> | null | undefined,
  ticker: Ticker<C> | null | undefined,
  ctx: C,
  options: ListenOptions = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    for (const [name, callback] of Object.entries({ handle, accept, closed, ticker })) {
      if (callback == null || typeof callback === 'function') continue;
      throw invalidArgument(
        `serve: ${name} must be a function or null, not ${describe(callback)}`,
        'ERR_INVALID_ARG_TYPE',
      );
    }
    const server = listenOn(net, addr, options);
    const service = new Service<C>(server, { handle, accept, closed, ticker }, ctx, { resolve, reject });
    // A poller that binds synchronously is served synchronously, so that virtual time needs no promises.
    if (server.addresses.length > 0) {
      service.start();
    } else {
      // Aborted before it listened: that is an end like any other, and the same on every poller.
      const fail = (error: unknown): void => (error === options?.signal?.reason ? resolve() : reject(error));
      server.ready.then(() => service.start(), fail);
    }
  });
}

function listenOn(net: string, addr: string, options: ListenOptions): Server {
  const compat = typeof net === 'string' && net.endsWith('-compat');
  const scheme = compat ? net.slice(0, -'-compat'.length) : net;
  if (!NETS.includes(scheme) && !NOT_YET.includes(scheme)) {
    throw invalidArgument(
      `serve: unknown net ${describe(net)}; valid are ${NETS.join(', ')}, each also with -compat`,
    );
  }
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw invalidArgument(
      `serve: options must be an object, not ${describe(options)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  if (typeof addr !== 'string') {
    throw invalidArgument(`serve: addr must be a string, not ${describe(addr)}`, 'ERR_INVALID_ARG_TYPE');
  }
  return listen(`${scheme}://${addr}`, {
    keepAlive: KEEP_ALIVE,
    ...options,
    halfOpen: false,
    ...(compat ? { poller: 'net' as const } : {}),
  });
}

interface Callbacks<C> {
  readonly handle: Handle<C> | null | undefined;
  readonly accept: Accept<C> | null | undefined;
  readonly closed: Closed<C> | null | undefined;
  readonly ticker: Ticker<C> | null | undefined;
}

interface Settle {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A connection that this side has ended. */
interface Lingering {
  /** `bytesWritten` once everything has been sent. */
  readonly bytes: number;
  /** Since when it has. */
  sent: number;
  /** Since when the client has been silent, too. */
  since: number;
  /** It has sent something since this was last looked at. */
  heard: boolean;
}

class Service<C> {
  readonly #server: Server;
  readonly #callbacks: Callbacks<C>;
  readonly #ctx: C;
  readonly #settle: Settle;
  readonly #subscriptions = new Subscription();
  readonly #lingering = new Map<Connection, Lingering>();
  #lingerTicks: Subscription | undefined;
  #error: Error | undefined;

  constructor(server: Server, callbacks: Callbacks<C>, ctx: C, settle: Settle) {
    this.#server = server;
    this.#callbacks = callbacks;
    this.#ctx = ctx;
    this.#settle = settle;
  }

  start(): void {
    // Also when the server was closed by the signal; close() gives the same promise again.
    this.#server.disconnected$.subscribe({
      complete: () => void this.#server.close().then(() => this.#finish()),
    });
    if (!this.#tick()) return;
    if (this.#callbacks.ticker != null) {
      this.#subscriptions.add(this.#server.ticks$.subscribe(() => void this.#tick()));
    }
    this.#subscriptions.add(this.#server.connections$.subscribe((connection) => this.#accept(connection)));
  }

  #tick(): boolean {
    try {
      const { ticker } = this.#callbacks;
      const keepserving: unknown = ticker == null ? true : ticker(this.#ctx);
      if (typeof keepserving !== 'boolean') throw wrongReturn('ticker', 'a boolean', keepserving);
      if (!keepserving) this.#stop();
      return keepserving;
    } catch (thrown) {
      this.#stop(thrown);
      return false;
    }
  }

  #stop(thrown?: unknown): void {
    if (thrown !== undefined) this.#error ??= toError(thrown);
    this.#subscriptions.unsubscribe();
    void this.#server.close({ timeout: 0 });
  }

  #finish(): void {
    this.#lingerTicks?.unsubscribe();
    if (this.#error === undefined) this.#settle.resolve();
    else this.#settle.reject(this.#error);
  }

  #accept(connection: Connection): void {
    const { accept } = this.#callbacks;
    const [send, keepopen] = this.#reply(connection, 'accept', () =>
      accept == null
        ? [undefined, true]
        : accept(connection.id, String(connection.remote), () => connection.wake(), this.#ctx),
    ) ?? [undefined, true];
    if (!keepopen) {
      this.#end(connection, send);
      return;
    }
    connection.closed$.subscribe(({ error }) => this.#closed(connection, error));
    if (hasBytes(send)) connection.write(send);
    const { handle } = this.#callbacks;
    // Without a handler input is read and dropped.
    const input: Subscription = connection.data$.subscribe((data) => {
      if (handle == null) return;
      const reply = this.#reply(connection, 'handle', () => handle(connection.id, data, this.#ctx));
      if (reply === undefined) return;
      if (!reply[1]) {
        input.unsubscribe();
        this.#end(connection, reply[0]);
      } else if (hasBytes(reply[0])) {
        connection.write(reply[0]);
      }
    });
  }

  /** Calls `accept` or `handle`: a throw is that client's, and its `closed` hears of it. */
  #reply(connection: Connection, name: string, call: () => Reply): Reply | undefined {
    try {
      const reply: unknown = call();
      if (isReply(reply)) return reply;
      throw wrongReturn(name, '[send, keepopen]', reply);
    } catch (thrown) {
      const error = toError(thrown);
      connection.destroy(error);
      if (this.#callbacks.closed == null) warn(connection.id, name, error);
      return undefined;
    }
  }

  /** Sends in full, then closes: at the latest a while after FIN, for a client that keeps its side open. */
  #end(connection: Connection, send: Reply[0]): void {
    if (hasBytes(send)) connection.write(send);
    connection.end();
    const lingering: Lingering = {
      bytes: connection.bytesWritten + connection.bytesQueued,
      sent: Infinity,
      since: Infinity,
      heard: false,
    };
    this.#lingering.set(connection, lingering);
    connection.data$.subscribe(() => {
      lingering.heard = true;
    });
    connection.closed$.subscribe(() => this.#lingering.delete(connection));
    this.#lingerTicks ??= this.#server.ticks$.subscribe(({ now }) => this.#cutLingering(now));
  }

  #cutLingering(now: number): void {
    for (const [connection, lingering] of this.#lingering) {
      if (connection.bytesQueued > 0) continue;
      if (lingering.sent === Infinity) lingering.sent = now;
      if (lingering.since === Infinity || lingering.heard) lingering.since = now;
      lingering.heard = false;
      if (now - lingering.since >= LINGER || now - lingering.sent >= LONGEST_LINGER) connection.destroy();
    }
    if (this.#lingering.size > 0) return;
    this.#lingerTicks?.unsubscribe();
    this.#lingerTicks = undefined;
  }

  #closed(connection: Connection, failure: Error | undefined): void {
    // What a client does that has got everything is its own affair: it was this side that closed.
    const got = connection.bytesWritten >= (this.#lingering.get(connection)?.bytes ?? Infinity);
    const error = got ? undefined : failure;
    try {
      const result: unknown = this.#callbacks.closed?.(connection.id, error, this.#ctx);
      if (isThenable(result)) throw wrongReturn('closed', 'nothing', result);
    } catch (thrown) {
      this.#stop(thrown);
    }
  }
}

function isReply(value: unknown): value is Reply {
  if (!Array.isArray(value) || value.length !== 2 || typeof value[1] !== 'boolean') return false;
  const send: unknown = value[0];
  return send == null || typeof send === 'string' || send instanceof Uint8Array;
}

/** Nobody hears of it by `closed`: better a warning than silence. */
function warn(id: number, name: string, error: Error): void {
  process.emitWarning(`client ${id}: ${name} threw ${error.message}`, {
    type: 'EvioWarning',
    detail: error.stack ?? String(error),
  });
}

function hasBytes(send: Reply[0]): send is Bytes {
  return send != null && send.length > 0;
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function wrongReturn(name: string, expected: string, value: unknown): TypeError {
  const got = isThenable(value) ? 'a promise: callbacks are synchronous' : describe(value);
  // What it rejects with, if it does, comes too late: the caller is told of the promise itself.
  if (isThenable(value)) Promise.resolve(value).catch(() => {});
  return invalidArgument(`serve: ${name} must return ${expected}, not ${got}`, 'ERR_INVALID_RETURN_VALUE');
}
