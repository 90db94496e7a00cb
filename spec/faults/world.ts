// Runs one program between real sockets and compares what comes of it with the model: a stream is a stream. Every wait ends:
// with what is waited for, or when nothing has moved for a while.

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

import { connect, listen } from 'evio';
import type { ConnectOptions, Connection, Server } from 'evio';

import { codeOf } from '../support/connections.js';
import { OWN_DESCRIPTORS, descriptors } from '../support/descriptors.js';
import type { PollerUnderTest } from '../support/pollers.js';
import { ConnectionEnd, RelayEnd, SocketEnd } from './end.js';
import type { End, Endpoint, Witness } from './end.js';
import { Flow } from './flow.js';
import { isFatal } from './program.js';
import type { Client, Link, Program, Rates } from './program.js';

/** A program did what the model forbids. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export interface Machine {
  readonly poller: PollerUnderTest;
  /** The addon is the one whose system calls go wrong. */
  readonly faulty: boolean;
  /** How long nothing may move, in milliseconds. */
  readonly patience: () => number;
}

const MOST_DIALS = 100;
const SPINS = 200;
const FAULTLESS: Rates = {
  short: 0,
  eintr: 0,
  eagain: 0,
  late: 0,
  accept: 0,
  connect: 0,
  reset: 0,
  enobufs: 0,
  control: 0,
};

/** Opens what stays open: pollers and the like. */
export async function warmUp(machine: Machine): Promise<void> {
  const times = { idleTimeout: 0, readTimeout: 0, writeTimeout: 0 };
  const options = { highWaterMark: 1024, halfOpen: false, reuseInputBuffer: false, ...times };
  const links: Link[] = [{ kind: 'proxy', clients: ['net', 'evio'], eager: true }];
  for (const unix of [false, true]) {
    const program = { seed: 0, rates: FAULTLESS, options, tight: false, unix, links, steps: [] };
    const world = new World(program, FAULTLESS, machine);
    try {
      await world.run();
    } finally {
      await world.leave();
    }
  }
}

/** Descriptors; 0 where the system does not tell. */
const openNow = (): number => (existsSync(OWN_DESCRIPTORS) ? descriptors() : 0);

let runs = 0;

/** @throws Violation */
export async function run(program: Program, machine: Machine): Promise<void> {
  const before = openNow();
  const rates = machine.faulty ? ratesOf(program) : FAULTLESS;
  const settings = Object.entries(rates).map(([name, rate]) => `${name}=${rate}`);
  process.env['EVIO_FAULTS'] = `run=${++runs} seed=${program.seed} ${settings.join(' ')}`;
  const world = new World(program, rates, machine);
  process.on('uncaughtException', world.uncaught);
  try {
    await world.run();
    delete process.env['EVIO_FAULTS'];
    await world.until(() => openNow() <= before, 'every descriptor is closed');
  } finally {
    delete process.env['EVIO_FAULTS'];
    await world.leave();
    process.removeListener('uncaughtException', world.uncaught);
  }
}

/**
 * A client over a unix socket has no port by which the server would know it, so they are told apart by their order. Nothing
 * may go wrong then with what has already been accepted.
 */
function ratesOf({ rates, unix }: Program): Rates {
  return unix ? { ...rates, connect: 0, control: 0 } : rates;
}

/** Windows has named pipes instead, which are something else. */
const HAS_UNIX_SOCKETS = process.platform !== 'win32';

/** By which the library closes a connection by itself, in such a program. */
function limitsOf({ options, tight }: Program): Set<string> {
  const { idleTimeout, readTimeout, writeTimeout } = options;
  const codes = new Set<string>();
  if (tight) codes.add('ERR_EVIO_QUEUE_FULL');
  if (idleTimeout > 0) codes.add('ERR_EVIO_IDLE_TIMEOUT');
  if (readTimeout > 0) codes.add('ERR_EVIO_READ_TIMEOUT');
  if (writeTimeout > 0) codes.add('ERR_EVIO_WRITE_TIMEOUT');
  return codes;
}

/** Makes an end in the place that a link has for it. */
type Build = (
  of: (
    name: string,
    flows: { output: Flow; input: Flow },
    surroundings: ConstructorParameters<typeof ConnectionEnd>[3],
  ) => Endpoint,
) => Endpoint;

/** A link while the program runs. */
interface Made {
  readonly link: Link;
  readonly ends: End[];
  readonly endpoints: Endpoint[];
  /** A step or a limit has closed one of the ends, or a fault may have. */
  harmed: boolean;
  /** A relay did not relay for a while. */
  loose: boolean;
}

class World implements Witness {
  readonly #program: Program;
  readonly #rates: Rates;
  readonly #machine: Machine;
  readonly #server: Server;
  readonly #violations: string[] = [];
  readonly #links: Made[] = [];
  readonly #announced: Connection[] = [];
  readonly #gone = new Map<Connection, number>();
  readonly #claimed = new Set<Connection>();
  readonly #closers: (() => void)[] = [];
  readonly #options: ConnectOptions;
  readonly #limits: ReadonlySet<string>;
  /** The path of the unix socket that it is all over, if it is. */
  readonly #path: string | undefined;
  #flows = 0;
  #lastMove = Date.now();

  constructor(program: Program, rates: Rates, machine: Machine) {
    this.#program = program;
    this.#rates = rates;
    this.#machine = machine;
    const highWaterMark = program.options.highWaterMark;
    this.#options = {
      poller: machine.poller,
      ...program.options,
      highWaterMark,
      ...(program.tight ? { maxQueuedBytes: highWaterMark } : {}),
    };
    this.#limits = limitsOf(program);
    const file = `evio-faults-${process.pid}-${runs}`;
    this.#path = program.unix && HAS_UNIX_SOCKETS ? path.join(tmpdir(), file) : undefined;
    const address = this.#path === undefined ? 'tcp://127.0.0.1:0' : `unix://${this.#path}`;
    this.#server = listen(address, this.#options);
    this.#server.connections$.subscribe((connection) => {
      this.moved();
      this.#announced.push(connection);
    });
    this.#server.disconnected$.subscribe(({ connection }) => {
      this.moved();
      this.#gone.set(connection, (this.#gone.get(connection) ?? 0) + 1);
    });
    this.#server.errors$.subscribe(({ error }) => {
      const expected = codeOf(error) === 'ERR_EVIO_WRITE_AFTER_END' || 'syscall' in error;
      if (!expected || !machine.faulty) {
        if (codeOf(error) !== 'ERR_EVIO_WRITE_AFTER_END') this.violated(`errors$: ${error.message}`);
      }
    });
  }

  readonly uncaught = (error: Error): void => this.violated(`uncaught: ${error.stack}`);

  moved(): void {
    this.#lastMove = Date.now();
  }

  violated(what: string): void {
    this.#violations.push(what);
  }

  /** Goes round the event loop until it holds. */
  async until(condition: () => boolean, what: string): Promise<void> {
    this.moved();
    for (let spins = 0; !condition(); spins++) {
      this.#check();
      if (Date.now() - this.#lastMove > this.#machine.patience()) {
        throw new Violation(`nothing moves any more before ${what}:\n${this.#describe()}`);
      }
      if (spins < SPINS) await turn();
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
    this.#check();
  }

  #check(): void {
    if (this.#violations.length === 0) return;
    throw new Violation(`${this.#violations.slice(0, 5).join('\n')}\n${this.#describe()}`);
  }

  #describe(): string {
    const lines = this.#links.flatMap(({ link, ends }) => [
      `a link, ${link.kind}:`,
      ...ends.map((end) => {
        const { ended, closedHere, error } = end.outcome;
        const flows =
          'input' in end
            ? `in ${(end as Endpoint).input.received} of ${(end as Endpoint).input.written}, `
            : '';
        const how = [
          end.isOver ? 'closed' : 'open',
          ended ? 'ended' : '',
          closedHere ? 'on purpose' : '',
          error,
        ];
        return `  ${end.name}: ${flows}${how.filter((word) => word !== '' && word !== undefined).join(', ')}`;
      }),
    ]);
    return lines.join('\n');
  }

  async run(): Promise<void> {
    await this.#server.ready;
    for (const link of this.#program.links) this.#links.push(await this.#make(link));
    for (const step of this.#program.steps) {
      const made = this.#links[step.link % this.#links.length];
      const end = made?.ends[step.end % made.ends.length];
      if (made === undefined || end === undefined) continue;
      if (step.act.do === 'destroy' || step.act.do === 'reset') made.harmed = true;
      end.perform(step.act, step.onInput);
      for (let i = 0; i < step.turns; i++) await turn();
      this.#check();
    }
    const ends = this.#links.flatMap(({ ends }) => ends);
    for (const end of ends) end.finish();
    for (const connection of this.#announced) this.#forget(connection);
    await this.until(
      () => ends.every(({ isOver }) => isOver) && this.#server.connections.size === 0,
      'every connection is closed',
    );
    for (const made of this.#links) this.#judge(made);
    for (const connection of this.#announced) {
      const times = this.#gone.get(connection) ?? 0;
      if (times !== 1) this.violated(`connection ${connection.id} came ${times} times on disconnected$`);
    }
    this.#check();
    await this.#server.close({ timeout: 0 });
  }

  /** Its client has given up before it knew that it was connected. */
  #forget(connection: Connection): void {
    if (this.#claimed.has(connection)) return;
    connection.data$.subscribe();
    connection.end();
  }

  async #make(link: Link): Promise<Made> {
    const fatal = isFatal(this.#rates);
    const made: Made = { link, ends: [], endpoints: [], harmed: fatal, loose: false };
    const surroundings = {
      witness: this,
      halfOpen: this.#program.options.halfOpen,
      // Unix sockets have none: a reset is a close, which looks like an end.
      tellsResets: this.#machine.poller !== 'net' && this.#path === undefined,
      intact: () => !made.harmed,
      limited: () => void (made.harmed = true),
      mostQueued: this.#options.highWaterMark ?? 0,
      limits: this.#limits,
    };
    const number = this.#links.length;
    const [out, back] = [new Flow(this.#flows++), new Flow(this.#flows++)] as const;
    const named = (what: string): string => `link ${number} ${what}`;
    if (link.kind === 'direct') {
      const [client, accepted] = await this.#connect(link.clients[0], (of) =>
        of(named('client'), { output: out, input: back }, surroundings),
      );
      const server = new ConnectionEnd(named('server'), accepted, { output: back, input: out }, surroundings);
      client.peer = server;
      server.peer = client;
      made.endpoints.push(client, server);
      made.ends.push(client, server);
    } else if (link.kind === 'echo') {
      const [client, accepted] = await this.#connect(link.clients[0], (of) =>
        of(named('client'), { output: out, input: out }, surroundings),
      );
      client.peer = client;
      const relay = new RelayEnd(named('echo'), accepted, surroundings, {
        start: () => accepted.data$.subscribe(accepted),
        flows: [out],
        loosened: () => {},
      });
      relay.start();
      made.endpoints.push(client);
      made.ends.push(client, relay);
    } else {
      const [first, one] = await this.#connect(link.clients[0], (of) =>
        of(named('first client'), { output: out, input: back }, surroundings),
      );
      const [second, other] = await this.#connect(link.clients[1], (of) =>
        of(named('second client'), { output: back, input: out }, surroundings),
      );
      first.peer = second;
      second.peer = first;
      const loosened = (): void => void (made.loose = true);
      const there = new RelayEnd(named('first relay'), one, surroundings, {
        start: () => one.pipeTo(other),
        flows: [out, back],
        loosened,
      });
      const here = new RelayEnd(named('second relay'), other, surroundings, {
        start: () => other.pipeTo(one),
        flows: [out, back],
        loosened,
      });
      there.start();
      here.start();
      made.endpoints.push(first, second);
      made.ends.push(first, second, there, here);
    }
    if (link.eager) for (const end of made.endpoints) end.perform({ do: 'subscribe' }, false);
    return made;
  }

  /** A client of the server, and the server's end of it. */
  async #connect(client: Client, build: Build): Promise<[Endpoint, Connection]> {
    let end: Endpoint;
    let from: number | undefined;
    if (client === 'net') {
      const socket = await this.#dialSocket();
      from = socket.localPort;
      end = build((name, flows, surroundings) => new SocketEnd(name, socket, flows, surroundings));
    } else {
      [end, from] = await this.#dial(build);
    }
    const find = (): Connection | undefined =>
      this.#announced.find((one) => !this.#claimed.has(one) && one.remote.port === from);
    await this.until(() => find() !== undefined, 'the server announces a client');
    const accepted = find();
    if (accepted === undefined) throw new Error('announced, and not there');
    this.#claimed.add(accepted);
    return [end, accepted];
  }

  get #port(): number {
    const { port } = this.#server.addresses[0] ?? {};
    if (port === undefined) throw new Error('the server is not bound');
    return port;
  }

  /** The same with node:net. The server may reset a client that it cannot watch. */
  async #dialSocket(): Promise<Socket> {
    const path = this.#path;
    const to: NetConnectOpts = path === undefined ? { port: this.#port, host: '127.0.0.1' } : { path };
    for (let i = 0; i < MOST_DIALS; i++) {
      const socket = connectSocket({ ...to, allowHalfOpen: true });
      this.#closers.push(() => socket.destroy());
      try {
        await once(socket, 'connect');
        return socket;
      } catch (error) {
        if (!isFatal(this.#rates)) throw error;
      }
    }
    throw new Violation(`no connection after ${MOST_DIALS} dials of node:net`);
  }

  /** Dials until a connection comes of it. The end is there before anything can happen to the connection. */
  async #dial(build: Build): Promise<[Endpoint, number | undefined]> {
    for (let i = 0; i < MOST_DIALS; i++) {
      let made: [Endpoint, number | undefined] | undefined;
      let failed: Error | undefined;
      const address = this.#path === undefined ? `tcp://127.0.0.1:${this.#port}` : `unix://${this.#path}`;
      const subscription = connect(address, this.#options).subscribe({
        next: (connection) => {
          if (made !== undefined) this.violated('connect() emitted twice');
          const end = build(
            (name, flows, surroundings) => new ConnectionEnd(name, connection, flows, surroundings),
          );
          made = [end, connection.local.port];
        },
        error: (error: Error) => {
          failed = error;
          if (made !== undefined && made[0].outcome.error === undefined)
            this.violated('connect() errored, closed$ did not');
        },
        complete: () => {
          if (made === undefined) this.violated('connect() completed without a connection');
          else if (made[0].outcome.error !== undefined) this.violated('connect() completed after a failure');
        },
      });
      this.#closers.push(() => subscription.unsubscribe());
      await this.until(() => made !== undefined || failed !== undefined, 'connect() has an outcome');
      if (made !== undefined) return made;
      if (this.#rates.connect === 0 && this.#rates.control === 0)
        this.violated(`connect(): ${failed?.message}`);
    }
    throw new Violation(`no connection after ${MOST_DIALS} dials`);
  }

  /** Bytes in are bytes out. */
  #judge(made: Made): void {
    // A relay that was taken apart leaves its destination without an owner: without halfOpen that ends with its peer's FIN,
    // and whoever relays to it again is closed with it.
    const orphaned = made.loose && !this.#program.options.halfOpen;
    const harmed = made.harmed || orphaned;
    for (const end of made.endpoints) {
      const { input, name, outcome } = end;
      const loose = made.loose && harmed;
      const clean = outcome.ended && outcome.error === undefined && !outcome.closedHere;
      if (!harmed && !clean) this.violated(`${name}: did not end as it should`);
      const excused = input.cut || input.mayLose || loose || (made.harmed && !end.tellsResets);
      if (clean && !excused && input.received !== input.written) {
        this.violated(`${name}: the input looks whole, with ${input.received} bytes of ${input.written}`);
      }
    }
    if (harmed) return;
    for (const end of made.ends) {
      if (end.outcome.error !== undefined) this.violated(`${end.name}: failed, ${end.outcome.error}`);
    }
  }

  /** Leaves nothing behind, whatever has gone wrong. */
  async leave(): Promise<void> {
    for (const { ends } of this.#links) for (const end of ends) if (!end.isOver) end.abandon();
    for (const close of this.#closers) close();
    await this.#server.close({ timeout: 0 });
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
