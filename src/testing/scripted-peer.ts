// A client without this library above it: it does what it is told, when it is told, and remembers what it got.

import { errnoOf, systemError } from '../errors.js';
import type { BindAddress } from '../poller/poller.js';
import type { Appointment } from './agenda.js';
import { ByteQueue } from './byte-queue.js';
import type { SimulatedNetwork } from './simulated-network.js';
import { SimulatedSocket } from './simulated-socket.js';

/** What reached a client, and when (milliseconds of virtual time). */
export type PeerEvent = PeerSignal | PeerData | PeerReset;

/** It is connected, or the other end has ended its output. */
export interface PeerSignal {
  /** Milliseconds of virtual time. */
  readonly at: number;
  /** `'fin'` comes after all bytes. */
  readonly kind: 'connect' | 'fin';
}

/** Bytes have come. */
export interface PeerData {
  /** Milliseconds of virtual time. */
  readonly at: number;
  /** `'data'`. */
  readonly kind: 'data';
  /** At least one. */
  readonly bytes: Buffer;
}

/** It was reset, or its dial has failed. */
export interface PeerReset {
  /** Milliseconds of virtual time. */
  readonly at: number;
  /** `'reset'`. */
  readonly kind: 'reset';
  /** `'ECONNRESET'`, `'ECONNREFUSED'` … */
  readonly code: string;
}

/** How much a client reads at a time. */
const LARGEST_READ = 64 * 1024;

/** A client of a {@link SimulatedNetwork} that does what it is told: what stands behind a client's lane. */
export class ScriptedPeer {
  /** In the trace. */
  readonly who: string;
  /** What has reached it, in order. */
  readonly events: PeerEvent[] = [];
  /** Called after every event. */
  onEvent: () => void = () => {};
  readonly #network: SimulatedNetwork;
  readonly #dial: Appointment;
  readonly #unsent = new ByteQueue();
  /** Of all its bytes: where a segment begins that comes apart from the one before. */
  readonly #cuts: number[] = [];
  #taken = 0;
  #socket: SimulatedSocket | undefined;
  #connection: number | undefined;
  #reading = true;
  #finWanted = false;
  #ended = false;
  #gone = false;
  #error: NodeJS.ErrnoException | undefined;
  #pumping = false;
  #receivedBytes = 0;
  readonly #readRate: number;
  /** What may still be read in this millisecond. */
  #allowance: number;

  /**
   * Dials at once; what it is told before it is connected it does then.
   *
   * @param readRate - bytes that it reads in a millisecond. Default: all there are.
   */
  constructor(network: SimulatedNetwork, to: BindAddress, who = 'client', readRate: number = Infinity) {
    this.#network = network;
    this.#readRate = this.#allowance = readRate;
    this.who = who;
    this.#dial = network.dial(to, undefined, (outcome) => {
      if (outcome instanceof SimulatedSocket) this.#connected(outcome);
      else this.#failed(outcome.code, 'connect', to);
    });
  }

  /** Its dial has succeeded. */
  get connected(): boolean {
    return this.#socket !== undefined;
  }

  /** Of its own end; 0 until it is connected. */
  get port(): number {
    return this.#socket?.local.port ?? 0;
  }

  /** Of its connection, as the trace counts; undefined until it is connected. */
  get connection(): number | undefined {
    return this.#connection;
  }

  /** All bytes that have come, as one. */
  get received(): Buffer {
    return Buffer.concat(this.events.flatMap((event) => (event.kind === 'data' ? [event.bytes] : [])));
  }

  /** How many those are. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Told to send, and not taken by the kernel. */
  get unsent(): number {
    return this.#unsent.length;
  }

  /** FIN has come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** It was refused or reset: an error with a `code`. */
  get error(): NodeJS.ErrnoException | undefined {
    return this.#error;
  }

  /** FIN or an error has come, or it has gone itself. */
  get isOver(): boolean {
    return this.#ended || this.#error !== undefined || this.#gone;
  }

  /**
   * Sends, as soon as the kernel takes it.
   *
   * @param apart - it must not come together with what was sent before, however late it leaves
   */
  send(bytes: Uint8Array | string, apart = false): void {
    if (this.#gone || this.#finWanted || this.#error !== undefined) return;
    if (apart) this.#cuts.push(this.#taken + this.#unsent.length);
    const copy = Buffer.from(bytes as Uint8Array);
    this.#note('sends', copy);
    this.#unsent.push(copy);
    this.#pump();
  }

  /** FIN, after the bytes if there are any. It goes on reading. */
  fin(bytes?: Uint8Array | string): void {
    if (bytes !== undefined) this.send(bytes);
    if (this.#finWanted || this.#gone) return;
    this.#finWanted = true;
    this.#pump();
  }

  /** RST. */
  reset(): void {
    if (this.#gone) return;
    this.#note('resets');
    this.#leave();
    this.#socket?.reset();
  }

  /** Goes without a word: FIN, and RST for what comes later; what it has not read makes it a reset at once. */
  destroy(): void {
    if (this.#gone) return;
    this.#note('closes');
    this.#leave();
    this.#socket?.close();
  }

  #leave(): void {
    this.#gone = true;
    if (this.#socket === undefined) this.#dial.cancel();
    this.onEvent();
  }

  /** Leaves what comes in the kernel. */
  stopReading(): void {
    this.#note('stops reading');
    this.#reading = false;
  }

  /** Reads what has come, and goes on reading. */
  readAgain(): void {
    this.#note('reads again');
    this.#reading = true;
    this.#pump();
  }

  #connected(socket: SimulatedSocket): void {
    this.#socket = socket;
    this.#connection = socket.connection;
    socket.owner = { changed: () => this.#pump() };
    this.#note('connects');
    this.#tell({ at: this.#network.agenda.now, kind: 'connect' });
    this.#pump();
  }

  /** Does what can be done by now. Sockets tell of changes while they change: one at a time. */
  #pump(): void {
    const socket = this.#socket;
    if (socket === undefined || this.#pumping) return;
    this.#pumping = true;
    try {
      while (!this.#gone && (this.#write(socket) || this.#read(socket)));
    } finally {
      this.#pumping = false;
    }
  }

  /** Whether anything has changed. */
  #write(socket: SimulatedSocket): boolean {
    if (this.#error !== undefined) return false;
    if (this.#unsent.length > 0) {
      while (this.#cuts[0] !== undefined && this.#cuts[0] <= this.#taken) {
        this.#cuts.shift();
        socket.way.separate();
      }
      const bytes = this.#unsent.take(Math.min(LARGEST_READ, (this.#cuts[0] ?? Infinity) - this.#taken));
      const sent = socket.send(bytes, 0, bytes.length);
      if (typeof sent !== 'number') {
        this.#failed(sent.code, 'write');
        return true;
      }
      this.#taken += sent;
      this.#unsent.unshift(bytes.subarray(sent));
      return sent > 0;
    }
    if (!this.#finWanted) return false;
    if (this.#finSent) return false;
    this.#finSent = true;
    this.#note('sends FIN');
    socket.shutdown();
    return true;
  }

  #finSent = false;

  #read(socket: SimulatedSocket): boolean {
    if (!this.#reading || this.#error !== undefined) return false;
    if (this.#allowance <= 0) return false;
    const got = socket.receive(Math.min(LARGEST_READ, this.#allowance));
    if (got === 'nothing' || (got === 'end' && this.#ended)) return false;
    if (got === 'end') {
      this.#ended = true;
      this.#note('receives FIN');
      this.#tell({ at: this.#network.agenda.now, kind: 'fin' });
    } else if (Buffer.isBuffer(got)) {
      this.#receivedBytes += got.length;
      this.#use(got.length);
      this.#note('receives', got);
      this.#tell({ at: this.#network.agenda.now, kind: 'data', bytes: got });
    } else {
      this.#failed(got.code, 'read');
    }
    return true;
  }

  #use(bytes: number): void {
    if (this.#readRate === Infinity) return;
    if (this.#allowance === this.#readRate) {
      this.#network.agenda.after(1, () => {
        this.#allowance = this.#readRate;
        this.#pump();
      });
    }
    this.#allowance -= bytes;
  }

  #failed(code: string, syscall: string, to?: BindAddress): void {
    if (this.#gone || this.#error !== undefined) return;
    this.#error = systemError(errnoOf(code), syscall, to);
    this.#unsent.clear();
    this.#note(syscall === 'connect' ? 'is refused' : 'is reset', undefined, code);
    this.#tell({ at: this.#network.agenda.now, kind: 'reset', code });
  }

  #tell(event: PeerEvent): void {
    this.events.push(event);
    this.onEvent();
  }

  #note(kind: Parameters<SimulatedNetwork['trace']['add']>[1], bytes?: Buffer, detail?: string): void {
    if (!this.#network.trace.keeping) return;
    this.#network.trace.add(this.who, kind, {
      ...(this.#connection === undefined ? {} : { connection: this.#connection }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(detail === undefined ? {} : { detail }),
    });
  }
}
