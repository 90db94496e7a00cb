// The client's lane of a wire diagram, played by a socket of the operating system in real time.

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import type { Lane, Marble } from './diagram.js';
import type { WireEvent } from './lane-text.js';

/** Where it connects to. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** With a mark of 1 Node holds one chunk at most while it is paused, and hears of a reset behind it when it reads again. */
const OPTIONS = { allowHalfOpen: true, noDelay: true, highWaterMark: 1 };
/** Ms between two tries to find out about a reset. */
const PROBE = 4;

/** The time of the real world. */
export interface RealTime {
  /** Ms since the beginning. */
  elapsed(): number;
  /** Until so many ms after the beginning. */
  until(time: number): Promise<void>;
  /** Until what was due before that frame has come, or is too late. */
  settled(frame: number): Promise<void>;
}

/** All else waits for what is due before it: on a busy machine that may still be on its way. */
const AT_ONCE: ReadonlySet<Marble['kind']> = new Set<Marble['kind']>(['connect', 'go']);

export class RealClient {
  /** What reached it, in ms since the beginning. */
  readonly events: WireEvent[] = [];
  readonly #lane: Lane;
  readonly #to: Endpoint;
  readonly #time: RealTime;
  #probe: NodeJS.Timeout | undefined;
  #socket: Socket | undefined;
  #received = 0;
  /** A reset was found by looking for it, not by what the lane writes. */
  #probed = false;
  /** What has come since it stopped reading: Node may hear of it, but who does not look does not see it. */
  #unseen: WireEvent['kind'][] | undefined;

  constructor(lane: Lane, to: Endpoint, time: RealTime) {
    this.#lane = lane;
    this.#to = to;
    this.#time = time;
  }

  /** How many bytes have come. */
  get received(): number {
    return this.#received;
  }

  /** @param scale - ms of one frame */
  async play(scale: number): Promise<void> {
    const { marbles } = this.#lane;
    if (!marbles.some(({ kind }) => kind === 'connect')) this.#connect();
    for (const marble of marbles) {
      if (this.#time.elapsed() < marble.at * scale) await this.#time.until(marble.at * scale);
      if (!AT_ONCE.has(marble.kind)) await this.#time.settled(marble.at);
      this.#do(marble);
    }
  }

  /** Goes, if it is still there, and waits for its handle to be closed. */
  async leave(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined || socket.closed) return;
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
  }

  #connect(): void {
    const socket = (this.#socket = connect({ ...this.#to, ...OPTIONS }));
    socket.on('data', (bytes) => {
      this.#received += bytes.length;
      this.#note('data', bytes);
    });
    socket.on('end', () => {
      // A reset right behind the last bytes is an end for libuv too; EPIPE means that there was a FIN before it.
      this.#lookForReset(socket);
      const error: NodeJS.ErrnoException | null = socket.errored;
      if (error === null || error.code === 'EPIPE') this.#hear('fin');
      this.#probe = setInterval(() => this.#lookForReset(socket), PROBE);
    });
    socket.on('error', ({ syscall }: NodeJS.ErrnoException) => {
      if (syscall === 'read' || this.#probed) this.#hear('reset');
      else this.#note('reset');
    });
    socket.on('close', () => clearInterval(this.#probe));
  }

  /** Behind the end of its input Node reads no more, and so hears of no reset; a write of nothing does. */
  #lookForReset(socket: Socket): void {
    if (socket.writableEnded || socket.destroyed) return;
    socket.write('');
    this.#probed = socket.errored !== null;
  }

  /** Ends of the connection. */
  #hear(kind: 'fin' | 'reset'): void {
    if (this.#unseen === undefined) this.#note(kind);
    else this.#unseen.push(kind);
  }

  /** What nobody has looked at is seen now: all of it by who reads, a reset by who writes. */
  #see(kinds: readonly WireEvent['kind'][]): void {
    for (const kind of this.#unseen ?? []) if (kinds.includes(kind)) this.#note(kind);
    this.#unseen = this.#unseen?.filter((kind) => !kinds.includes(kind));
  }

  #note(kind: WireEvent['kind'], bytes?: Buffer): void {
    this.events.push({ at: this.#time.elapsed(), kind, ...(bytes === undefined ? {} : { bytes }) });
  }

  #do({ kind, bytes }: Marble): void {
    const socket = this.#socket;
    if (kind === 'data') this.#see(['reset']);
    else if (kind === 'stop') this.#unseen = [];
    else if (kind === 'go') {
      this.#see(['fin', 'reset']);
      this.#unseen = undefined;
    }
    if (kind === 'connect') this.#connect();
    else if (socket === undefined || socket.destroyed) return;
    else if (kind === 'data') socket.write(bytes as Buffer);
    else if (kind === 'fin') socket.end();
    else if (kind === 'reset') reset(socket);
    else if (kind === 'close') socket.destroy();
    else if (kind === 'stop') socket.pause();
    else socket.resume();
  }
}

/** While its FIN is on the way to the kernel, libuv refuses to reset a socket. */
function reset(socket: Socket): void {
  const shutting = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (shutting) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}
