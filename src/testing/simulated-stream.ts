// A stream of the simulated poller: what it reads, what it has not yet been able to write, and how it ends.

import { errnoOf, systemError } from '../errors.js';
import { NOBODY } from '../poller/poller.js';
import type { PollerStream, SocketAddress, StreamEvents } from '../poller/poller.js';
import { ByteQueue } from './byte-queue.js';
import type { SimulatedNetwork } from './simulated-network.js';
import type { SimulatedSocket } from './simulated-socket.js';
import type { TraceEntry, TraceKind } from './trace.js';

/** What the window holds where it is not used again: whoever has kept a view of it sees that. */
export const POISON = 0xdb;
/** How much the kernel is offered at a time, and in one turn: a peer that reads at once does not keep others waiting. */
const LARGEST_OFFER = 64 * 1024;
const OFFERED_PER_TURN = 256 * 1024;

/** The poller, as its streams need it. */
export interface StreamHost {
  readonly network: SimulatedNetwork;
  readonly who: string;
  readonly window: Buffer;
  /** How much of the window holds bytes that were lent. */
  lent: number;
  look(stream: SimulatedStream): void;
  wrote(stream: SimulatedStream): void;
  /** It has more for the kernel than one turn allows. */
  writesOn(stream: SimulatedStream): void;
  forget(stream: SimulatedStream): void;
}

export class SimulatedStream implements PollerStream {
  events: StreamEvents = NOBODY;
  closed = false;
  readonly #host: StreamHost;
  readonly #socket: SimulatedSocket;
  readonly #queue = new ByteQueue();
  #reading = false;
  #ended = false;
  #shutdownWanted = false;
  /** By the kernel, since the last report. */
  #taken = 0;
  /** Of a failed write: told as `broken` at once, and as `failed` behind what is unread. */
  #outputError: string | undefined;
  #brokenIsDue = false;
  /** The news of room in the send buffer that come meanwhile are no news. */
  #offering = false;

  constructor(host: StreamHost, socket: SimulatedSocket) {
    this.#host = host;
    this.#socket = socket;
    socket.owner = { changed: () => this.#changed() };
  }

  get local(): SocketAddress {
    return this.#socket.local;
  }

  get remote(): SocketAddress {
    return this.#socket.remote;
  }

  get connection(): number {
    return this.#socket.connection;
  }

  read(on: boolean): void {
    if (this.closed) return;
    this.#reading = on && !this.#ended;
    this.#note(on ? 'reads on' : 'reads off');
    if (this.#reading) this.#changed();
  }

  write(source: Uint8Array, start: number, end: number): void {
    if (this.closed || start >= end || this.#outputError !== undefined) return;
    // A copy: what user code does to its bytes afterwards must not make one run differ from another.
    const bytes = Buffer.from(source.subarray(start, end));
    this.#queue.push(bytes);
    this.#note('writes', { bytes });
    this.#host.wrote(this);
  }

  queued(): number {
    if (this.closed) return 0;
    this.offer();
    this.#host.wrote(this);
    return this.#queue.length;
  }

  shutdown(): void {
    if (this.closed || this.#outputError !== undefined) return;
    this.#shutdownWanted = true;
    this.#host.wrote(this);
  }

  close(): void {
    if (this.closed) return;
    this.offer();
    this.#note('closes');
    this.#release();
    if (this.#outputError === undefined) this.#socket.close();
    else this.#socket.reset();
  }

  reset(): void {
    if (this.closed) return;
    this.offer();
    this.#note('resets');
    this.#release();
    this.#socket.reset();
  }

  #release(): void {
    this.closed = true;
    this.events = NOBODY;
    this.#queue.clear();
    this.#host.forget(this);
  }

  /** The socket may have become readable or writable, or have hung up. */
  #changed(): void {
    if (this.closed || this.#offering) return;
    const socket = this.#socket;
    const input = this.#reading ? socket.unread > 0 || this.#endIsDue : this.#endIsDue && socket.unread === 0;
    if (input) this.#host.look(this);
    if (this.#queue.length > 0 && socket.writable) this.#host.wrote(this);
  }

  /** An end or an error is known and has not been told. */
  get #endIsDue(): boolean {
    const socket = this.#socket;
    return (socket.hungUp && (!this.#ended || socket.hasError)) || this.#outputError !== undefined;
  }

  /** Gives the kernel what it takes. */
  offer(): void {
    if (this.closed || this.#outputError !== undefined) return;
    this.#offering = true;
    for (let offered = 0; offered < OFFERED_PER_TURN; offered += LARGEST_OFFER) {
      if (this.#queue.length === 0 || !this.#socket.writable || !this.#offerSome()) break;
    }
    this.#offering = false;
    // The answer to what was sent may be a reset, which is news.
    if (this.#socket.hasError) this.#changed();
    if (!this.#shutdownWanted || this.#queue.length > 0 || this.#outputError !== undefined) return;
    this.#shutdownWanted = false;
    this.#note('sends FIN');
    this.#socket.shutdown();
  }

  /** Whether it may take more. */
  #offerSome(): boolean {
    const offered = this.#queue.take(LARGEST_OFFER);
    const most = this.#host.network.choices.random ? this.#mostOf(offered.length) : offered.length;
    const sent = this.#host.network.takeFault('write') ?? this.#socket.send(offered, 0, most);
    if (typeof sent !== 'number') {
      this.#failOutput(sent.code);
      return false;
    }
    this.#taken += sent;
    if (sent < offered.length) this.#queue.unshift(offered.subarray(sent));
    return sent === offered.length;
  }

  /** A short write, as the schedule has it: mostly none. */
  #mostOf(length: number): number {
    const { choices } = this.#host.network;
    return choices.below(4) === 3 ? 1 + choices.below(length) : length;
  }

  /** The peer must not take what it got for the whole: whatever comes of the connection now ends in a reset. */
  #failOutput(code: string): void {
    this.#outputError = code;
    this.#brokenIsDue = true;
    this.#shutdownWanted = false;
    this.#queue.clear();
    this.#host.look(this);
  }

  /** Tells what has come of writing. */
  report(): void {
    if (this.closed) return;
    const taken = this.#taken;
    this.#taken = 0;
    if (taken > 0) {
      this.#note('has sent', { count: taken });
      this.events.flushed(taken);
    }
    if (this.#brokenIsDue && !this.closed) {
      this.#brokenIsDue = false;
      this.events.broken(systemError(errnoOf(this.#outputError ?? 'EPIPE'), 'write'));
    }
    if (!this.closed && this.#queue.length > 0 && this.#socket.writable) this.#host.writesOn(this);
  }

  /** Tells what there is to read, or that there is nothing more. */
  examine(): void {
    if (this.closed) return;
    try {
      if (this.#reading) this.#receive();
      else if (this.#socket.unread === 0 && this.#endIsDue) this.#finishInput();
    } finally {
      this.#changed(); // readiness is level-triggered, also for whoever throws
    }
  }

  /** One read for ordinary readiness; to the end when that is known, so that the last bytes and the end share a turn. */
  #receive(): void {
    const { network, window } = this.#host;
    const toTheEnd = this.#socket.hungUp || this.#outputError !== undefined;
    for (;;) {
      const fault = network.takeFault('read');
      if (fault !== undefined) return this.#fail(fault.code, 'read');
      if (this.#socket.unread === 0) {
        if (this.#endIsDue) this.#finishInput();
        return;
      }
      const got = this.#socket.receive(this.#mostToRead());
      if (!Buffer.isBuffer(got)) return;
      window.fill(POISON, 0, this.#host.lent);
      this.#host.lent = got.copy(window);
      this.#note('reads', { bytes: got });
      this.events.data(window, 0, got.length, true);
      if (!toTheEnd || this.closed || !this.#reading) return;
    }
  }

  #mostToRead(): number {
    const { network, window } = this.#host;
    return network.choices.random
      ? this.#mostOf(Math.min(window.length, this.#socket.unread))
      : window.length;
  }

  #finishInput(): void {
    if (this.#outputError !== undefined) return this.#fail(this.#outputError, 'write');
    const got = this.#socket.receive(0);
    if (got === 'end') {
      if (this.#ended) return;
      this.#ended = true;
      this.#reading = false;
      this.#note('receives FIN');
      this.events.ended();
    } else if (typeof got === 'object' && 'code' in got) {
      this.#fail(got.code, 'read');
    }
  }

  #fail(code: string, syscall: string): void {
    const { events } = this;
    this.#note('fails', { detail: `${syscall} ${code}` });
    this.#release();
    this.#socket.reset();
    events.failed(systemError(errnoOf(code), syscall));
  }

  #note(kind: TraceKind, more: Pick<TraceEntry, 'bytes' | 'count' | 'detail'> = {}): void {
    const { network, who } = this.#host;
    if (network.trace.keeping) network.trace.add(who, kind, { connection: this.connection, ...more });
  }
}
