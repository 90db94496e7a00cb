// A poller without an operating system, for specs of time: its clock and its alarm belong to a virtual scheduler of RxJS,
// its connections are injected. Everything above the seam is the code under test, unchanged.

import type {
  BindAddress,
  BindOptions,
  DialEvents,
  DialOptions,
  ListenerEvents,
  Poller,
  PollerDial,
  PollerListener,
  PollerStream,
  SocketAddress,
  StreamEvents,
  TurnEvents,
} from 'evio';
import type { SchedulerLike, Subscription } from 'rxjs';

/** Who looks at the clock more often than this at one moment of virtual time waits for it to move: it never will. */
const MOST_LOOKS = 10_000;

export class VirtualPoller implements Poller {
  readonly name = 'virtual';
  /** Of all listeners, in the order of `listen()`. */
  readonly listeners: VirtualListener[] = [];
  /** In the order of `connect()`. */
  readonly dials: VirtualDial[] = [];
  /** When the next turn is asked for. */
  alarmAt = Infinity;
  readonly #scheduler: SchedulerLike;
  #turns: TurnEvents | undefined;
  #alarm: Subscription | undefined;
  #inTurn = false;
  #later: (() => void)[] = [];
  #scheduled = false;
  /** What the next `listen()` fails with. */
  refusal: NodeJS.ErrnoException | undefined;
  #skipped = 0;
  #moment = -Infinity;
  #looks = 0;

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
  }

  now(): number {
    const now = this.#scheduler.now() + this.#skipped;
    this.#looks = now === this.#moment ? this.#looks + 1 : 1;
    this.#moment = now;
    if (this.#looks > MOST_LOOKS)
      throw new Error(`somebody waits for time to pass inside a turn, at ${now} ms`);
    return now;
  }

  /** Time that passes inside a turn, as slow user code lets it pass. */
  skip(milliseconds: number): void {
    this.#skipped += milliseconds;
  }

  attach(turns: TurnEvents): void {
    this.#turns = turns;
  }

  alarm(at: number): void {
    if (at === this.alarmAt) return;
    this.#alarm?.unsubscribe();
    this.alarmAt = at;
    if (at === Infinity) return;
    this.#alarm = this.#scheduler.schedule(() => this.#ring(at), Math.max(0, at - this.now()));
  }

  /** The sum `now + (at - now)` may miss `at` by the last bit of a fraction. */
  #ring(at: number): void {
    this.alarmAt = Infinity;
    if (this.now() < at) this.alarm(at);
    else this.turn();
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#scheduler.schedule(() => {
      this.#scheduled = false;
      this.turn();
    });
  }

  /** Reports something in the next turn. */
  later(event: () => void): void {
    this.#later.push(event);
    this.schedule();
  }

  /** One turn with these events; they may inject whatever they like. */
  turn(...events: (() => void)[]): void {
    if (this.#inTurn) throw new Error('turns never nest');
    this.#inTurn = true;
    try {
      this.#turns?.turnBegin();
      for (const event of [...this.#later.splice(0), ...events]) event();
      this.#turns?.turnEnd();
    } finally {
      this.#inTurn = false;
    }
  }

  listen(address: BindAddress, options: BindOptions, events: ListenerEvents): PollerListener {
    const port = address.port === 0 ? 1024 + this.listeners.length : address.port;
    const listener = new VirtualListener(this, socketAddress(port), events, options);
    this.listeners.push(listener);
    if (this.refusal === undefined) events.listening(listener.address);
    else events.bindFailed(this.refusal);
    return listener;
  }

  connect(address: BindAddress, options: DialOptions, events: DialEvents): PollerDial {
    const dial = new VirtualDial(this, address, options, events);
    this.dials.push(dial);
    return dial;
  }

  /** A client of the first listener, in a turn of its own. */
  accept(): VirtualStream {
    const [listener] = this.listeners;
    if (listener === undefined) throw new Error('nobody listens');
    let stream: VirtualStream | undefined;
    this.turn(() => (stream = listener.accepts()));
    if (stream === undefined) throw new Error('nobody accepted');
    return stream;
  }
}

/** A connection that is being made: what comes of it is up to the spec. */
export class VirtualDial implements PollerDial {
  readonly address: BindAddress;
  readonly options: DialOptions;
  aborted = false;
  readonly #poller: VirtualPoller;
  readonly #events: DialEvents;

  constructor(poller: VirtualPoller, address: BindAddress, options: DialOptions, events: DialEvents) {
    this.#poller = poller;
    this.address = address;
    this.options = options;
    this.#events = events;
  }

  abort(): void {
    this.aborted = true;
  }

  /** It is connected, in a turn of its own. */
  succeeds(): VirtualStream {
    const stream = new VirtualStream(this.#poller, socketAddress(50_000), socketAddress(this.address.port));
    this.#poller.turn(() => (stream.events = this.#events.connected(stream)));
    return stream;
  }

  /** It has failed, in a turn of its own. */
  fails(code: string): void {
    const error = Object.assign(new Error(`connect ${code} ${this.address.address}`), { code });
    this.#poller.turn(() => this.#events.connectFailed(error));
  }
}

export class VirtualListener implements PollerListener {
  readonly address: SocketAddress;
  readonly options: BindOptions;
  accepting = false;
  closed = false;
  readonly #poller: VirtualPoller;
  readonly #events: ListenerEvents;
  #clients = 0;

  constructor(poller: VirtualPoller, address: SocketAddress, events: ListenerEvents, options: BindOptions) {
    this.#poller = poller;
    this.address = address;
    this.#events = events;
    this.options = options;
  }

  /** To be called in a turn: a client was accepted, whatever `accepting` says by now. */
  accepts(): VirtualStream {
    const stream = new VirtualStream(this.#poller, this.address, socketAddress(50_000 + this.#clients++));
    stream.events = this.#events.accepted(stream);
    return stream;
  }

  accept(on: boolean): void {
    this.accepting = on;
  }

  close(): void {
    this.closed = true;
  }

  ref(): void {}
}

export class VirtualStream implements PollerStream {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  events: StreamEvents | undefined;
  reading = false;
  shutDown = false;
  closed = false;
  /** The kernel takes what is written. */
  taking = true;
  /** Written, and not taken. */
  #queued = 0;
  readonly #poller: VirtualPoller;
  readonly #written: Buffer[] = [];

  constructor(poller: VirtualPoller, local: SocketAddress, remote: SocketAddress) {
    this.#poller = poller;
    this.local = local;
    this.remote = remote;
  }

  /** What the server has sent so far, as text. */
  get sent(): string {
    return Buffer.concat(this.#written).toString();
  }

  /** To be called in a turn: input. */
  receives(text: string): void {
    const bytes = Buffer.from(text);
    if (!this.closed) this.events?.data(bytes, 0, bytes.length, false);
  }

  /** Input in a turn of its own. */
  data(text: string): void {
    this.#poller.turn(() => this.receives(text));
  }

  /** The client's FIN, in a turn of its own. */
  fin(): void {
    this.#poller.turn(() => {
      if (!this.closed) this.events?.ended();
    });
  }

  /** The client is gone, in a turn of its own. */
  fails(code: string): void {
    this.#poller.turn(() => {
      if (!this.closed)
        this.events?.failed(Object.assign(new Error(`read ${code}`), { code, syscall: 'read' }));
      this.closed = true;
    });
  }

  read(on: boolean): void {
    this.reading = on;
  }

  /** The kernel here takes everything, one turn later, unless it was told to take nothing. */
  write(source: Uint8Array, start: number, end: number): void {
    if (this.closed) return;
    this.#written.push(Buffer.from(source.subarray(start, end)));
    this.#queued += end - start;
    if (this.taking) this.#poller.later(() => this.#take(end - start));
  }

  /** The kernel takes that much of what is queued, in a turn of its own. */
  takes(bytes: number): void {
    this.#poller.turn(() => this.#take(bytes));
  }

  #take(bytes: number): void {
    this.#queued -= bytes;
    if (!this.closed) this.events?.flushed(bytes);
  }

  queued(): number {
    return this.#queued;
  }

  shutdown(): void {
    this.shutDown = true;
  }

  close(): void {
    this.closed = true;
  }

  reset(): void {
    this.closed = true;
  }
}

function socketAddress(port: number): SocketAddress {
  return { family: 'IPv4', address: '127.0.0.1', port, toString: () => `127.0.0.1:${port}` };
}
