// What a spec gets: a network, a poller, and servers and clients on it.

import { tap } from 'rxjs';
import type { Subscription } from 'rxjs';
import type { RunHelpers, TestScheduler } from 'rxjs/testing';

import { parseAddress } from '../address.js';
import type { Connection } from '../connection.js';
import { describe, invalidArgument, toError } from '../errors.js';
import { listen } from '../listen.js';
import { known } from '../options.js';
import type { ListenOptions } from '../options.js';
import type { BindAddress } from '../poller/poller.js';
import { serveEach } from '../serve-each.js';
import type { Protocol } from '../serve-each.js';
import type { Server } from '../server.js';
import { RecordedCallbacks } from './callbacks.js';
import type { Callbacks } from './callbacks.js';
import type { WireValues } from './diagram.js';
import { compareLists } from './expectations.js';
import type { AssertDeepEqual } from './expectations.js';
import { Contract } from './contract.js';
import { Ends, leaksOf } from './leaks.js';
import { SimulatedNetwork, connectable } from './simulated-network.js';
import type { NetworkOptions } from './simulated-network.js';
import { SimulatedPoller } from './simulated-poller.js';
import type { Trace } from './trace.js';
import { WireClient } from './wire-client.js';
import type { Segments } from './wire-client.js';
import { durationOf } from './world-clock.js';
import type { WorldClock } from './world-clock.js';
import { WorldExpectations, codeOf } from './world-expectations.js';

/** How a simulation runs. */
export interface SimulationOptions extends Omit<NetworkOptions, 'trace'> {
  /** That of a test runner. Default: a comparison that throws. */
  readonly assertDeepEqual?: AssertDeepEqual;
  /** At the head of every failure. */
  readonly title?: string;
  /** So many milliseconds after the last thing that the spec brings about the run ends. Default 1000. */
  readonly quiet?: number;
  /** Said in every failure. */
  readonly notes?: readonly string[];
}

/** How a client of a diagram behaves. */
export interface ClientOptions extends Segments {
  /** Whom it connects to. Default: the first that listens. */
  readonly to?: Server | string;
  /** In the trace, together with the number of its connection. Default `client`. */
  readonly name?: string;
}

const CLIENT_OPTIONS: Readonly<Record<keyof ClientOptions, true>> = {
  to: true,
  name: true,
  cuts: true,
  coalesced: true,
  readRate: true,
};

const FINAL_PATIENCE = 60_000;

/** What the body of `simulate` gets. Times are milliseconds of virtual time, sizes bytes. */
export class World extends WorldExpectations {
  /** For operators of time that are used after an `await` in `simulateAsync`. */
  readonly scheduler: TestScheduler;
  /** For partitions and faults. */
  readonly network: SimulatedNetwork;
  /** For `listen`, `connect` and `serve`. */
  readonly poller: SimulatedPoller;
  /** Everything that has happened so far, at both ends of every connection. */
  readonly trace: Trace;
  /** As that of RxJS's `TestScheduler.run`. */
  readonly cold: RunHelpers['cold'];
  /** As that of RxJS's `TestScheduler.run`. */
  readonly hot: RunHelpers['hot'];
  /** As that of RxJS's `TestScheduler.run`. */
  readonly time: RunHelpers['time'];
  /** As that of RxJS's `TestScheduler.run`. */
  readonly expectObservable: RunHelpers['expectObservable'];
  /** As that of RxJS's `TestScheduler.run`. */
  readonly expectSubscriptions: RunHelpers['expectSubscriptions'];
  readonly #clock: WorldClock;
  readonly #others: SimulatedPoller[] = [];
  readonly #servers: Server[] = [];
  readonly #serving: Subscription[] = [];
  readonly #ends = new Ends();
  readonly #contract = new Contract();
  readonly #clients: WireClient[] = [];

  /** @internal Made by `simulate`. */
  constructor(scheduler: TestScheduler, helpers: RunHelpers, options: SimulationOptions, clock: WorldClock) {
    const network = new SimulatedNetwork(clock, options);
    const { assertDeepEqual = () => true, notes = [], title = '', schedule } = options;
    const seed = schedule === undefined ? [] : [`schedule: ${JSON.stringify(schedule)}`];
    super(clock, { trace: network.trace, notes: [...notes, ...seed], title, assertDeepEqual });
    this.scheduler = scheduler;
    const timed = (create: RunHelpers['cold'] | RunHelpers['hot']): typeof create =>
      ((marbles: string, ...rest: []) => {
        clock.expect(clock.now() + durationOf(marbles));
        return create(marbles, ...rest);
      }) as typeof create;
    this.cold = timed(helpers.cold) as RunHelpers['cold'];
    this.hot = timed(helpers.hot) as RunHelpers['hot'];
    this.time = helpers.time;
    this.expectObservable = (observable, subscription) => {
      this.refuseIfOver();
      const { toBe, toEqual } = helpers.expectObservable(observable, subscription);
      return {
        toBe: (marbles, values, error) => {
          clock.expect(durationOf(marbles));
          toBe(marbles, values, error);
        },
        toEqual,
      };
    };
    this.expectSubscriptions = (logs) => {
      this.refuseIfOver();
      return helpers.expectSubscriptions(logs);
    };
    this.#clock = clock;
    this.network = network;
    this.trace = network.trace;
    this.poller = new SimulatedPoller(network, 'server');
  }

  /** Virtual time, in milliseconds from the beginning. */
  now(): number {
    return this.#clock.now();
  }

  /** Calls at a virtual time, in milliseconds from the beginning. */
  at(time: number, act: () => void): void {
    if (!Number.isFinite(time)) throw invalidArgument(`at: needs a time in ms, not ${describe(time)}`);
    this.#clock.expect(time);
    this.network.agenda.at(time, act);
  }

  /** The run goes on for at least so long. */
  until(time: number): void {
    this.#clock.expect(time);
  }

  /** A second poller on the same network, as of another process. */
  another(name: string): SimulatedPoller {
    const poller = new SimulatedPoller(this.network, name);
    this.#others.push(poller);
    return poller;
  }

  /** A server; it is closed when the run is over. */
  listening(options: ListenOptions = {}, address = 'tcp://127.0.0.1:0'): Server {
    const server = listen(address, { poller: this.poller, ...options });
    return this.#take(server, (options.poller ?? this.poller) !== this.poller);
  }

  /** A server that was made by `listen(address, { poller: world.poller })`: closed and checked as those of `listening`. */
  adopt(server: Server): Server {
    return this.#take(server, server.poller !== this.poller.name);
  }

  /** The kit's own poller keeps its contract; that of somebody else is watched. */
  #take(server: Server, foreign: boolean): Server {
    if (this.#servers.includes(server)) return server;
    this.#servers.push(server);
    if (foreign) this.#contract.watch(server, (connection) => this.#numberOf(connection).connection);
    this.watchErrors(server);
    server.disconnected$.subscribe(({ connection, error }) => {
      this.#ends.told(server, connection.id, this.now());
      const code = error === undefined ? undefined : codeOf(error);
      this.trace.add('server', 'closed', {
        ...this.#numberOf(connection),
        ...(code === undefined ? {} : { detail: code }),
      });
    });
    return server;
  }

  /** Those of `listening`, `serving` and `adopt`, in that order. */
  get servers(): readonly Server[] {
    return this.#servers;
  }

  /** A server that serves every connection by a protocol. */
  serving(protocol: Protocol, options: ListenOptions = {}, address?: string): Server {
    const server = this.listening(options, address);
    const watched$ = server.connections$.pipe(tap((connection) => this.#watch(connection)));
    this.#serving.push(watched$.pipe(serveEach(protocol)).subscribe({ error: () => {} }));
    return server;
  }

  #watch(connection: Connection): void {
    const number = this.#numberOf(connection);
    connection.drained$.subscribe(() => this.trace.add('server', 'drained', number));
  }

  /** The number of a connection in the trace, by its client's port. */
  #numberOf({ remote }: Connection): { connection?: number } {
    const client = this.#clients.find(({ port }) => port !== undefined && port === remote.port);
    return client?.connection === undefined ? {} : { connection: client.connection };
  }

  /**
   * Plays a client's lane.
   *
   * @param lane - a wire diagram, as in `'--a-b 20ms c|'`
   * @param values - bytes by name
   */
  client(lane: string, values: WireValues = {}, options: ClientOptions = {}): WireClient {
    const { to, name = 'client' } = known<ClientOptions>(options, CLIENT_OPTIONS);
    const client = new WireClient(this.network, lane, values, () => this.#addressOf(to), options, name);
    this.#clients.push(client);
    this.#clock.expect(client.lane.duration);
    return client;
  }

  #addressOf(to: Server | string | undefined): BindAddress {
    if (to === undefined) {
      const first = this.network.firstAddress;
      if (first === undefined) throw new Error('a client connects, and nobody has ever listened');
      return first;
    }
    if (typeof to === 'string') {
      const { scheme, host, port } = parseAddress(to);
      if (scheme === 'unix') return { family: 'unix', address: host, port: 0 };
      return { family: host.includes(':') ? 'IPv6' : 'IPv4', address: host, port };
    }
    const [address] = to.addresses;
    if (address === undefined) throw invalidArgument(`client: ${describe(to)} is not bound`);
    return connectable(address);
  }

  /** Ticks of that server are in the trace from now on; subscribing to `ticks$` is what makes a server tick. */
  traceTicks(server: Server): void {
    server.ticks$.subscribe(({ count }) => this.trace.add('server', 'ticks', { detail: String(count) }));
  }

  /** The callbacks of the classic `serve`, recorded: hand them to `serve(…, { poller })`. */
  record<C>(callbacks: Callbacks<C>): RecordedCallbacks<C> {
    return new RecordedCallbacks(this.trace, callbacks);
  }

  /** @internal Until when the run goes on, as far as is known. */
  get horizon(): number {
    return this.#clock.horizon;
  }

  /** @internal Ends a run that has failed: closes everything, checks nothing. */
  abandon(): void {
    this.takeChecks();
    this.#clock.stop();
    this.#close();
    this.network.agenda.clear();
  }

  #close(): void {
    for (const client of this.#clients) client.leave();
    for (const server of this.#servers) void server.close({ timeout: 0 });
    this.#clock.pass(FINAL_PATIENCE);
  }

  /** @internal Ends the run: checks what was expected, closes everything, and checks that nothing is left. */
  finish(): void {
    this.#clock.stop();
    const failures: unknown[] = [];
    const attempt = (check: () => void): void => {
      try {
        check();
      } catch (error) {
        failures.push(error);
      }
    };
    const checks = this.takeChecks();
    // First what went wrong, then what came of it.
    attempt(() => this.checkErrors());
    attempt(() => this.#contract.check(this.observed));
    for (const check of checks) attempt(check);
    this.#close();
    if (failures.length === 0) attempt(() => this.#checkLeaks());
    if (failures.length > 0) throw toError(failures[0]);
    for (const poller of [this.poller, ...this.#others]) poller.release();
  }

  #checkLeaks(): void {
    const leaks = leaksOf({
      servers: this.#servers,
      pollers: [this.poller, ...this.#others],
      network: this.network,
      serving: this.#serving,
      ends: this.#ends,
    });
    compareLists(this.observed, 'what is left at the end', leaks, []);
  }
}
