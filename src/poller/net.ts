// The poller `net`: the contract of poller.ts on node:net, for wherever the native pollers cannot run.
//
// Node decides when it calls, so a turn is one callback of Node's. What makes this file hard is what Node does not
// offer; each lack is a named exception to the contract:
//
// - Accepting cannot be paused. Connections that come while accepting is off are held paused and unannounced, at most
//   `backlog` of them, and announced in order later; those beyond are reset, so that their clients know at once.
// - A connection that was never read notices FIN and RST at its first read or write. One that was paused notices them
//   while nothing is unread; otherwise Node holds one chunk (64 KiB at most) and the kernel the rest.
// - A reset that comes together with the last bytes is the end for libuv; a write of nothing brings it out (`#onEnd`).
//   Where it does not, and on unix sockets, the connection seems to have ended until the next write.
// - When a write fails, Node drops the connection: what the kernel had received and nobody had read is lost.
// - `queued()` and `flushed` count whole writes: Node tells when the kernel has taken all of what it was given together. So
//   `writeTimeout` and `idleTimeout` count from one whole write to the next: give a long one the time that all of it takes.
// - `reset()` of a unix socket is a close: those have no RST.
// - The peer of a unix socket is always unnamed, because Node does not tell its path.
// - Out of descriptors, libuv may close connections as they come without a word; `acceptFailed` reports what it does say.
// - `reusePort` needs Node 22.12 or 23.1.

import { createServer } from 'node:net';
import type { ListenOptions, Server, Socket } from 'node:net';

import { EvioError, errnoOf, systemError } from '../errors.js';
import { socketAddress } from '../socket-address.js';
import { guarded } from './guarded.js';
import { NetDial } from './net-dial.js';
import { NetStream, keepAliveOf, pathTooLong } from './net-stream.js';
import type {
  BindAddress,
  BindOptions,
  DialEvents,
  DialOptions,
  ListenerEvents,
  Poller,
  PollerDial,
  PollerListener,
  SocketAddress,
  TurnEvents,
} from './poller.js';
import { inRootContext } from './root-context.js';
import { Turns } from './turns.js';

/** The longest delay that `setTimeout` takes. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** A poller on node:net: everywhere that Node runs, and slower than the native ones. */
export function createNetPoller(): Poller {
  return new NetPoller();
}

class NetPoller implements Poller {
  readonly name = 'net';
  readonly #turns = new Turns();
  #alarmAt = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  now(): number {
    return performance.now();
  }

  attach(turns: TurnEvents): void {
    this.#turns.attach(turns);
  }

  alarm(at: number): void {
    this.#alarmAt = at;
    // A timer that rings too early is set again then: cheaper than a new timer for every alarm that moves away.
    if (at < this.#timerAt) this.#setTimer();
  }

  schedule(): void {
    this.#turns.schedule();
  }

  listen(address: BindAddress, options: BindOptions, events: ListenerEvents): PollerListener {
    const listener = new NetListener(this.#turns, address, options, events);
    inRootContext(() => listener.bind());
    return listener;
  }

  connect(address: BindAddress, options: DialOptions, events: DialEvents): PollerDial {
    const dial = new NetDial(this.#turns, address, options, events);
    inRootContext(() => dial.start());
    return dial;
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    this.#timerAt = this.#alarmAt;
    const delay = Math.max(1, Math.ceil(this.#alarmAt - this.now()));
    this.#timer = setTimeout(() => this.#ring(), Math.min(delay, LONGEST_DELAY));
    this.#timer.unref();
  }

  #ring(): void {
    this.#timerAt = Infinity;
    if (this.#alarmAt === Infinity) return;
    // Node's timers run on a clock of whole milliseconds and may be early by a fraction.
    if (this.now() < this.#alarmAt) return this.#setTimer();
    this.#alarmAt = Infinity;
    this.#turns.turn();
  }
}

class NetListener implements PollerListener {
  readonly #turns: Turns;
  readonly #address: BindAddress;
  readonly #options: BindOptions;
  readonly #events: ListenerEvents;
  readonly #server: Server;
  readonly #waiting: NetStream[] = [];
  #bound: SocketAddress | undefined;
  #accepting = false;
  #closed = false;

  constructor(turns: Turns, address: BindAddress, options: BindOptions, events: ListenerEvents) {
    this.#turns = turns;
    this.#address = address;
    this.#options = options;
    this.#events = events;
    this.#server = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: options.noDelay,
      ...keepAliveOf(options.keepAlive),
      // Does nothing while reading is on. After a pause, Node stops at the first chunk: the peer is pushed back sooner, and a
      // reset cannot destroy bytes that Node holds, because it is not noticed before they are delivered.
      highWaterMark: 1,
    });
  }

  /** Apart from the constructor, so that whoever listens has the listener before anything is reported. */
  bind(): void {
    this.#server.on('listening', () => this.#onListening());
    this.#server.on('connection', (socket) => this.#onConnection(socket));
    this.#server.on('error', (error) => this.#onError(error));
    const refused = refusal(this.#address, this.#options);
    if (refused !== undefined) return this.#onError(refused);
    try {
      this.#server.listen(this.#listenOptions());
    } catch (error) {
      this.#onError(error as NodeJS.ErrnoException);
    }
  }

  accept(on: boolean): void {
    if (this.#closed) return;
    this.#accepting = on;
    if (on && this.#waiting.length > 0) this.#turns.later(() => this.#announce());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#accepting = false;
    this.#server.close();
    for (const stream of this.#waiting.splice(0)) stream.reset();
  }

  ref(on: boolean): void {
    if (on) this.#server.ref();
    else this.#server.unref();
  }

  #listenOptions(): ListenOptions & { reusePort?: boolean } {
    const { family, address, port } = this.#address;
    const { backlog, ipv6Only, reusePort } = this.#options;
    // A cluster worker would share its siblings' listener without having asked, bind late and in another process, and
    // `close()` would not free the address. `reusePort` is how to share one, with this poller as with the others.
    const common = { backlog, exclusive: true };
    if (family === 'unix') return { ...common, path: address };
    return {
      ...common,
      host: address,
      port,
      ...(family === 'IPv6' && { ipv6Only }),
      ...(reusePort && { reusePort }),
    };
  }

  #onListening(): void {
    const at = this.#server.address();
    const bound =
      at === null || typeof at === 'string'
        ? socketAddress('unix', this.#address.address)
        : socketAddress(at.family === 'IPv6' ? 'IPv6' : 'IPv4', at.address, at.port);
    this.#bound = bound;
    this.#turns.turn(() => {
      if (!this.#closed) this.#events.listening(bound);
    });
  }

  #onConnection(socket: Socket): void {
    const stream = new NetStream(this.#turns, socket, { local: this.#bound ?? socketAddress('unix', '') });
    if (this.#closed || this.#waiting.length >= this.#options.backlog) return stream.reset();
    this.#waiting.push(stream);
    if (this.#accepting) this.#turns.turn(() => this.#announce());
  }

  #announce(): void {
    while (this.#accepting) {
      const stream = this.#waiting.shift();
      if (stream === undefined) return;
      guarded(() => stream.announce(() => this.#events.accepted(stream)));
    }
  }

  #onError(error: NodeJS.ErrnoException): void {
    // That client has gone again before it was accepted: it failed alone, and nothing is wanting here.
    if (this.#bound !== undefined && error.code === 'ECONNABORTED') return;
    // Later, because it may be that listen() has not returned yet.
    this.#turns.later(() => {
      if (this.#closed) return;
      if (this.#bound !== undefined) return this.#events.acceptFailed(error);
      this.#closed = true;
      this.#events.bindFailed(error);
    });
  }
}

/** What Node would do wrongly without a word: it ignores options that it does not know, and until 24 cuts long paths. */
function refusal({ family, address }: BindAddress, { reusePort }: BindOptions): Error | undefined {
  if (family === 'unix')
    return pathTooLong(address) ? systemError(errnoOf('ENAMETOOLONG'), 'listen', { address }) : undefined;
  if (!reusePort || reusePortKnown()) return undefined;
  const message = `the poller net cannot do reusePort on Node ${process.versions.node}: it needs 22.12 or 23.1`;
  return new EvioError('ERR_EVIO_UNSUPPORTED', message);
}

function reusePortKnown(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}
