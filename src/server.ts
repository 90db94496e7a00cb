// A server's public interface.

import type { Observable } from 'rxjs';

import type { DropReason } from './admission.js';
import type { Connection } from './connection.js';
import type { SocketAddress } from './poller/poller.js';
import type { Tick } from './ticks.js';

/** Input of one connection, as `server.data$` gives it. */
export interface Received {
  /** Whose input it is. */
  readonly connection: Connection;
  /** A chunk, as `connection.data$` gives it; an empty one is a wake. */
  readonly data: Buffer;
}

/** The end of one connection. */
export interface Disconnected {
  /** It is closed. */
  readonly connection: Connection;
  /** As on its `closed$`. */
  readonly error?: Error;
}

/** Something that went wrong and concerns one connection at most. */
export interface Failure {
  /** What was thrown, or an error of the system with `code` and `syscall`. */
  readonly error: Error;
  /** The one that was closed because of it, if there is one. */
  readonly connection?: Connection;
}

/** A client that was turned away: it was accepted and reset. */
export interface Dropped {
  /** Where it connected to. */
  readonly local: SocketAddress;
  /** Who it was. */
  readonly remote: SocketAddress;
  /** The option that says so. */
  readonly reason: DropReason;
}

/** How `close` went: connections that ended by themselves, and those cut off when the time was up. */
export interface CloseOutcome {
  /** Connections that ended by themselves within the time. */
  readonly drained: number;
  /** Connections that were cut off. */
  readonly forced: number;
}

/** A listening server. */
export interface Server extends AsyncDisposable {
  /**
   * Accepted connections. Hot. Connections are accepted while somebody subscribes to this or to `data$`; until then
   * they wait in the kernel's backlog. Errors only when binding failed; completes when the server closes.
   */
  readonly connections$: Observable<Connection>;
  /** Input of all connections: subscribing reads every one of them. Errors only when binding failed. */
  readonly data$: Observable<Received>;
  /** Ticks between 1 and 60 times a second, by traffic, while somebody subscribes. */
  readonly ticks$: Observable<Tick>;
  /** Every connection once, after its `closed$`. */
  readonly disconnected$: Observable<Disconnected>;
  /**
   * What a handler threw, each once, and failures to accept. Without a subscriber each becomes a process warning.
   * A client's own failures (resets and the like) are not here but on its `closed$`.
   */
  readonly errors$: Observable<Failure>;
  /** Clients turned away by `maxConnectionsPerAddress`, or by `maxConnections` with `whenFull: 'drop'`. They take no id. */
  readonly dropped$: Observable<Dropped>;
  /**
   * Emits once when the server begins to close, and completes; also for those who subscribe later. Connections go on for
   * as long as `close` lets them: a handler that pushes without end, or waits for more, ends them now.
   */
  readonly closing$: Observable<void>;
  /** Open connections by id, in the order of ids. A walk does not visit who has gone meanwhile. */
  readonly connections: ReadonlyMap<number, Connection>;
  /** Where it listens, with real ports, in the order given to `listen`; empty until `ready`. */
  readonly addresses: readonly SocketAddress[];
  /**
   * Resolves when every address is bound. Rejects when one cannot be, or the server closes before; that is an unhandled
   * rejection only if nobody else heard of it.
   */
  readonly ready: Promise<Server>;
  /** `'epoll'`, `'kqueue'`, `'net'`, `'simulated'`, … */
  readonly poller: string;
  /**
   * Stops accepting at once, ends every connection's input, lets what is in flight be answered, sends FIN, and waits for
   * the peers; cuts off what is left after `timeout` milliseconds, by RST where the peer would take a part for the whole.
   * Called again, gives the same promise; a shorter `timeout` counts.
   *
   * The input of a pipe (`pipeTo`) is not ended, since only the peer knows when it has sent everything: idle proxies last
   * until the time is up, or until a handler ends them on `closing$`.
   *
   * @param options.timeout - milliseconds from 0. Default 1000; 0 cuts off at once; `Infinity` waits.
   * @throws TypeError for anything else.
   */
  close(options?: { timeout?: number }): Promise<CloseOutcome>;
  /** Listening keeps the process alive (as it does at first). Open connections always do. */
  ref(): this;
  /** Listening alone does not keep the process alive. */
  unref(): this;
}
