// What the conformance suite is written against: a poller, scripted peers and a clock, and nothing else of the world. A
// spec in `streams` or `poller` that names a socket, a timer or a process would not run on a simulated poller; what
// needs a real operating system is in `system`, what needs a real program in `tools`.

import type { Connection, ListenOptions, Poller, Server, SocketAddress } from 'evio';

import type { PollerUnderTest } from '../support/pollers.js';

/** The pollers of this machine, and the one that needs none. */
export type HarnessName = PollerUnderTest | 'simulated';

/** How a connection looked from the outside when it was over. */
export interface PeerOutcome {
  readonly received: Buffer;
  /** FIN arrived. */
  readonly ended: boolean;
  readonly error?: NodeJS.ErrnoException;
}

/** A scripted client: it does what it is told, when it is told, and remembers what it got. It reads until told otherwise. */
export interface Peer {
  readonly received: Buffer;
  readonly receivedBytes: number;
  /** FIN or an error has come, or it has gone itself. */
  readonly isOver: boolean;
  /** The bytes that it was told to send and that nobody has taken: the other side pushes back. */
  readonly unsent: number;
  /** Of its own end. */
  readonly port: number;
  send(bytes: Uint8Array | string): void;
  /** FIN, after the bytes if there are any. It goes on reading. */
  fin(bytes?: Uint8Array | string): void;
  /** RST. */
  reset(): void;
  /** Goes without a word: FIN, and RST for what comes later. */
  destroy(): void;
  stopReading(): void;
  readAgain(): void;
  /** Waits until the condition holds of this peer; the spec's own time-out ends a wait in vain. */
  until(condition: (peer: Peer) => boolean): Promise<void>;
  /** Waits for these very bytes, first of all. */
  receives(bytes: string | Uint8Array): Promise<void>;
  /** Waits for FIN or an error. */
  over(): Promise<PeerOutcome>;
}

export interface Pair {
  readonly peer: Peer;
  readonly connection: Connection;
}

export interface Clock {
  /** Lets that many milliseconds pass, and everything happen that is due. */
  advance(milliseconds: number): Promise<void>;
}

/** One world for one spec. */
export interface Harness {
  /** In titles. */
  readonly name: HarnessName;
  /** For `listen()`. */
  readonly poller: PollerUnderTest | Poller;
  readonly clock: Clock;
  /** A poller of that kind without streams above it. */
  createPoller(): Poller;
  /** A server that is ready; it goes with the spec. */
  listening(options?: ListenOptions, address?: string): Promise<Server>;
  /** A client, connected; it goes with the spec. Rejects when nobody listens. */
  connect(to: Server | SocketAddress): Promise<Peer>;
  /** A client and the server's end of it. Not twice at the same time: both would get the first. */
  pair(server: Server): Promise<Pair>;
  /** One after the other, so that each peer's connection is its own. */
  pairs(server: Server, count: number): Promise<Pair[]>;
  /** Everything that is on its way arrives. For showing that nothing happens. */
  settle(): Promise<void>;
  /** The poller takes a few turns: what was going to happen by itself has happened. */
  turns(count?: number): Promise<void>;
  /** Waits until it holds; the spec's own time-out ends a wait in vain. */
  until(condition: () => boolean): Promise<void>;
  /** Waits until what is sampled does not change any more, and gives it back. */
  steady(sample: () => number): Promise<number>;
  /** Ends what the spec has opened. */
  close(): Promise<void>;
}
