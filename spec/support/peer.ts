// A scripted peer: one TCP or unix client that does what it is told and remembers what it got.

import { once } from 'node:events';
import { connect } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';

import type { Peer as ScriptedPeer, PeerOutcome } from '../conformance/harness.js';

const opened = new Set<Peer>();

/** For an `afterEach`: no peer outlives its spec. */
export function destroyPeers(): void {
  for (const peer of opened) peer.destroy();
  opened.clear();
}

export class Peer implements ScriptedPeer {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #receivedBytes = 0;
  #ended = false;
  #error: NodeJS.ErrnoException | undefined;
  #changed: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#receivedBytes += chunk.length;
      this.#changed();
    });
    socket.on('end', () => {
      this.#ended = !this.#wasReset();
      this.#changed();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Behind the end it says only that nobody reads any more.
      if (!this.#ended || error.code !== 'EPIPE') this.#error = error;
      this.#changed();
    });
    socket.on('close', () => this.#changed());
  }

  /** When RST comes right behind the last bytes, libuv calls it the end. A write of nothing brings the error out. */
  #wasReset(): boolean {
    const { socket } = this;
    const isTcp = socket.localPort !== undefined;
    if (isTcp && !socket.writableEnded) socket.write('');
    const error: NodeJS.ErrnoException | null = socket.errored;
    return error?.code === 'ECONNRESET';
  }

  /** Connects; half-open is allowed unless told otherwise, so that the script alone decides when FIN is sent. */
  static async connect(to: NetConnectOpts, options: { allowHalfOpen?: boolean } = {}): Promise<Peer> {
    const socket = connect({ allowHalfOpen: true, ...options, ...to });
    const peer = new Peer(socket);
    opened.add(peer);
    socket.once('close', () => opened.delete(peer));
    await once(socket, 'connect');
    return peer;
  }

  static toPort(port: number, host = '127.0.0.1'): Promise<Peer> {
    return Peer.connect({ port, host });
  }

  get received(): Buffer {
    // In one piece from now on: the next who asks gets it for nothing.
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get unsent(): number {
    return this.socket.writableLength;
  }

  get port(): number {
    return this.socket.localPort ?? 0;
  }

  send(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }

  /** FIN, after the bytes if there are any. */
  fin(bytes?: Uint8Array | string): void {
    if (bytes === undefined) this.socket.end();
    else this.socket.end(bytes);
  }

  /** RST. */
  reset(): void {
    const { socket } = this;
    // While its FIN is on the way to the kernel libuv refuses to reset a socket, and Node would forget the descriptor.
    const shutting = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
    if (shutting) socket.once('finish', () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  stopReading(): void {
    this.socket.pause();
  }

  readAgain(): void {
    this.socket.resume();
  }

  /** Waits until the condition holds of this peer; the spec's own time-out ends a wait in vain. */
  async until(condition: (peer: Peer) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async receives(text: string | Uint8Array): Promise<void> {
    const wanted = Buffer.from(text);
    await this.until(() => this.receivedBytes >= wanted.length || this.isOver);
    if (!this.received.subarray(0, wanted.length).equals(wanted)) {
      throw new Error(`expected ${describe(wanted)}, received ${describe(this.received)}`);
    }
  }

  get isOver(): boolean {
    return this.#ended || this.#error !== undefined || this.socket.destroyed;
  }

  /** Waits for FIN or an error. */
  async over(): Promise<PeerOutcome> {
    await this.until(() => this.isOver);
    const outcome = { received: this.received, ended: this.#ended };
    return this.#error === undefined ? outcome : { ...outcome, error: this.#error };
  }
}

function describe(bytes: Buffer): string {
  return bytes.length > 100 ? `${bytes.length} bytes` : JSON.stringify(bytes.toString('latin1'));
}
