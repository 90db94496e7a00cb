// What specs do with connections: make a pair, gather input, keep a journal of ends, wait.

import type { Connection, Server } from 'evio';
import { firstValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';

import { Peer } from './peer.js';

export interface Pair {
  readonly peer: Peer;
  readonly connection: Connection;
}

/** One more client of the server, and the server's end of it. Not twice at the same time: both would get the first. */
export async function pair(server: Server): Promise<Pair> {
  const accepted = firstValueFrom(server.connections$);
  const peer = await connectTo(server);
  return { peer, connection: await accepted };
}

/** One after the other, so that each peer's connection is its own. */
export async function pairs(server: Server, count: number): Promise<Pair[]> {
  const made: Pair[] = [];
  while (made.length < count) made.push(await pair(server));
  return made;
}

/** A client of the server's first address, whatever its family. */
export function connectTo(server: Server): Promise<Peer> {
  const [to] = server.addresses;
  if (to === undefined) throw new Error('the server is not bound');
  return to.port === undefined
    ? Peer.connect({ path: to.address })
    : Peer.connect({ host: to.address, port: to.port });
}

/** Every value, in an array that grows. */
export function valuesOf<T>(source$: Observable<T>): T[] {
  const values: T[] = [];
  source$.subscribe((value) => values.push(value));
  return values;
}

/** Input as it comes; `until` waits for a number of bytes, `ended` for the end. */
export class Inbox {
  readonly chunks: Buffer[] = [];
  readonly ended: Promise<void>;
  readonly unsubscribe: () => void;
  bytes = 0;
  #changed: () => void = () => {};

  constructor(data$: Observable<Buffer>, onData?: (data: Buffer) => void) {
    let end: () => void = () => {};
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    const subscription = data$.subscribe({
      next: (data) => {
        this.chunks.push(data);
        this.bytes += data.length;
        onData?.(data);
        this.#changed();
      },
      complete: () => end(),
    });
    this.unsubscribe = () => subscription.unsubscribe();
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  async until(bytes: number): Promise<void> {
    while (this.bytes < bytes) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

/** The journal of one connection's end; give it to `expectOneEnd` when it is over. */
export interface Journal {
  readonly events: string[];
  readonly errors: (Error | undefined)[];
  /** Resolves with `disconnected$`. */
  readonly over: Promise<void>;
}

/** Writes down what a connection's streams tell of its end; subscribing to data$ reads. */
export function journalOf(
  server: Server,
  connection: Connection,
  options: { reading?: boolean } = {},
): Journal {
  const events: string[] = [];
  const errors: (Error | undefined)[] = [];
  let over: () => void = () => {};
  const journal = {
    events,
    errors,
    over: new Promise<void>((resolve) => {
      over = resolve;
    }),
  };
  if (options.reading !== false) {
    connection.data$.subscribe({ complete: () => events.push('data$ completes') });
  }
  connection.closed$.subscribe({
    next: ({ error }) => {
      events.push('closed$');
      errors.push(error);
    },
    complete: () => events.push('closed$ completes'),
  });
  server.disconnected$.subscribe((gone) => {
    if (gone.connection !== connection) return;
    events.push('disconnected$');
    errors.push(gone.error);
    over();
  });
  return journal;
}

/** The code of an error, or its message when it has none. */
export function codeOf(error: Error | undefined): string | undefined {
  if (error === undefined) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** Lets the event loop go round a few times: what was going to happen by itself has happened. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

let specsEnded = 0;
if ('afterEach' in globalThis) afterEach(() => void specsEnded++); // the fuzzer has no specs

/**
 * Goes round the event loop until it holds. The spec's own time-out ends a wait in vain, which ends with the hooks behind that
 * spec: it does not keep the event loop busy beside those that follow.
 */
export async function until(condition: () => boolean): Promise<void> {
  const begun = specsEnded;
  while (!condition()) {
    if (specsEnded !== begun) await new Promise<never>(() => {});
    await turns(1);
  }
}

/** Waits until what is sampled has not changed for a while: on loopback, until nothing moves any more. */
export async function steady(sample: () => number, milliseconds = 60): Promise<number> {
  let last = sample();
  for (let quiet = 0; quiet < 3;) {
    await new Promise((resolve) => setTimeout(resolve, milliseconds / 3));
    const now = sample();
    quiet = now === last ? quiet + 1 : 0;
    last = now;
  }
  return last;
}

/** Writes in pieces of `size`. */
export function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
