// listen(): a Server on a poller. Accepting follows subscription; one client's failure is that client's alone.

import process from 'node:process';

import { Observable, ReplaySubject, Subject } from 'rxjs';
import type { Subscriber, TeardownLogic } from 'rxjs';

import { whenAborted } from './abort.js';
import { Acceptor } from './acceptor.js';
import type { AcceptingServer } from './acceptor.js';
import { parseAddress } from './address.js';
import type { ParsedAddress } from './address.js';
import type { DropReason } from './admission.js';
import { Binding } from './binding.js';
import type { BindingOwner } from './binding.js';
import { Closing, closeTimeoutOf } from './closing.js';
import type { ConnectionHost } from './connection-state.js';
import type { Connection } from './connection.js';
import { ConnectionTable, Connections } from './connection-table.js';
import type { Unannounced } from './connection-table.js';
import { Engine } from './engine.js';
import { EvioError, invalidArgument, toError } from './errors.js';
import { guarded } from './poller/guarded.js';
import { Input } from './input.js';
import type { InputSource, Relay, Sink } from './input.js';
import { isolated, relayTo } from './isolated.js';
import { settingsOf } from './options.js';
import type { ConnectionLimits, ListenOptions, Settings } from './options.js';
import { choosePoller } from './poller/choose.js';
import { NOBODY } from './poller/poller.js';
import type { PollerStream, SocketAddress, StreamEvents } from './poller/poller.js';
import type { CloseOutcome, Disconnected, Dropped, Failure, Received, Server } from './server.js';
import { StreamConnection } from './stream-connection.js';
import { WATCH } from './tap.js';
import type { Watchable, Watcher } from './tap.js';
import { Ticker } from './ticks.js';
import type { Tick } from './ticks.js';

/**
 * Listens on one or more addresses: `tcp://host:port` (also `tcp4`, `tcp6`), `host:port`, `:port` (all addresses, IPv4
 * and IPv6) or `unix://path`. Port 0 takes a free one.
 *
 * Numeric addresses are bound when this returns on the native pollers; names, unix sockets, and everything on the poller
 * `net` when `ready` resolves. A failure to bind rejects `ready` and errors `connections$` and `data$`.
 *
 * @throws TypeError for a bad address or option.
 * @example
 * ```ts
 * const server = listen('tcp://127.0.0.1:9999');
 * server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
 * ```
 */
export function listen(address: string | readonly string[], options?: ListenOptions): Server {
  const texts = Array.isArray(address) ? (address as readonly string[]) : [address as string];
  if (texts.length === 0) throw invalidArgument('address: at least one is needed');
  const addresses = texts.map(parseAddress);
  return new PollerServer(addresses, settingsOf(options));
}

type Phase = 'binding' | 'listening' | 'failed' | 'closing' | 'closed';

class PollerServer
  implements
    Server,
    ConnectionHost,
    AcceptingServer,
    BindingOwner,
    InputSource<Received>,
    Unannounced,
    Watchable
{
  readonly connections$: Observable<Connection>;
  readonly data$: Observable<Received>;
  readonly ticks$: Observable<Tick>;
  readonly disconnected$: Observable<Disconnected>;
  readonly errors$: Observable<Failure>;
  readonly dropped$: Observable<Dropped>;
  readonly closing$: Observable<void>;
  readonly connections: ReadonlyMap<number, Connection>;
  readonly ready: Promise<Server>;
  readonly answering = true;
  readonly engine: Engine;
  readonly limits: ConnectionLimits;
  readonly beforeEvent: () => void;
  readonly #signal: AbortSignal | undefined;
  #forgetSignal: () => void = () => {};
  readonly #ticker: Ticker;
  readonly #bindings: readonly Binding[];
  readonly #connections = new ConnectionTable<StreamConnection>();
  readonly #accepted = new Subject<Connection>();
  readonly #disconnected = new Subject<Disconnected>();
  readonly #errors = new Subject<Failure>();
  readonly #dropped = new Subject<Dropped>();
  /** Replays, so that who comes late hears of it too. */
  readonly #closingBegins = new ReplaySubject<void>(1);
  readonly #acceptor: Acceptor;
  #resolveReady: (server: Server) => void = () => {};
  #rejectReady: (error: unknown) => void = () => {};
  #phase: Phase = 'binding';
  #unbound: number;
  #failure: Error | undefined;
  #sinks: readonly Sink<Received>[] = [];
  #delivering: StreamConnection | undefined;
  #lastId = 0;
  #watchers: readonly Watcher[] | undefined;
  /** Ticks count traffic, of which accepting is a part. */
  #ticking = false;
  #closing: Closing | undefined;

  constructor(addresses: readonly ParsedAddress[], settings: Settings) {
    this.limits = settings.limits;
    this.#signal = settings.signal;
    const poller = choosePoller(settings.poller);
    this.engine = Engine.of(poller);
    this.connections = new Connections(this.#connections, this);
    this.#ticker = new Ticker(this.engine, (on) => this.#wantTicks(on));
    this.beforeEvent = this.#ticker.beforeEvent;
    this.ticks$ = this.#ticker.ticks$;
    this.connections$ = new Observable((subscriber) => this.#subscribeAccepted(subscriber));
    this.data$ = new Input<Received>(this);
    this.disconnected$ = isolated(this.#disconnected);
    this.errors$ = isolated(this.#errors);
    this.dropped$ = isolated(this.#dropped);
    this.closing$ = isolated(this.#closingBegins);
    this.#acceptor = new Acceptor(this, settings.admission);
    this.ready = new Promise<Server>((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.#bindings = addresses.map((address) => new Binding(this, poller, settings.bind, address));
    this.#unbound = addresses.length;
    this.#start();
  }

  get addresses(): readonly SocketAddress[] {
    if (this.#unbound > 0) return [];
    return this.#bindings.map(({ address }) => address).filter((address) => address !== undefined);
  }

  get poller(): string {
    return this.engine.poller.name;
  }

  // Binding

  #start(): void {
    if (this.#signal?.aborted === true) {
      this.#abort();
      return;
    }
    if (this.#signal !== undefined) this.#forgetSignal = whenAborted(this.#signal, this.#abort);
    for (const binding of this.#bindings) {
      if (this.#phase === 'binding') binding.start();
    }
  }

  readonly #abort = (): void => {
    this.#giveUpReady(this.#signal?.reason);
    void this.close({ timeout: 0 });
  };

  bound(): void {
    this.#unbound -= 1;
    if (this.#unbound > 0 || this.#phase !== 'binding') return;
    this.#phase = 'listening';
    this.#resolveReady(this);
    this.#acceptor.update();
  }

  bindingFailed(error: Error): void {
    if (this.#phase !== 'binding') return;
    this.#phase = 'failed';
    this.#failure = error;
    this.#unbound = Infinity;
    for (const binding of this.#bindings) binding.close();
    this.#forgetSignal();
    if (this.#acceptor.wanted) this.ready.catch(() => {});
    this.#rejectReady(error);
    this.#accepted.error(error);
    const sinks = this.#sinks;
    this.#sinks = [];
    for (const sink of sinks) guarded(() => sink.error(error));
    this.#completeStreams();
  }

  /** Rejects `ready` with something that its maker has done on purpose: not worth an unhandled rejection. */
  #giveUpReady(reason: unknown): void {
    this.ready.catch(() => {});
    this.#rejectReady(reason);
  }

  /** Whoever subscribes to a stream hears of the failure there. */
  #failureFor(hear: (error: Error) => void): boolean {
    if (this.#failure === undefined) return false;
    this.ready.catch(() => {});
    hear(this.#failure);
    return true;
  }

  // Accepting

  #subscribeAccepted(subscriber: Subscriber<Connection>): TeardownLogic {
    if (this.#failureFor((error) => subscriber.error(error))) return;
    this.announceAll(); // they came before him
    const subscription = this.#accepted.subscribe(relayTo(subscriber));
    if (subscriber.closed) return;
    this.#acceptor.count(1);
    return () => {
      subscription.unsubscribe();
      this.#acceptor.count(-1);
    };
  }

  get listening(): boolean {
    return this.#phase === 'listening';
  }

  get size(): number {
    return this.#connections.size;
  }

  accept(on: boolean): void {
    for (const binding of this.#bindings) binding.accept(on);
  }

  /**
   * Quietly, if nobody can tell a connection that has said nothing from one that is not there: only input is wanted, and
   * nothing counts from the moment that it was accepted.
   */
  acceptQuietly(allowed: boolean): void {
    const others = this.#accepted.observed || this.#ticking || this.#watchers !== undefined;
    const quiet = allowed && this.wantsInput && !others && this.limits.timeouts === undefined;
    for (const binding of this.#bindings) binding.quiet(quiet);
  }

  #wantTicks(on: boolean): void {
    if (on) this.announceAll();
    this.#ticking = on;
    this.#acceptor.update();
  }

  get unannounced(): number {
    return this.#bindings.reduce((sum, binding) => sum + binding.unannounced, 0);
  }

  announceAll(): void {
    for (const binding of this.#bindings) binding.announceAll();
  }

  accepted(stream: PollerStream, heard: boolean): StreamEvents {
    const connection = this.#acceptor.accepted(stream, heard, () => this.#make(stream, heard));
    if (connection !== undefined) return connection;
    if (this.listening) stream.reset();
    else stream.close();
    return NOBODY;
  }

  #make(stream: PollerStream, heard: boolean): StreamConnection {
    const connection = new StreamConnection(++this.#lastId, this, stream);
    if (heard) connection.isRead();
    for (const watcher of this.#watchers ?? []) watcher(connection, () => this.engine.poller.now());
    return connection;
  }

  [WATCH](watcher: Watcher): () => void {
    this.announceAll(); // they were accepted before
    this.#watchers = [...(this.#watchers ?? []), watcher];
    this.#acceptor.update();
    return () => {
      const left = this.#watchers?.filter((other) => other !== watcher);
      this.#watchers = left?.length === 0 ? undefined : left;
      this.#acceptor.update();
    };
  }

  announce(connection: StreamConnection): void {
    this.#connections.add(connection);
    this.#accepted.next(connection);
    connection.updateReading();
  }

  dropped({ local, remote }: PollerStream, reason: DropReason): void {
    this.#dropped.next({ local, remote, reason });
  }

  acceptFailed(error: Error): void {
    this.#acceptor.failed(error);
  }

  // Input of all connections

  get wantsInput(): boolean {
    return this.#sinks.length > 0;
  }

  addSink(sink: Sink<Received>): void {
    if (this.#failureFor((error) => sink.error(error))) return;
    if (this.#phase === 'closed') {
      sink.complete();
      return;
    }
    this.#sinks = [...this.#sinks, sink];
    this.#acceptor.count(1);
    if (this.#sinks.length === 1) this.#updateReading();
  }

  removeSink(sink: Sink<Received>): void {
    if (!this.#sinks.includes(sink)) return;
    if (this.#sinks.length === 1) this.announceAll(); // or nobody could stop reading them
    this.#sinks = this.#sinks.filter((other) => other !== sink);
    this.#acceptor.count(-1);
    if (this.#sinks.length === 0) this.#updateReading();
  }

  #updateReading(): void {
    for (const connection of this.#connections) connection.updateReading();
  }

  received(connection: StreamConnection, data: Buffer): void {
    this.#delivering = connection;
    for (const sink of this.#sinks) {
      if (!sink.closed) sink.next({ connection, data });
    }
    this.#delivering = undefined;
  }

  get connection(): undefined {
    return undefined;
  }

  /** Chunks of many connections are told apart by their pairs: no observer of them can take a chunk on loan. */
  isRelay(_observer: unknown): _observer is Relay {
    return false;
  }

  observerFailed(error: unknown): void {
    if (this.#delivering === undefined) this.report(toError(error));
    else this.#delivering.observerFailed(error);
  }

  // Ends

  report(error: Error, connection?: Connection): void {
    if (this.#errors.observed) {
      this.#errors.next(connection === undefined ? { error } : { error, connection });
      return;
    }
    const where = connection === undefined ? 'the server: ' : `connection ${connection.id}: `;
    // Our own errors say where they belong.
    const text = error instanceof EvioError ? error.message : where + error.message;
    process.emitWarning(`${text} (subscribe to errors$ to handle this)`, {
      type: 'EvioWarning',
      detail: error.stack ?? String(error),
    });
  }

  disconnected(connection: StreamConnection, error: Error | undefined): void {
    const announced = this.#connections.delete(connection.id);
    this.#acceptor.left(connection);
    if (!announced) return;
    if (this.#disconnected.observed) {
      this.#disconnected.next(error === undefined ? { connection } : { connection, error });
    }
    const closing = this.#closing;
    if (closing === undefined) return;
    closing.ended();
    if (this.#connections.size === 0) this.#finish(closing);
  }

  close(options?: { timeout?: number }): Promise<CloseOutcome> {
    const timeout = closeTimeoutOf(options);
    this.#closing ??= this.#beginClose(timeout > 0);
    if (this.#phase === 'closing') this.#closing.cutAfter(timeout);
    return this.#closing.outcome;
  }

  #beginClose(gently: boolean): Closing {
    const closing = new Closing(this.engine, () => {
      for (const connection of [...this.#connections]) connection.cut();
    });
    if (this.#phase === 'failed') {
      closing.finish();
      return closing;
    }
    this.announceAll();
    if (this.#closing !== undefined) return this.#closing; // by somebody who was told of one of them
    // Set before anything below calls user code, which may close again.
    this.#closing = closing;
    this.#phase = 'closing';
    this.#giveUpReady(new EvioError('ERR_EVIO_CLOSED', 'the server was closed before it was ready'));
    this.#forgetSignal();
    for (const binding of this.#bindings) binding.close();
    this.#acceptor.stop();
    this.#accepted.complete();
    this.#closingBegins.next();
    this.#closingBegins.complete();
    // In the next turn: whoever closes from inside a chunk's pipeline still gets that chunk through.
    if (gently) this.engine.defer({ runDeferred: () => this.#drain() });
    if (this.#connections.size === 0) this.#finish(closing);
    return closing;
  }

  #drain(): void {
    for (const connection of [...this.#connections]) connection.drain();
  }

  #finish(closing: Closing): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    const sinks = this.#sinks;
    this.#sinks = [];
    for (const sink of sinks) guarded(() => sink.complete());
    this.#completeStreams();
    closing.finish();
  }

  #completeStreams(): void {
    this.#disconnected.complete();
    this.#errors.complete();
    this.#dropped.complete();
    this.#closingBegins.complete();
    this.#ticker.complete();
  }

  ref(): this {
    for (const binding of this.#bindings) binding.ref(true);
    return this;
  }

  unref(): this {
    for (const binding of this.#bindings) binding.ref(false);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
