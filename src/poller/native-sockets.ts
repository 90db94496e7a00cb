// Handles of the native poller's sockets. They only name what native code owns.

import { readAddress } from './address-record.js';
import type { BriefAddress } from './address-record.js';
import { NOBODY } from './poller.js';
import type {
  BindAddress,
  DialEvents,
  ListenerEvents,
  PollerDial,
  PollerListener,
  PollerStream,
  SocketAddress,
  StreamEvents,
} from './poller.js';

/** Kinds of commands: mirrors of CommandKind in native/arena.h. */
export const COMMAND = { write: 1, read: 2, shutdown: 3, close: 4, reset: 5, keep: 6 } as const;

/** What handles ask of their poller. */
export interface NativeSockets {
  acceptOn(listener: NativeListener, on: boolean): void;
  quietOn(listener: NativeListener, on: boolean): void;
  unannounced(listener: NativeListener): number;
  announceAll(listener: NativeListener): void;
  closeListener(listener: NativeListener): void;
  /** Counts what keeps the process alive. */
  reference(change: 1 | -1): void;
  command(
    kind: number,
    socket: { readonly slot: number; readonly generation: number },
    a: number,
    b: number,
  ): void;
  write(stream: NativeStream, source: Uint8Array, start: number, end: number): void;
  keepOn(stream: NativeStream, on: boolean): void;
  queued(stream: NativeStream): number;
  forgetStream(stream: NativeStream): void;
  /** Whether it was still under way. */
  forgetDial(dial: NativeDial): boolean;
}

export class NativeListener implements PollerListener {
  closed = false;
  /** What connections of a unix socket are told of their own end. */
  path: UnixPath | undefined;
  readonly slot: number;
  readonly generation: number;
  readonly events: ListenerEvents;
  readonly #poller: NativeSockets;
  #referenced = true;

  constructor(poller: NativeSockets, slot: number, generation: number, events: ListenerEvents) {
    this.#poller = poller;
    this.slot = slot;
    this.generation = generation;
    this.events = events;
  }

  accept(on: boolean): void {
    if (this.closed) return;
    this.#poller.acceptOn(this, on);
  }

  quiet(on: boolean): void {
    if (!this.closed) this.#poller.quietOn(this, on);
  }

  get unannounced(): number {
    return this.closed ? 0 : this.#poller.unannounced(this);
  }

  announceAll(): void {
    if (!this.closed) this.#poller.announceAll(this);
  }

  close(): void {
    if (this.closed) return;
    this.ref(false);
    this.closed = true;
    this.#poller.closeListener(this);
  }

  ref(on: boolean): void {
    if (this.closed || on === this.#referenced) return;
    this.#referenced = on;
    this.#poller.reference(on ? 1 : -1);
  }
}

/** A connection that is being made. Its slot is that of the stream to come. */
export class NativeDial implements PollerDial {
  readonly slot: number;
  readonly generation: number;
  readonly address: BindAddress;
  readonly events: DialEvents;
  readonly #poller: NativeSockets;

  constructor(
    poller: NativeSockets,
    slot: number,
    generation: number,
    address: BindAddress,
    events: DialEvents,
  ) {
    this.#poller = poller;
    this.slot = slot;
    this.generation = generation;
    this.address = address;
    this.events = events;
  }

  abort(): void {
    if (this.#poller.forgetDial(this)) this.#poller.command(COMMAND.close, this, 0, 0);
  }
}

/** The one end of a unix connection that has a name. */
export interface UnixPath {
  readonly local?: SocketAddress;
  readonly remote?: SocketAddress;
}

/** An address, or what is made into one only for who asks. */
export type KnownAddress = SocketAddress | BriefAddress;

function addressOf(known: KnownAddress): SocketAddress {
  return typeof known === 'object' ? known : readAddress(known);
}

/** What streams have in common: nearly all of a server's have the same address at this end. */
export interface Origin {
  readonly poller: NativeSockets;
  readonly local: KnownAddress;
}

/** No stream has it. */
const CLOSED = 0;

/** A small object, since there may be many: no field that another could stand for, and no method of `#name`, which costs one. */
export class NativeStream implements PollerStream {
  events: StreamEvents = NOBODY;
  readonly slot: number;
  readonly #origin: Origin;
  readonly #remote: KnownAddress;
  #generation: number;

  constructor(origin: Origin, slot: number, generation: number, remote: KnownAddress) {
    this.#origin = origin;
    this.slot = slot;
    this.#generation = generation;
    this.#remote = remote;
  }

  /** Of its slot; one that finds nothing once the stream is closed. */
  get generation(): number {
    return this.#generation;
  }

  get closed(): boolean {
    return this.#generation === CLOSED;
  }

  /** Native code has given it up, or is about to. */
  markClosed(): void {
    this.#generation = CLOSED;
  }

  get local(): SocketAddress {
    return addressOf(this.#origin.local);
  }

  get remote(): SocketAddress {
    return addressOf(this.#remote);
  }

  read(on: boolean): void {
    if (!this.closed) this.#origin.poller.command(COMMAND.read, this, on ? 1 : 0, 0);
  }

  write(source: Uint8Array, start: number, end: number): void {
    if (!this.closed && start < end) this.#origin.poller.write(this, source, start, end);
  }

  keep(on: boolean): void {
    if (!this.closed) this.#origin.poller.keepOn(this, on);
  }

  queued(): number {
    return this.closed ? 0 : this.#origin.poller.queued(this);
  }

  shutdown(): void {
    if (!this.closed) this.#origin.poller.command(COMMAND.shutdown, this, 0, 0);
  }

  close(): void {
    this.release(COMMAND.close);
  }

  reset(): void {
    this.release(COMMAND.reset);
  }

  private release(kind: number): void {
    if (this.closed) return;
    const { poller } = this.#origin;
    poller.command(kind, this, 0, 0);
    this.markClosed();
    poller.forgetStream(this);
  }
}
