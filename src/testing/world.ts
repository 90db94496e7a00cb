// What a spec gets: a network, a poller, servers and clients on it, and what may be expected of them.

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
import type { Failure, Server } from '../server.js';
import { RecordedCallbacks } from './callbacks.js';
import type { Callbacks } from './callbacks.js';
import { parseLane, parseSigns } from './diagram.js';
import type { WireValues } from './diagram.js';
import {
  checkBytes,
  checkChunks,
  checkDrained,
  checkQueueStaysBelow,
  checkQueued,
  checkReading,
  checkTrace,
  checkWire,
  compareLists,
} from './expectations.js';
import type { AssertDeepEqual, Observed, TraceFilter, Window } from './expectations.js';
import { Contract } from './contract.js';
import { Ends, leaksOf } from './leaks.js';
import type { Leeway } from './leeway.js';
import { SimulatedNetwork, connectable } from './simulated-network.js';
import type { NetworkOptions } from './simulated-network.js';
import { SimulatedPoller } from './simulated-poller.js';
import type { Trace } from './trace.js';
import { WireClient } from './wire-client.js';
import type { Segments } from './wire-client.js';
import { durationOf } from './world-clock.js';
import type { WorldClock } from './world-clock.js';

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

const TRACE_FILTER: Readonly<Record<keyof TraceFilter, true>> = { connection: true, who: true, kinds: true };

const FINAL_PATIENCE = 60_000;

/** What the body of `simulate` gets. Times are milliseconds of virtual time, sizes bytes. */
export class World {
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
  readonly #observed: Observed;
  readonly #others: SimulatedPoller[] = [];
  readonly #servers: Server[] = [];
  readonly #serving: Subscription[] = [];
  readonly #ends = new Ends();
  readonly #contract = new Contract();
  readonly #clients: WireClient[] = [];
  readonly #checks: (() => void)[] = [];
  #over = false;
  readonly #errors = new Map<Server, Failure[]>();
  readonly #expectsErrors = new Set<Server>();

  /** @internal Made by `simulate`. */
  constructor(scheduler: TestScheduler, helpers: RunHelpers, options: SimulationOptions, clock: WorldClock) {
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
      const { toBe, toEqual } = helpers.expectObservable(observable, subscription);
      return {
        toBe: (marbles, values, error) => {
          clock.expect(durationOf(marbles));
          toBe(marbles, values, error);
        },
        toEqual,
      };
    };
    this.expectSubscriptions = helpers.expectSubscriptions;
    this.#clock = clock;
    this.network = new SimulatedNetwork(clock, options);
    this.poller = new SimulatedPoller(this.network, 'server');
    this.trace = this.network.trace;
    const { assertDeepEqual = () => true, notes = [], title = '', schedule } = options;
    const seed = schedule === undefined ? [] : [`schedule: ${JSON.stringify(schedule)}`];
    this.#observed = { trace: this.trace, notes: [...notes, ...seed], title, assertDeepEqual };
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
    const errors: Failure[] = [];
    this.#errors.set(server, errors);
    server.errors$.subscribe((failure) => errors.push(failure));
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

  /** What the server sends to that client, byte for byte and, without leeway, millisecond for millisecond. */
  expectWire(client: WireClient): {
    /** Compares when the run is over. `values` are those of the client unless given. */
    toBe(lane: string, values?: WireValues, leeway?: Leeway): void;
  } {
    return {
      toBe: (lane, values = client.values, leeway?) => {
        this.#clock.expect(parseLane(lane, 'server', values).duration + (leeway?.late ?? 0));
        this.#check(() => checkWire(this.#observed, client, lane, values, leeway));
      },
    };
  }

  /** All that the server sends to that client, however it is cut and, unless told, whenever it comes. */
  expectBytes(client: WireClient): {
    /** Compares when the run is over. */
    toBe(bytes: string | Uint8Array, window?: Window): void;
  } {
    return {
      toBe: (bytes, window = {}) => {
        this.#check(() => checkBytes(this.#observed, client, bytes, window));
      },
    };
  }

  /** How the server's output ends for that client, whenever that is: `fin`, `reset`, both, or not at all. */
  expectEnds(client: WireClient): {
    /** Compares when the run is over. */
    toEqual(kinds: readonly ('fin' | 'reset')[]): void;
  } {
    return {
      toEqual: (kinds) => {
        this.#check(() => {
          const ends = client.events.flatMap(({ kind }) =>
            kind === 'fin' || kind === 'reset' ? [kind] : [],
          );
          compareLists(this.#observed, 'the end of the output', ends, kinds);
        });
      },
    };
  }

  /** The chunks in which that client got what the server sent. */
  expectChunks(client: WireClient): {
    /** Compares when the run is over. */
    toEqual(chunks: readonly (string | Uint8Array)[]): void;
  } {
    return {
      toEqual: (chunks) => {
        this.#check(() => checkChunks(this.#observed, client, chunks));
      },
    };
  }

  /** When the server reads from that client: `^` where it begins, `!` where it stops. */
  expectReading(client: WireClient): {
    /** Compares when the run is over. */
    toBe(signs: string): void;
  } {
    return this.#expectSigns((signs) => checkReading(this.#observed, client, signs));
  }

  /** How many bytes are queued for that client, by names, where that changes; a number without a name stands for itself. */
  expectQueued(client: WireClient): {
    /** Compares when the run is over. */
    toBe(signs: string, values?: Readonly<Record<string, number>>): void;
    /** Never that many bytes or more. */
    toStayBelow(bytes: number): void;
  } {
    return {
      ...this.#expectSigns((signs, values = {}) => checkQueued(this.#observed, client, signs, values)),
      toStayBelow: (bytes) => {
        this.#check(() => checkQueueStaysBelow(this.#observed, client, bytes));
      },
    };
  }

  /** When that client's connection drains: a letter for each time. Of servers made by `serving`. */
  expectDrained(client: WireClient): {
    /** Compares when the run is over. */
    toBe(signs: string): void;
  } {
    return this.#expectSigns((signs) => checkDrained(this.#observed, client, signs));
  }

  #expectSigns(check: (signs: string, values?: Readonly<Record<string, number>>) => void): {
    toBe(signs: string, values?: Readonly<Record<string, number>>): void;
  } {
    return {
      toBe: (signs, values) => {
        this.#clock.expect(parseSigns(signs).duration);
        this.#check(() => check(signs, values));
      },
    };
  }

  /** Everything that happens, in order, over all connections, or a part of it. */
  expectTrace(filter: TraceFilter = {}): {
    /** Compares when the run is over; a line is as `traceText` writes it. */
    toEqual(lines: readonly string[]): void;
  } {
    known<TraceFilter>(filter, TRACE_FILTER);
    return {
      toEqual: (lines) => {
        this.#check(() => checkTrace(this.#observed, filter, lines));
      },
    };
  }

  /** What `errors$` of a server tells: codes, or messages where there is no code. Without this, nothing may be told. */
  expectErrors(server: Server): {
    /** Compares when the run is over. */
    toEqual(codes: readonly string[]): void;
  } {
    return {
      toEqual: (codes) => {
        this.#expectsErrors.add(server);
        this.#check(() => {
          const actual = (this.#errors.get(server) ?? []).map(({ error }) => codeOf(error));
          compareLists(this.#observed, 'errors$', actual, codes);
        });
      },
    };
  }

  /** Of what `errors$` of a server tells, these codes (or messages) are no failure of the run. */
  allowErrors(server: Server, codes: readonly string[]): void {
    this.#expectsErrors.add(server);
    this.#check(() => {
      const other = this.#errors.get(server)?.find(({ error }) => !codes.includes(codeOf(error)));
      if (other !== undefined) throw other.error;
    });
  }

  /** The callbacks of the classic `serve`, recorded: hand them to `serve(…, { poller })`. */
  record<C>(callbacks: Callbacks<C>): RecordedCallbacks<C> {
    return new RecordedCallbacks(this.trace, callbacks);
  }

  /** In which order `serve` called, with what, and what it was answered. */
  expectCallbacks<C>(recorded: RecordedCallbacks<C>): {
    /** Compares when the run is over. */
    toEqual(calls: readonly string[]): void;
  } {
    return {
      toEqual: (calls) => {
        this.#check(() => compareLists(this.#observed, 'the callbacks', recorded.calls, calls));
      },
    };
  }

  /** @throws Error when nobody will ever look at it: a body of `simulate` that awaits goes on when the run is over. */
  #check(check: () => void): void {
    if (this.#over) {
      throw new Error(
        'something is expected of a run that is over: a body that awaits needs simulateAsync, and to be awaited itself',
      );
    }
    this.#checks.push(check);
  }

  /** @internal Until when the run goes on, as far as is known. */
  get horizon(): number {
    return this.#clock.horizon;
  }

  /** @internal Ends a run that has failed: closes everything, checks nothing. */
  abandon(): void {
    this.#over = true;
    this.#checks.length = 0;
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
    const checks = this.#checks.splice(0);
    this.#over = true;
    // First what went wrong, then what came of it.
    attempt(() => this.#checkErrors());
    attempt(() => this.#contract.check(this.#observed));
    for (const check of checks) attempt(check);
    this.#close();
    if (failures.length === 0) attempt(() => this.#checkLeaks());
    if (failures.length > 0) throw toError(failures[0]);
    for (const poller of [this.poller, ...this.#others]) poller.release();
  }

  #checkErrors(): void {
    for (const [server, errors] of this.#errors) {
      if (!this.#expectsErrors.has(server) && errors[0] !== undefined) throw errors[0].error;
    }
  }

  #checkLeaks(): void {
    const leaks = leaksOf({
      servers: this.#servers,
      pollers: [this.poller, ...this.#others],
      network: this.network,
      serving: this.#serving,
      ends: this.#ends,
    });
    compareLists(this.#observed, 'what is left at the end', leaks, []);
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
