// How a server accepts: while somebody subscribes, nothing is wanting and the limits let it; what the poller accepts before
// it has heard otherwise is held, and announced later, first come first served.

import { Admission } from './admission.js';
import type { DropReason } from './admission.js';
import type { Deferred, Engine } from './engine.js';
import type { AdmissionLimits } from './options.js';
import type { PollerStream } from './poller/poller.js';
import type { StreamConnection } from './stream-connection.js';
import { Timer } from './timing-wheel.js';

/** After EMFILE and its like: the time until the next try to accept, if no connection of ours ends before. */
const PAUSE_AFTER_FAILURE = 100;
/** Tries that fail further apart than this are not of one failure. */
const LONGEST_BETWEEN_FAILURES = 10 * PAUSE_AFTER_FAILURE;

/** What an acceptor needs of its server. */
export interface AcceptingServer {
  readonly engine: Engine;
  /** Bound, and not closing. */
  readonly listening: boolean;
  /** Connections announced and not gone. */
  readonly size: number;
  beforeEvent(): void;
  /** Tells the poller. */
  accept(on: boolean): void;
  /** Connections may be announced late, when there is something to tell of them, if the server has nothing against it. */
  acceptQuietly(on: boolean): void;
  announce(connection: StreamConnection): void;
  dropped(stream: PollerStream, reason: DropReason): void;
  report(error: Error): void;
}

export class Acceptor implements Deferred {
  readonly #server: AcceptingServer;
  readonly #admission: Admission;
  /** Set while accepting pauses, because it failed or because of its rate. */
  readonly #pause: Timer;
  #subscribers = 0;
  #held: StreamConnection[] = [];
  /** What the server was told last. */
  #on = false;
  #failing = false;
  #failedAt = 0;

  constructor(server: AcceptingServer, limits: AdmissionLimits) {
    this.#server = server;
    this.#admission = new Admission(limits);
    this.#pause = new Timer(() => this.update());
  }

  get wanted(): boolean {
    return this.#subscribers > 0;
  }

  /** Somebody has subscribed to connections, or has left. */
  count(change: 1 | -1): void {
    this.#subscribers += change;
    this.update();
  }

  get #accepting(): boolean {
    const server = this.#server;
    return this.wanted && server.listening && !this.#pause.isSet && !this.#admission.isFull(server.size);
  }

  /** After anything that decides whether to accept has changed. */
  update(): void {
    const on = (this.#on = this.#accepting);
    this.#server.acceptQuietly(!this.#admission.limited);
    this.#server.accept(on);
    if (on && this.#held.length > 0) this.#server.engine.defer(this);
  }

  /**
   * The poller has accepted. Undefined when that one must not come in.
   * @param heard - it was accepted before, when nothing was against it, and input follows
   */
  accepted(stream: PollerStream, heard: boolean, make: () => StreamConnection): StreamConnection | undefined {
    const server = this.#server;
    server.beforeEvent();
    if (!heard) this.#failing = false;
    if (!server.listening) return undefined;
    const reason = this.#admission.refuses(stream, server.size + this.#held.length);
    if (reason !== undefined) {
      server.dropped(stream, reason);
      return undefined;
    }
    const connection = make();
    this.#admission.entered(connection);
    if (heard || (this.#held.length === 0 && this.#accepting && !this.#tooFast())) {
      this.#announce(connection);
    } else {
      // Accepted before the poller heard that accepting has stopped.
      this.#held.push(connection);
      if (this.#accepting) server.engine.defer(this);
    }
    return connection;
  }

  runDeferred(): void {
    while (this.#held.length > 0 && this.#accepting && !this.#tooFast()) {
      // Before it is taken: a tick may close the server, and the connection with it.
      this.#server.beforeEvent();
      const connection = this.#accepting ? this.#held.shift() : undefined;
      if (connection === undefined) return;
      this.#announce(connection);
    }
  }

  #announce(connection: StreamConnection): void {
    this.#admission.announced();
    this.#server.announce(connection);
    if (!this.#accepting || this.#tooFast()) this.update();
  }

  /** Pauses until the rate lets the next one in. */
  #tooFast(): boolean {
    if (!this.#admission.hasRate) return false;
    const { engine } = this.#server;
    const wait = this.#admission.wait(engine.time);
    if (wait > 0 && !this.#pause.isSet) {
      engine.arm(this.#pause, engine.time + wait);
      this.#on = false;
      this.#server.accept(false);
    }
    return wait > 0;
  }

  failed(error: Error): void {
    const { engine, listening } = this.#server;
    // Told once, not at every try; the next connection ends it, or, of those that come quietly, the time that has passed.
    const again = this.#failing && engine.time - this.#failedAt < LONGEST_BETWEEN_FAILURES;
    if (!again) this.#server.report(error);
    this.#failing = true;
    this.#failedAt = engine.time;
    if (!listening || this.#pause.isSet) return;
    engine.arm(this.#pause, engine.time + PAUSE_AFTER_FAILURE);
    this.update();
  }

  /** A connection has gone, and with it its descriptor; it may have been held. */
  left(connection: StreamConnection): void {
    this.#admission.left(connection);
    const held = this.#held.indexOf(connection);
    if (held >= 0) this.#held.splice(held, 1);
    if (this.#failing) this.#server.engine.cancel(this.#pause);
    if (!this.#on || this.#held.length > 0 || this.#failing) this.update();
  }

  /** The server closes. */
  stop(): void {
    this.#server.engine.cancel(this.#pause);
    for (const connection of this.#held.splice(0)) connection.destroy();
  }
}
