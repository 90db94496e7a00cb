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

export class RealClient {
  /** What reached it, in ms since the beginning. */
  readonly events: WireEvent[] = [];
  readonly #lane: Lane;
  readonly #to: Endpoint;
  readonly #elapsed: () => number;
  readonly #wait: (until: number) => Promise<void>;
  #socket: Socket | undefined;
  #received = 0;

  /**
   * @param elapsed - ms since the beginning
   * @param wait - until so many ms after the beginning
   */
  constructor(lane: Lane, to: Endpoint, elapsed: () => number, wait: (until: number) => Promise<void>) {
    this.#lane = lane;
    this.#to = to;
    this.#elapsed = elapsed;
    this.#wait = wait;
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
      if (this.#elapsed() < marble.at * scale) await this.#wait(marble.at * scale);
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
    const socket = (this.#socket = connect({ ...this.#to, allowHalfOpen: true, noDelay: true }));
    socket.on('data', (bytes) => {
      this.#received += bytes.length;
      this.#note({ at: this.#elapsed(), kind: 'data', bytes });
    });
    socket.on('end', () => this.#note({ at: this.#elapsed(), kind: 'fin' }));
    socket.on('error', () => this.#note({ at: this.#elapsed(), kind: 'reset' }));
  }

  #note(event: WireEvent): void {
    this.events.push(event);
  }

  #do({ kind, bytes }: Marble): void {
    const socket = this.#socket;
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
