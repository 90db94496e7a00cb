// The kernel of a simulation, and the network: who listens where, who is connected to whom, and what goes wrong. It knows
// nothing of pollers and streams: sockets here are what system calls find in a real kernel.

import { describe, errnoOf, invalidArgument } from '../errors.js';
import { Agenda } from './agenda.js';
import type { Appointment, VirtualClock } from './agenda.js';
import { choicesOf } from './choices.js';
import type { Choices, Schedule } from './choices.js';
import { Way } from './link.js';
import type { LinkOptions } from './link.js';
import { SimulatedSocket } from './simulated-socket.js';
import type { BufferSizes, SocketOwner } from './simulated-socket.js';
import { Trace } from './trace.js';
import { socketAddress } from '../socket-address.js';
import type { BindAddress, BindOptions, SocketAddress } from '../poller/poller.js';

/** Of a simulated kernel and network. Sizes in bytes. */
export interface NetworkOptions {
  /** What is left to chance, and how it falls. Default: nothing is. */
  readonly schedule?: Schedule;
  /** How every connection's link behaves. Default: everything arrives at once. */
  readonly link?: LinkOptions;
  /** What the kernel keeps of a connection's output. Default 64 KiB. */
  readonly sendBuffer?: number;
  /** What the kernel keeps of a connection's input. Default 64 KiB. */
  readonly receiveBuffer?: number;
  /** Most sockets at a time in each poller; beyond that, EMFILE. Default `Infinity`. */
  readonly descriptors?: number;
  /** Keep a trace. Default true. */
  readonly trace?: boolean;
}

/** System calls that can be made to fail. */
export type FaultyCall = 'listen' | 'accept' | 'connect' | 'read' | 'write';

const CALLS: readonly FaultyCall[] = ['listen', 'accept', 'connect', 'read', 'write'];

const BUFFER = 64 * 1024;
const FIRST_BOUND_PORT = 40_000;
const FIRST_CLIENT_PORT = 50_000;
/** Linux sends SYN again after 1, 2, 4, … seconds, six times, and gives up after 127 s (tcp_syn_retries). */
const FIRST_RETRY = 1000;
const LAST_RETRY = 64_000;

/** A listening socket. */
export class KernelListener {
  readonly address: SocketAddress;
  readonly options: BindOptions;
  owner: SocketOwner = { changed() {} };
  readonly #waiting: SimulatedSocket[] = [];
  readonly #forget: () => void;

  constructor(address: SocketAddress, options: BindOptions, forget: () => void) {
    this.address = address;
    this.options = options;
    this.#forget = forget;
  }

  /** Connections that wait to be accepted. */
  get waiting(): number {
    return this.#waiting.length;
  }

  get full(): boolean {
    return this.#waiting.length > this.options.backlog;
  }

  push(socket: SimulatedSocket): void {
    this.#waiting.push(socket);
    this.owner.changed();
  }

  accept(): SimulatedSocket | undefined {
    return this.#waiting.shift();
  }

  /** Those who wait are reset. */
  close(): void {
    this.#forget();
    for (const socket of this.#waiting.splice(0)) socket.reset();
  }
}

/** What comes of a dial, once: a socket, or the code of an error. */
export type Dialled = (outcome: SimulatedSocket | { readonly code: string }) => void;

/**
 * A network and its kernels in virtual time. `simulate` makes one, as `world.network`; on a clock of your own it serves a
 * {@link SimulatedPoller} without `simulate`.
 */
export class SimulatedNetwork {
  /** @internal */
  readonly agenda: Agenda;
  /** @internal */
  readonly choices: Choices;
  /** Everything that happens on it. */
  readonly trace: Trace;
  /** @internal */
  readonly descriptors: number;
  readonly #link: LinkOptions;
  readonly #sizes: BufferSizes;
  readonly #listeners = new Set<KernelListener>();
  readonly #sockets = new Set<SimulatedSocket>();
  readonly #faults = new Map<FaultyCall, string[]>();
  #connections = 0;
  #boundPort = FIRST_BOUND_PORT;
  #clientPort = FIRST_CLIENT_PORT;
  #down = false;

  constructor(clock: VirtualClock, options: NetworkOptions = {}) {
    this.agenda = new Agenda(clock);
    this.choices = choicesOf(options.schedule);
    this.trace = new Trace(() => this.agenda.now, options.trace !== false);
    this.descriptors = options.descriptors ?? Infinity;
    this.#link = options.link ?? {};
    this.#sizes = { send: options.sendBuffer ?? BUFFER, receive: options.receiveBuffer ?? BUFFER };
  }

  /**
   * Makes a system call fail.
   *
   * @param code - as in `'EMFILE'`
   * @param times - how many of the next calls, from 1. Default 1.
   * @throws TypeError for a call or a code that does not exist.
   */
  fail(call: FaultyCall, code: string, times = 1): void {
    if (!CALLS.includes(call)) {
      throw invalidArgument(`fail: unknown call ${describe(call)}; valid are ${CALLS.join(', ')}`);
    }
    if (errnoOf(code) === 0)
      throw invalidArgument(`fail: ${describe(code)} is no code of this system, such as 'EMFILE'`);
    const codes = this.#faults.get(call) ?? [];
    for (let i = 0; i < times; i++) codes.push(code);
    this.#faults.set(call, codes);
  }

  /** @internal The code that this call must fail with, if any. */
  takeFault(call: FaultyCall): { readonly code: string } | undefined {
    const code = this.#faults.get(call)?.shift();
    return code === undefined ? undefined : { code };
  }

  /** Nothing gets through, in either direction, until {@link heal}: nobody is told. */
  partition(): void {
    this.#down = true;
    for (const { way } of this.#sockets) way.down();
  }

  /** What was kept back arrives now. */
  heal(): void {
    this.#down = false;
    for (const { way } of this.#sockets) way.up();
  }

  /** @internal Where somebody listened first: where a client goes that is told nothing else. */
  firstAddress: BindAddress | undefined;

  /** @internal Binds and listens; the code of an error otherwise. */
  listen(address: BindAddress, options: BindOptions): KernelListener | { readonly code: string } {
    const fault = this.takeFault('listen');
    if (fault !== undefined) return fault;
    const { family } = address;
    const port = address.port === 0 ? this.#freePort() : address.port;
    const bound =
      family === 'unix'
        ? socketAddress('unix', address.address)
        : socketAddress(family, address.address, port);
    for (const other of this.#listeners) {
      const shared = options.reusePort && other.options.reusePort;
      if (!shared && overlap(other, bound, options)) return { code: 'EADDRINUSE' };
    }
    const listener = new KernelListener(bound, options, () => this.#listeners.delete(listener));
    this.#listeners.add(listener);
    this.firstAddress ??= connectable(bound);
    return listener;
  }

  #freePort(): number {
    while ([...this.#listeners].some(({ address: { port } }) => port === this.#boundPort))
      this.#boundPort += 1;
    return this.#boundPort++;
  }

  /**
   * Connects, as the kernel does it: SYN is sent again while nobody answers.
   * @internal
   * @returns what gives it up.
   */
  dial(to: BindAddress, from: BindAddress | undefined, done: Dialled): Appointment {
    const attempt: Attempt = {
      to,
      local: this.#clientAddress(to, from),
      cancelled: false,
      done,
      connection: ++this.#connections,
    };
    this.#knock(attempt, FIRST_RETRY);
    return {
      cancel() {
        attempt.cancelled = true;
      },
    };
  }

  #clientAddress({ family, address }: BindAddress, from: BindAddress | undefined): SocketAddress {
    if (family === 'unix') return socketAddress('unix', '');
    const port = from === undefined || from.port === 0 ? this.#clientPort++ : from.port;
    return socketAddress(family, from?.address ?? address, port);
  }

  #knock(attempt: Attempt, retry: number): void {
    const { latency = 0 } = this.#link;
    this.agenda.after(latency, () => {
      if (attempt.cancelled) return;
      const listener = this.#down ? undefined : this.#listenerAt(attempt.to);
      if (this.#down || listener?.full === true) {
        this.agenda.after(retry, () => {
          if (attempt.cancelled) return;
          if (retry < LAST_RETRY) this.#knock(attempt, 2 * retry);
          else attempt.done({ code: 'ETIMEDOUT' });
        });
      } else if (listener === undefined) {
        const code = attempt.to.family === 'unix' ? 'ENOENT' : 'ECONNREFUSED';
        this.agenda.after(latency, () => attempt.cancelled || attempt.done({ code }));
      } else {
        this.#establish(attempt, listener, latency);
      }
    });
  }

  #establish(attempt: Attempt, listener: KernelListener, latency: number): void {
    const { to, local, connection } = attempt;
    const reached = to.family === 'unix' ? listener.address : socketAddress(to.family, to.address, to.port);
    const client = this.#socket(connection, { local, remote: reached });
    const server = this.#socket(connection, { local: reached, remote: local });
    client.peer = server;
    server.peer = client;
    // The client knows one way later, and its last word of the handshake takes one more.
    this.agenda.after(latency, () => {
      if (attempt.cancelled) client.reset();
      else attempt.done(client);
    });
    this.agenda.after(2 * latency, () => {
      if (this.#listeners.has(listener)) listener.push(server);
      else server.reset();
    });
  }

  #socket(connection: number, ends: { local: SocketAddress; remote: SocketAddress }): SimulatedSocket {
    const socket = new SimulatedSocket(
      connection,
      ends,
      new Way(this.agenda, this.choices, this.#link),
      this.#sizes,
    );
    if (this.#down) socket.way.down();
    this.#sockets.add(socket);
    return socket;
  }

  #listenerAt(to: BindAddress): KernelListener | undefined {
    const matching = [...this.#listeners].filter((listener) => reaches(listener, to));
    return matching[matching.length > 1 ? this.choices.below(matching.length) : 0];
  }
}

interface Attempt {
  readonly to: BindAddress;
  readonly local: SocketAddress;
  readonly connection: number;
  readonly done: Dialled;
  cancelled: boolean;
}

const ALL: readonly string[] = ['0.0.0.0', '::'];

/** An IPv6 wildcard takes IPv4 too, unless told not to. */
function reaches({ address, options }: KernelListener, to: BindAddress): boolean {
  if (to.family === 'unix' || address.family === 'unix') {
    return to.family === address.family && to.address === address.address;
  }
  if (address.port !== to.port) return false;
  if (address.address === to.address) return true;
  if (address.address === '::') return to.family === 'IPv6' || !options.ipv6Only;
  return address.address === '0.0.0.0' && to.family === 'IPv4';
}

/** Where a client of that listener goes: a wildcard is reached by loopback. */
export function connectable({ family, address, port = 0 }: SocketAddress): BindAddress {
  if (address === '0.0.0.0') return { family, address: '127.0.0.1', port };
  if (address === '::') return { family, address: '::1', port };
  return { family, address, port };
}

function overlap(listener: KernelListener, bound: SocketAddress, options: BindOptions): boolean {
  const to = { family: bound.family, address: bound.address, port: bound.port ?? 0 };
  if (reaches(listener, to)) return true;
  const { address } = listener;
  if (address.family === 'unix' || bound.family === 'unix' || address.port !== bound.port) return false;
  if (!ALL.includes(bound.address)) return false;
  return bound.family === address.family || (bound.address === '::' && !options.ipv6Only);
}
