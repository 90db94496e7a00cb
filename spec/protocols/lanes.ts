// The two ways in which bytes reach a framing operator: chunks of any Observable, and the read window of a poller, which is
// overwritten as soon as it has been read. Whatever holds of one must hold of the other.

import { listen } from 'evio';
import type { Connection, ListenOptions, Server } from 'evio';
import { VirtualTimeScheduler, from } from 'rxjs';
import type { Observable, OperatorFunction } from 'rxjs';

import { codeOf } from '../support/connections.js';
import { VirtualPoller } from '../support/virtual-poller.js';
import type { VirtualStream } from '../support/virtual-poller.js';

export interface Outcome<T> {
  readonly frames: readonly T[];
  /** `complete`, the code of an error, or `open`. */
  readonly end: string;
}

type Framing<T> = OperatorFunction<Uint8Array, T>;

export interface Lane {
  readonly name: string;
  run<T>(framing: Framing<T>, chunks: readonly Uint8Array[]): Outcome<T>;
}

/** A client whose bytes lie in a window, with the server's end of it. */
export class WindowClient {
  readonly connection: Connection;
  readonly server: Server;
  readonly #poller: VirtualPoller;
  readonly #scheduler = new VirtualTimeScheduler();
  readonly #stream: VirtualStream;
  readonly #window = Buffer.alloc(128 * 1024, 0xee);

  constructor(options: ListenOptions = {}) {
    this.#poller = new VirtualPoller(this.#scheduler);
    this.server = listen('tcp://127.0.0.1:0', { ...options, poller: this.#poller });
    let connection: Connection | undefined;
    this.server.connections$.subscribe((one) => (connection = one));
    this.#stream = this.#poller.accept();
    if (connection === undefined) throw new Error('nobody was accepted');
    this.connection = connection;
  }

  /** One chunk, in a turn of its own, in the middle of what others have left in the window. */
  sends(bytes: Uint8Array | string): void {
    const chunk = Buffer.from(bytes);
    const start = 5;
    const end = chunk.copy(this.#window, start) + start;
    this.#poller.turn(() => {
      if (!this.#stream.closed) this.#stream.events?.data(this.#window, start, end, true);
    });
    this.#window.fill(0xee, start, end);
  }

  fin(): void {
    this.settle();
    this.#stream.fin();
    this.settle();
  }

  fails(code: string): void {
    this.#stream.fails(code);
    this.settle();
  }

  /** Whatever has been put off to a later turn happens. */
  settle(): void {
    this.#scheduler.flush();
  }
}

/** Gathers what a stream tells. */
export class Told<T> implements Outcome<T> {
  readonly frames: T[] = [];
  end = 'open';

  constructor(frames$: Observable<T>) {
    frames$.subscribe({
      next: (frame) => this.frames.push(frame),
      error: (error: Error) => (this.end = codeOf(error) ?? ''),
      complete: () => (this.end = 'complete'),
    });
  }

  get outcome(): Outcome<T> {
    return { frames: this.frames, end: this.end };
  }
}

export const lanes: readonly Lane[] = [
  {
    name: 'chunks',
    run: (framing, chunks) => new Told(from(chunks.map((chunk) => Buffer.from(chunk))).pipe(framing)).outcome,
  },
  {
    name: 'window',
    run: (framing, chunks) => {
      const client = new WindowClient();
      const told = new Told(client.connection.data$.pipe(framing));
      for (const chunk of chunks) client.sends(chunk);
      client.fin();
      return told.outcome;
    },
  },
];

/** Whole, one byte at a time, and in two at every place. */
export function* cuts(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes];
  yield [...bytes].map((byte) => Uint8Array.of(byte));
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

/** In pieces of these sizes, over and over. */
export function cutBy(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
