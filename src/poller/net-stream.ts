// A stream of the poller `net`: one socket of Node's. What it cannot do as the contract has it stands at the head of net.ts.

import type { Socket } from 'node:net';

import { errnoOf, systemError } from '../errors.js';
import { socketAddress } from '../socket-address.js';
import { openStreams } from './open-streams.js';
import { isLent } from '../window.js';
import type { PollerStream, SocketAddress, StreamEvents } from './poller.js';
import type { Turns } from './turns.js';

const NO_BYTES = Buffer.alloc(0);

/** What fits into sun_path with its zero; Windows has pipes instead. */
const LONGEST_PATH = process.platform === 'win32' ? Infinity : process.platform === 'linux' ? 107 : 103;

/** Before version 24 Node cuts such paths without a word. */
export function pathTooLong(path: string): boolean {
  return Buffer.byteLength(path) > LONGEST_PATH;
}

/** Node's options for so many milliseconds; 0 is off. */
export function keepAliveOf(milliseconds: number): { keepAlive: boolean; keepAliveInitialDelay: number } {
  // Node cuts this to whole seconds, and the kernel refuses 0.
  return { keepAlive: milliseconds > 0, keepAliveInitialDelay: Math.ceil(milliseconds / 1000) * 1000 };
}

export class NetStream implements PollerStream {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #turns: Turns;
  readonly #socket: Socket;
  #events: StreamEvents | undefined;
  /** Closed, reset or failed: whatever comes now is nobody's. */
  #gone = false;
  /** Came before there was somebody to tell. */
  #failure: NodeJS.ErrnoException | undefined;
  #corked = false;
  /** Written and not yet reported as flushed. */
  #owed = 0;
  #flushing = false;
  /** The same function for every write, which lets Node merge the calls. It comes at any time, so it reports later. */
  readonly #onTaken = (): void => {
    if (this.#flushing || this.#gone) return;
    this.#flushing = true;
    this.#turns.later(() => this.#reportFlushed());
  };

  /** @param known - the ends that Node may not know: of unix sockets. */
  constructor(turns: Turns, socket: Socket, known: { local?: SocketAddress; remote?: SocketAddress }) {
    this.#turns = turns;
    this.#socket = socket;
    this.local = localAddress(socket) ?? known.local ?? socketAddress('unix', '');
    this.remote = known.remote ?? remoteAddress(socket, this.local.family);
    socket.on('data', (chunk: Buffer) => {
      turns.turn(() => {
        if (chunk.length > 0) this.#events?.data(chunk, 0, chunk.length, false);
      });
    });
    socket.on('end', () => this.#onEnd());
    // Stays for ever: an error without a listener would end the process.
    socket.on('error', (error) => this.#onError(error));
    socket.on('close', () => this.#onClose());
  }

  /** Finds out who gets the events. */
  announce(ask: () => StreamEvents): void {
    let events;
    try {
      events = ask();
    } catch (error) {
      this.close(); // it has no owner who could
      throw error;
    }
    if (this.#gone) return;
    this.#events = events;
    openStreams.add(1);
    if (this.#failure !== undefined) this.#onError(this.#failure);
  }

  read(on: boolean): void {
    if (this.#gone) return;
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  write(source: Uint8Array, start: number, end: number): void {
    if (this.#gone || start >= end || this.#socket.writableEnded) return;
    const bytes = start === 0 && end === source.length ? source : source.subarray(start, end);
    this.#owed += bytes.length;
    if (!this.#corked && this.#turns.gather(this)) {
      this.#corked = true;
      this.#socket.cork();
    }
    this.#socket.write(isLent(source) ? Buffer.from(bytes) : bytes, this.#onTaken);
  }

  queued(): number {
    if (this.#gone) return 0;
    this.send();
    return this.#socket.writableLength;
  }

  shutdown(): void {
    if (!this.#gone) this.#socket.end();
  }

  close(): void {
    if (this.#gone) return;
    // What this turn has written goes to the kernel first, as far as that takes it.
    this.send();
    this.#leave();
    this.#socket.destroy();
  }

  reset(): void {
    if (this.#gone) return;
    this.#leave();
    const socket = this.#socket;
    if (this.local.family === 'unix') return void socket.destroy();
    // While its FIN is on the way to the kernel libuv refuses to reset a socket, and Node would forget the descriptor.
    const shutting = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
    if (shutting) socket.once('finish', () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
  }

  /** Gives Node what the turn has written so far. */
  send(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  #leave(): void {
    if (this.#events !== undefined) openStreams.add(-1);
    this.#gone = true;
    this.#events = undefined;
  }

  #reportFlushed(): void {
    this.#flushing = false;
    // An error also takes bytes off Node's count; it is about to be reported.
    if (this.#socket.errored !== null) return;
    const taken = this.#owed - this.#socket.writableLength;
    this.#owed -= taken;
    if (taken > 0) this.#events?.flushed(taken);
  }

  /** When a reset comes right behind the last bytes, libuv calls it the end. A write of nothing brings the error out. */
  #onEnd(): void {
    const socket = this.#socket;
    if (!socket.writableEnded && this.local.family !== 'unix') socket.write(NO_BYTES);
    const error: NodeJS.ErrnoException | null = socket.errored;
    // EPIPE means that there was a FIN, and a reset after it: the end is reported, and the failure follows.
    if (error === null || error.code === 'EPIPE') this.#turns.turn(() => this.#events?.ended());
  }

  #onError(error: NodeJS.ErrnoException): void {
    if (this.#gone) return;
    this.#failure = error;
    if (this.#events === undefined) return;
    this.#turns.turn(() => {
      const events = this.#events;
      this.#leave();
      this.#socket.destroy();
      events?.failed(error);
    });
  }

  #onClose(): void {
    // Node closes by itself what has ended in both directions.
    if (this.#socket.readableEnded && this.#socket.writableFinished) return;
    if (this.#failure === undefined) this.#onError(systemError(errnoOf('ECONNRESET'), 'read'));
  }
}

function localAddress(socket: Socket): SocketAddress | undefined {
  const { localFamily, localAddress: address, localPort } = socket;
  if (address === undefined) return undefined;
  return socketAddress(localFamily === 'IPv6' ? 'IPv6' : 'IPv4', address, localPort);
}

function remoteAddress(socket: Socket, family: SocketAddress['family']): SocketAddress {
  const { remoteFamily, remoteAddress: address, remotePort } = socket;
  if (family === 'unix') return socketAddress('unix', '');
  // A peer that has reset already has no address any more: the unspecified one stands for it.
  if (address === undefined) return socketAddress(family, family === 'IPv6' ? '::' : '0.0.0.0', 0);
  return socketAddress(remoteFamily === 'IPv6' ? 'IPv6' : 'IPv4', address, remotePort);
}
