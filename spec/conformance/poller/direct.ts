// A poller without the streams above it: every upward call is written down, and may be answered by the spec.

import type {
  BindOptions,
  ListenerEvents,
  Poller,
  PollerListener,
  PollerStream,
  SocketAddress,
  StreamEvents,
  TurnEvents,
} from 'evio';

import type { Harness, Peer } from '../harness.js';

const OPTIONS: BindOptions = { backlog: 64, reusePort: false, ipv6Only: false, noDelay: true, keepAlive: 0 };

/** One poller of each kind, as in a program; its turns are told to the spec that is running. */
const pollers = new Map<string, { readonly poller: Poller; turns: TurnEvents }>();

function pollerFor(harness: Harness, turns: TurnEvents): Poller {
  let entry = pollers.get(harness.name);
  if (entry === undefined) {
    const made = { poller: harness.createPoller(), turns };
    made.poller.attach({ turnBegin: () => made.turns.turnBegin(), turnEnd: () => made.turns.turnEnd() });
    pollers.set(harness.name, made);
    entry = made;
  }
  entry.turns = turns;
  return entry.poller;
}

/** One poller, one listener, and the journal of what they report. */
export class Direct {
  readonly poller: Poller;
  readonly journal: string[] = [];
  readonly streams: PollerStream[] = [];
  readonly received: Buffer[] = [];
  /** Upward calls outside a turn, or turns inside one another. */
  readonly offences: string[] = [];
  /** By stream number and kind of event, e.g. `0 data`: what the spec does inside it. */
  readonly inside = new Map<string, () => void>();
  readonly flushed: number[] = [];
  address: SocketAddress | undefined;
  #listener: PollerListener | undefined;
  #depth = 0;

  constructor(harness: Harness) {
    this.poller = pollerFor(harness, {
      turnBegin: () => {
        if (this.#depth++ > 0) this.offences.push('a turn inside a turn');
        this.inside.get('turnBegin')?.();
      },
      turnEnd: () => {
        this.inside.get('turnEnd')?.();
        this.#depth -= 1;
      },
    });
  }

  /** A client of the listener. */
  connect(harness: Harness): Promise<Peer> {
    if (this.address === undefined) throw new Error('listen() first');
    return harness.connect(this.address);
  }

  get listener(): PollerListener {
    if (this.#listener === undefined) throw new Error('listen() first');
    return this.#listener;
  }

  async listen(options: Partial<BindOptions> = {}): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const events: ListenerEvents = {
        listening: (address) => {
          this.address = address;
          resolve();
        },
        bindFailed: reject,
        accepted: (stream) => this.#accepted(stream),
        acceptFailed: ({ code }) => this.#note(`acceptFailed ${code}`),
      };
      const address = { family: 'IPv4', address: '127.0.0.1', port: 0 } as const;
      this.#listener = this.poller.listen(address, { ...OPTIONS, ...options }, events);
    });
  }

  /** Ends everything, so that the process may. */
  close(): void {
    this.#listener?.close();
    for (const stream of this.streams) stream.close();
  }

  #note(event: string): void {
    if (this.#depth === 0) this.offences.push(`${event} outside a turn`);
    this.journal.push(event);
    this.inside.get(event.split(' ', 2).join(' '))?.();
  }

  #accepted(stream: PollerStream): StreamEvents {
    const number = this.streams.push(stream) - 1;
    this.received.push(Buffer.alloc(0));
    this.flushed.push(0);
    this.#note(`${number} accepted`);
    return {
      data: (source, start, end) => {
        const bytes = Buffer.from(source.subarray(start, end));
        this.received[number] = Buffer.concat([this.received[number] ?? Buffer.alloc(0), bytes]);
        this.#note(`${number} data`);
      },
      ended: () => this.#note(`${number} ended`),
      flushed: (taken) => {
        this.flushed[number] = (this.flushed[number] ?? 0) + taken;
        this.#note(`${number} flushed`);
      },
      broken: ({ code }) => this.#note(`${number} broken ${code}`),
      failed: ({ code }) => this.#note(`${number} failed ${code}`),
    };
  }
}
