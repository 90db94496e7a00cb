// A server on a real poller and one client over loopback, watched from both ends.

import { tap } from 'rxjs';

import { listen } from '../listen.js';
import type { ListenOptions } from '../options.js';
import type { PollerName } from '../poller/poller.js';
import { serveEach } from '../serve-each.js';
import type { Server } from '../server.js';
import { parseLane } from './diagram.js';
import type { Marble, WireValues } from './diagram.js';
import type { WireEvent } from './lane-text.js';
import { quote } from './quote.js';
import { RealClient } from './real-client.js';
import type { TwinProtocol } from './twin-protocol.js';
import type { Lanes } from './wire.js';

/** Ms for which nothing more may come when all has come that was due. */
const QUIET = 30;
/** Ms between two looks at whether it has. */
const LOOK = 4;
/** What only a server knows of itself. */
const NEWS: ReadonlySet<string> = new Set(['connect', 'close']);

export class RealWorld {
  readonly #server: Server;
  readonly #scale: number;
  /** In ms since the beginning. */
  readonly #news: WireEvent[] = [];
  #began = 0;
  #client: RealClient | undefined;
  #failure: Error | undefined;

  private constructor(
    protocol: TwinProtocol,
    poller: 'auto' | PollerName,
    options: ListenOptions,
    scale: number,
  ) {
    this.#scale = scale;
    const server = (this.#server = listen('tcp://127.0.0.1:0', { ...options, poller }));
    server.errors$.subscribe(({ error }) => (this.#failure ??= error));
    server.disconnected$.subscribe(() => this.#news.push({ at: this.#elapsed(), kind: 'close' }));
    server.connections$
      .pipe(
        tap(() => this.#news.push({ at: this.#elapsed(), kind: 'connect' })),
        serveEach((data$, connection) => protocol(data$, connection, (frames) => frames * scale)),
      )
      .subscribe({ error: (error: Error) => (this.#failure ??= error) });
  }

  /** @param scale - ms of one frame */
  static async open(
    protocol: TwinProtocol,
    poller: 'auto' | PollerName,
    options: ListenOptions,
    scale: number,
  ): Promise<RealWorld> {
    const world = new RealWorld(protocol, poller, options, scale);
    await world.#server.ready;
    return world;
  }

  /** Of its poller. */
  get name(): string {
    return this.#server.poller;
  }

  /** What the protocol threw, or the server reported. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Plays the client's lane, and waits for what the server's lane says: until that is there, or too late. */
  async play({ client, server }: Lanes, values: WireValues, tolerance: number): Promise<void> {
    const [address] = this.#server.addresses;
    const lane = parseLane(client, 'client', values);
    const due = parseLane(server, 'server', values);
    const to = { host: '127.0.0.1', port: address?.port ?? 0 };
    this.#client = new RealClient(lane, to, {
      elapsed: () => this.#elapsed(),
      until: (time) => this.#until(time),
      settled: (frame) =>
        this.#settled(
          due.marbles.filter(({ at }) => at < frame),
          tolerance,
        ),
    });
    this.#began = performance.now();
    await this.#client.play(this.#scale);
    const end = Math.max(lane.duration, due.duration) * this.#scale;
    await this.#settled(due.marbles, tolerance);
    await this.#until(Math.max(end, this.#elapsed() + QUIET));
  }

  /** What reached the client, and, of what the server knows alone, what that lane asks for; in frames. */
  eventsFor(server: string, values: WireValues): WireEvent[] {
    const kinds = new Set<string>(parseLane(server, 'server', values).marbles.map(({ kind }) => kind));
    return this.#all()
      .filter(({ kind }) => !NEWS.has(kind) || kinds.has(kind))
      .map((event) => ({ ...event, at: event.at / this.#scale }));
  }

  /** What happened, a line each, with its time in frames. */
  lines(): string[] {
    return this.#all().map(({ at, kind, bytes }) => {
      const who = NEWS.has(kind) ? 'server' : 'client';
      return `${(at / this.#scale).toFixed(1)} frames  ${who} ${WORDS[kind] ?? kind}${bytes === undefined ? '' : ` ${quote(bytes)}`}`;
    });
  }

  /** Leaves no handle open. */
  async close(): Promise<void> {
    await this.#client?.leave();
    await this.#server.close({ timeout: 0 });
    // Handles are gone when the event loop has come round.
    await sleep(1);
  }

  #all(): WireEvent[] {
    return [...(this.#client?.events ?? []), ...this.#news].sort((a, b) => a.at - b.at);
  }

  /** Until all of that has come, or the last of it is too late. */
  async #settled(marbles: readonly Marble[], tolerance: number): Promise<void> {
    const latest = (marbles.at(-1)?.at ?? 0) * this.#scale + tolerance;
    while (this.#elapsed() < latest && !this.#complete(marbles)) await sleep(LOOK);
  }

  #complete(marbles: readonly Marble[]): boolean {
    const bytes = marbles.reduce((sum, marble) => sum + (marble.bytes?.length ?? 0), 0);
    if ((this.#client?.received ?? 0) < bytes) return false;
    const came = new Set(this.#all().map(({ kind }) => kind));
    return marbles.every(({ kind }) => kind === 'data' || came.has(kind));
  }

  #elapsed(): number {
    return performance.now() - this.#began;
  }

  /** Timers of Node's may ring a little early. */
  async #until(time: number): Promise<void> {
    for (let left = time - this.#elapsed(); left > 0; left = time - this.#elapsed())
      await sleep(Math.ceil(left));
  }
}

const WORDS: Readonly<Partial<Record<WireEvent['kind'], string>>> = {
  connect: 'accepts',
  close: 'closed',
  data: 'receives',
  fin: 'receives FIN',
  reset: 'is reset',
};

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
