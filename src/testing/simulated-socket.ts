// One end of a connection as a kernel keeps it: a send buffer, a receive buffer, FIN and RST. What a real kernel does is
// described in tcp(7), send(2), recv(2), shutdown(2) and close(2); where this differs from Linux it says so.
//
// Not modelled: acknowledgements (a byte leaves the send buffer when it is sent, not when it has arrived; the news of room
// in a receive buffer takes no time), congestion control, retransmission as such (a link that is down delays).

import { ByteQueue } from './byte-queue.js';
import type { Way } from './link.js';
import type { SocketAddress } from '../poller/poller.js';

/** What a kernel gives a socket, in bytes. */
export interface BufferSizes {
  readonly send: number;
  readonly receive: number;
}

/** Who is told that something about a socket may have changed. */
export interface SocketOwner {
  changed(): void;
}

const NOBODY: SocketOwner = { changed() {} };

/** What came of reading: bytes, nothing yet, the end, or the code of an error. */
export type Received = Buffer | 'nothing' | 'end' | { readonly code: string };
/** What came of writing: how many bytes were taken, or the code of an error. */
export type Sent = number | { readonly code: string };

export class SimulatedSocket {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** The number of the connection: the same at both ends. */
  readonly connection: number;
  /** On the way to the other end. Not for the other end to use. */
  readonly way: Way;
  owner: SocketOwner = NOBODY;
  /** Set once, by whoever makes the pair. */
  peer: SimulatedSocket | undefined;
  readonly #sizes: BufferSizes;
  readonly #toSend = new ByteQueue();
  readonly #received = new ByteQueue();
  /** Sent, and not arrived. */
  #inFlight = 0;
  #finWanted = false;
  #finSent = false;
  #peerEnded = false;
  /** As Linux has it, FIN is read before the error that came behind it. */
  #endRead = false;
  /** To be told once, by whatever is called next. */
  #error: string | undefined;
  /** RST has been sent or has come: nothing goes either way any more. */
  #dead = false;
  #closed = false;

  constructor(
    connection: number,
    ends: { readonly local: SocketAddress; readonly remote: SocketAddress },
    way: Way,
    sizes: BufferSizes,
  ) {
    this.connection = connection;
    this.local = ends.local;
    this.remote = ends.remote;
    this.way = way;
    this.#sizes = sizes;
  }

  /** Bytes that have arrived and have not been read. */
  get unread(): number {
    return this.#received.length;
  }

  /** Bytes in the send buffer. */
  get unsent(): number {
    return this.#toSend.length;
  }

  /** The end, or an error, is known: reading finds it behind what is unread. */
  get hungUp(): boolean {
    return this.#peerEnded || this.#dead;
  }

  get hasError(): boolean {
    return this.#error !== undefined;
  }

  /** Whether `send` would take a byte, or fail. */
  get writable(): boolean {
    return this.#dead || this.#toSend.length < this.#sizes.send;
  }

  /** Nothing is under way, or waits to be. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.#toSend.length === 0;
  }

  receive(most: number): Received {
    if (this.#received.length > 0) {
      const bytes = this.#received.take(most);
      this.peer?.transmit(); // there is room now
      return bytes;
    }
    if (this.#peerEnded && !this.#endRead) {
      this.#endRead = true;
      return 'end';
    }
    if (this.#error !== undefined) return this.#takeError();
    return this.#peerEnded || this.#dead ? 'end' : 'nothing';
  }

  #takeError(): { readonly code: string } {
    const code = this.#error ?? 'ECONNRESET';
    this.#error = undefined;
    return { code };
  }

  /** Takes as much as there is room for: 0 stands for EAGAIN. */
  send(bytes: Uint8Array, start: number, end: number): Sent {
    if (this.#error !== undefined) return this.#takeError();
    if (this.#dead || this.#finWanted) return { code: 'EPIPE' };
    let at = start;
    while (at < end && !this.#dead) {
      const next = Math.min(end, at + this.#sizes.send - this.#toSend.length);
      if (next <= at) break;
      this.#toSend.push(Buffer.from(bytes.subarray(at, next)));
      at = next;
      this.transmit(); // what leaves at once makes room for more
    }
    return at - start;
  }

  /** FIN behind what has been sent. */
  shutdown(): void {
    if (this.#finWanted || this.#dead) return;
    this.#finWanted = true;
    this.transmit();
  }

  /** What was sent still arrives, and FIN behind it; but bytes that nobody has read make it a reset. */
  close(): void {
    if (this.#closed) return;
    if (this.#received.length > 0 && !this.#dead) {
      this.reset();
      return;
    }
    this.#closed = true;
    this.owner = NOBODY;
    this.shutdown();
  }

  /** Drops everything, and tells the peer. */
  reset(): void {
    if (!this.#closed) this.owner = NOBODY;
    this.#closed = true;
    this.#received.clear();
    if (this.#dead) return;
    this.#sendReset();
  }

  #sendReset(): void {
    this.#dead = true;
    this.#toSend.clear();
    const { peer } = this;
    this.way.send(0, () => peer?.resetArrives());
  }

  /** Sends what the peer has room for, and FIN when everything has been sent. */
  transmit(): void {
    const { peer } = this;
    if (peer === undefined) return;
    while (this.#toSend.length > 0 && !this.#dead) {
      const room = peer.#sizes.receive - peer.#received.length - this.#inFlight;
      if (room <= 0) return;
      const bytes = this.#toSend.take(Math.min(room, this.way.segment));
      this.#inFlight += bytes.length;
      this.way.send(bytes.length, () => {
        this.#inFlight -= bytes.length;
        peer.#arrives(bytes);
      });
      if (!this.#closed) this.owner.changed(); // there is room in the send buffer
    }
    if (!this.#finWanted || this.#finSent || this.#dead) return;
    this.#finSent = true;
    this.way.send(0, () => peer.#finArrives());
  }

  #arrives(bytes: Buffer): void {
    if (this.#dead) return;
    if (this.#closed) {
      // Nobody is there to read it.
      this.#sendReset();
      return;
    }
    this.#received.push(bytes);
    this.owner.changed();
  }

  #finArrives(): void {
    if (this.#dead) return;
    this.#peerEnded = true;
    this.owner.changed();
  }

  /** As Linux has it: ECONNRESET, or EPIPE once the peer's FIN was there; what has arrived before can still be read. */
  resetArrives(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#toSend.clear();
    this.#error = this.#peerEnded ? 'EPIPE' : 'ECONNRESET';
    this.owner.changed();
  }
}
