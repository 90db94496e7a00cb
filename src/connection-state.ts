// What the halves of a connection share: its state, what its server is to it, and what only some connections need.

import type { Observable, Subscriber } from 'rxjs';

import type { Bytes } from './bytes.js';
import type { Closed, Connection } from './connection.js';
import type { Engine } from './engine.js';
import type { Sink } from './input.js';
import type { ConnectionLimits } from './options.js';
import type { Supplier } from './pipe.js';
import type { Timeouts } from './timeouts.js';

/** A connection, as its server is told of it. */
export interface Hosted {
  readonly id: number;
}

/** What all connections of one server share. */
export interface ConnectionHost {
  readonly engine: Engine;
  readonly limits: ConnectionLimits;
  /** Somebody subscribes to the input of every connection. */
  readonly wantsInput: boolean;
  /** What its connections send are answers to what they get, so that output which waits is a reason not to read. */
  readonly answering: boolean;
  /** An event is about to be handled. */
  beforeEvent(): void;
  received(connection: Hosted, data: Buffer): void;
  disconnected(connection: Hosted, error: Error | undefined): void;
  report(error: Error, connection: Connection): void;
}

// A connection's state, one bit each, so that an idle connection is a small object.
export const PEER_ENDED = 1; // the poller has reported the end of input
export const INPUT_DONE = 2; // data$ has completed
export const OUTPUT_ENDED = 4; // end() was called: nothing more is written
export const SHUT_DOWN = 8; // the poller was told to send FIN
export const CLOSED = 16;
export const PAUSED = 32; // by the user
export const CONGESTED = 64; // more than highWaterMark is queued
export const READING = 128; // as the poller was told
export const WOKEN = 256;
export const DEFERRED = 512; // in the engine's list for the next turn
export const MISUSED = 1024; // a write after end() has been reported
export const BROKEN = 2048; // output is lost
export const FED = 4096; // an observable writes through next() and will complete()
export const END_DUE = 8192; // the input has ended, and nobody owns the output
export const HELD = 16_384; // by work in flight: somebody will want more
export const PIPED = 65_536; // what comes in goes out elsewhere
export const UNHEARD = 32_768; // the input has ended while nobody subscribed
export const ECHOING = 131_072; // what comes in goes out again
export const CUT_SHORT = 262_144; // data$ has completed before the end of what the peer sends
export const DRAINING = 524_288; // the server closes, and waits for the pipes
export const KEEPING = 1_048_576; // as the poller was told: large input is kept by all who get it

/** What only some connections need, made when it is needed. */
export class Extra {
  closed$: Observable<Closed> | undefined;
  drained$: Observable<void> | undefined;
  send: ((bytes: Bytes) => Observable<void>) | undefined;
  /** Read and not delivered, or given back. */
  kept: Buffer[] | undefined;
  closedCallbacks: readonly ((outcome: Closed) => void)[] | undefined;
  drainedSubscribers: readonly Subscriber<void>[] | undefined;
  /** Sends that wait, in order: each until the kernel has taken that many bytes. */
  sends: { readonly until: number; readonly subscriber: Subscriber<void> }[] | undefined;
  /** Subscribers of data$ who are about to be told of its end. */
  completing: Sink<Buffer>[] | undefined;
  holds: number | undefined;
  /** Observables other than its own input that feed the connection and will end it. */
  owners: number | undefined;
  pipes: number | undefined;
  /** Pipes whose output this is, and that have not ended. */
  suppliers: Set<Supplier> | undefined;
  corks: number | undefined;
  /** Written since `cork`, and its length. */
  corked: Uint8Array[] | undefined;
  corkedBytes: number | undefined;
  timeouts: Timeouts | undefined;
  /** The connection failed while kept bytes were still to be delivered. */
  failure: Error | undefined;
  /** Why it is gone, if not on purpose. */
  endedBy: Error | undefined;
}
