// A `serve` under test: on port 0 of loopback, with callbacks that keep a record, and gone when the spec is over.

import { serve } from 'evio';
import type { Accept, ClosedCallback, Handle, ListenOptions, Reply, Ticker } from 'evio';

import { listeningPorts } from '../support/listening-ports.js';
import { Peer } from '../support/peer.js';
import type { PollerUnderTest } from '../support/pollers.js';

/** What a spec wants to differ. A callback left out answers what keeps everything going; `null` is handed to `serve`. */
export interface Script<C> {
  readonly net?: string;
  readonly addr?: string;
  readonly handle?: Handle<C> | null;
  readonly accept?: Accept<C> | null;
  readonly closed?: ClosedCallback<C> | null;
  readonly ticker?: Ticker<C> | null;
  readonly ctx?: C;
  readonly options?: ListenOptions;
}

const open = new Set<Serving>();

/** For an `afterEach`. */
export async function stopServings(): Promise<void> {
  await Promise.all([...open].map((serving) => serving.stop()));
}

export class Serving {
  /** What was called, in order, as text: `accept 1`, `handle 1 text`, `closed 1`, `closed 1 ECONNRESET`. */
  readonly calls: string[] = [];
  /** How often the ticker was called. */
  ticks = 0;
  /** Every ctx that a callback was given. */
  readonly contexts = new Set<unknown>();
  /** What `accept` was told, by id. */
  readonly addrs = new Map<number, string>();
  readonly wakes = new Map<number, () => void>();
  /** What `closed` was told, by id. */
  readonly errors = new Map<number, Error | undefined>();
  /** Whether a callback was ever called inside another. */
  nested = false;
  port = 0;
  readonly done: Promise<void>;
  readonly #abort = new AbortController();
  #depth = 0;
  #waiting: (() => void)[] = [];

  private constructor(start: (serving: Serving, signal: AbortSignal) => Promise<void>) {
    this.done = start(this, this.#abort.signal);
  }

  /** Serves and waits until it listens, or is over; how it ended tells `done`. */
  static async start<C>(poller: PollerUnderTest, script: Script<C> = {}): Promise<Serving> {
    const before = listeningPorts();
    const serving = new Serving((self, signal) => call(self, poller, signal, script));
    open.add(serving);
    const forget = (): void => void open.delete(serving);
    serving.done.then(forget, forget);
    while (open.has(serving) && serving.port === 0 && script.net?.startsWith('unix') !== true) {
      await new Promise(setImmediate);
      serving.port = [...listeningPorts()].find(([inode]) => !before.has(inode))?.[1] ?? 0;
    }
    return serving;
  }

  connect(host = '127.0.0.1'): Promise<Peer> {
    return Peer.toPort(this.port, host);
  }

  /** Records a call, and calls the script. */
  record<T>(text: string | undefined, callback: () => T): T {
    if (text !== undefined) this.calls.push(text);
    this.nested ||= this.#depth > 0;
    this.#depth += 1;
    try {
      return callback();
    } finally {
      this.#depth -= 1;
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  /** Waits until it holds; looked at after every call of a callback. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  /** Waits for a call. */
  called(text: string): Promise<void> {
    return this.until(() => this.calls.includes(text));
  }

  abort(): void {
    this.#abort.abort();
  }

  async stop(): Promise<void> {
    this.abort();
    await this.done.catch(() => {});
  }
}

const STAY: Reply = [undefined, true];

function call<C>(
  serving: Serving,
  poller: PollerUnderTest,
  signal: AbortSignal,
  script: Script<C>,
): Promise<void> {
  const { net = 'tcp', addr = '127.0.0.1:0' } = script;
  const options = { poller, signal, ...script.options };
  const { handle, accept, closed, ticker } = recorded(serving, script);
  return serve(net, addr, handle, accept, closed, ticker, script.ctx as C, options);
}

function recorded<C>(serving: Serving, script: Script<C>): Callbacks<C> {
  const { handle = (_id: number, data: Buffer): Reply => [data, true], accept = () => STAY } = script;
  const { closed = () => {}, ticker = () => true } = script;
  const saw = (ctx: C): void => void serving.contexts.add(ctx);
  return {
    handle:
      handle === null
        ? null
        : (id, data, ctx) => {
            saw(ctx);
            return serving.record(`handle ${id} ${data.toString('latin1')}`, () => handle(id, data, ctx));
          },
    accept:
      accept === null
        ? null
        : (id, addr, wake, ctx) => {
            saw(ctx);
            serving.addrs.set(id, addr);
            serving.wakes.set(id, wake);
            return serving.record(`accept ${id}`, () => accept(id, addr, wake, ctx));
          },
    closed:
      closed === null
        ? null
        : (id, err, ctx) => {
            saw(ctx);
            serving.errors.set(id, err);
            const text = `closed ${id}${err === undefined ? '' : ` ${nameOf(err)}`}`;
            return serving.record(text, () => closed(id, err, ctx));
          },
    ticker:
      ticker === null
        ? null
        : (ctx) => {
            saw(ctx);
            serving.ticks += 1;
            return serving.record(undefined, () => ticker(ctx));
          },
  };
}

interface Callbacks<C> {
  readonly handle: Handle<C> | null;
  readonly accept: Accept<C> | null;
  readonly closed: ClosedCallback<C> | null;
  readonly ticker: Ticker<C> | null;
}

function nameOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
