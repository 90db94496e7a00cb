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
// - `queued()` and `flushed` count whole writes: Node tells when the kernel has taken all of what it was given together.
// - `reset()` of a unix socket is a close: those have no RST.
// - The peer of a unix socket is always unnamed, because Node does not tell its path.
// - Out of descriptors, libuv may close connections as they come without a word; `acceptFailed` reports what it does say.
// - `reusePort` needs Node 22.12 or 23.1.

import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { EvioError, systemError } from '../errors.js';
import { guarded } from './guarded.js';
import { socketAddress } from '../socket-address.js';
import {
  type BindAddress,
  type BindOptions,
  isLent,
  type ListenerEvents,
  type Poller,
  type PollerListener,
  type PollerStream,
  type SocketAddress,
  type StreamEvents,
  type TurnEvents,
} from './poller.js';
import { openStreams } from './open-streams.js';
import { inRootContext } from './root-context.js';
import { Turns } from './turns.js';

/** The longest delay that `setTimeout` takes. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** What fits into sun_path with its zero; Windows has pipes instead. */
const LONGEST_PATH = process.platform === 'win32' ? Infinity : process.platform === 'linux' ? 107 : 103;

const NO_BYTES = Buffer.alloc(0);

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
      keepAlive: options.keepAlive > 0,
      // Node cuts this to whole seconds, and the kernel refuses 0.
      keepAliveInitialDelay: Math.ceil(options.keepAlive / 1000) * 1000,
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
    const stream = new NetStream(this.#turns, socket, this.#bound ?? socketAddress('unix', ''));
    if (this.#closed || this.#waiting.length >= this.#options.backlog) return stream.reset();
    this.#waiting.push(stream);
    if (this.#accepting) this.#turns.turn(() => this.#announce());
  }

  #announce(): void {
    while (this.#accepting) {
      const stream = this.#waiting.shift();
      if (stream === undefined) return;
      guarded(() => stream.announce(this.#events));
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

class NetStream implements PollerStream {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #turns: Turns;
  readonly #socket: Socket;
  #events: StreamEvents | undefined;
  /** Closed, reset or failed: whatever comes now is nobody's. */
  #gone = false;
  /** Came before there was somebody to tell. */
  #failure: NodeJS.ErrnoException | undefined;
  #corked = false;
  /** Written and not yet reported as flushed. */
  #owed = 0;
  #flushing = false;
  /** The same function for every write, which lets Node merge the calls. It comes at any time, so it reports later. */
  readonly #onTaken = (): void => {
    if (this.#flushing || this.#gone) return;
    this.#flushing = true;
    this.#turns.later(() => this.#reportFlushed());
  };

  constructor(turns: Turns, socket: Socket, bound: SocketAddress) {
    this.#turns = turns;
    this.#socket = socket;
    this.local = localAddress(socket, bound);
    this.remote = remoteAddress(socket, this.local.family);
    socket.on('data', (chunk: Buffer) => {
      turns.turn(() => {
        if (chunk.length > 0) this.#events?.data(chunk, 0, chunk.length, false);
      });
    });
    socket.on('end', () => this.#onEnd());
    // Stays for ever: an error without a listener would end the process.
    socket.on('error', (error) => this.#onError(error));
    socket.on('close', () => this.#onClose());
  }

  /** Finds out who gets the events. */
  announce(listener: ListenerEvents): void {
    let events;
    try {
      events = listener.accepted(this);
    } catch (error) {
      this.close(); // it has no owner who could
      throw error;
    }
    if (this.#gone) return;
    this.#events = events;
    openStreams.add(1);
    if (this.#failure !== undefined) this.#onError(this.#failure);
  }

  read(on: boolean): void {
    if (this.#gone) return;
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  write(source: Uint8Array, start: number, end: number): void {
    if (this.#gone || start >= end || this.#socket.writableEnded) return;
    const bytes = start === 0 && end === source.length ? source : source.subarray(start, end);
    this.#owed += bytes.length;
    if (!this.#corked && this.#turns.gather(this)) {
      this.#corked = true;
      this.#socket.cork();
    }
    this.#socket.write(isLent(source) ? Buffer.from(bytes) : bytes, this.#onTaken);
  }

  queued(): number {
    if (this.#gone) return 0;
    this.send();
    return this.#socket.writableLength;
  }

  shutdown(): void {
    if (!this.#gone) this.#socket.end();
  }

  close(): void {
    if (this.#gone) return;
    // What this turn has written goes to the kernel first, as far as that takes it.
    this.send();
    this.#leave();
    this.#socket.destroy();
  }

  reset(): void {
    if (this.#gone) return;
    this.#leave();
    const socket = this.#socket;
    if (this.local.family === 'unix') return void socket.destroy();
    // While its FIN is on the way to the kernel libuv refuses to reset a socket, and Node would forget the descriptor.
    const shutting = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
    if (shutting) socket.once('finish', () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
  }

  /** Gives Node what the turn has written so far. */
  send(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  #leave(): void {
    if (this.#events !== undefined) openStreams.add(-1);
    this.#gone = true;
    this.#events = undefined;
  }

  #reportFlushed(): void {
    this.#flushing = false;
    // An error also takes bytes off Node's count; it is about to be reported.
    if (this.#socket.errored !== null) return;
    const taken = this.#owed - this.#socket.writableLength;
    this.#owed -= taken;
    if (taken > 0) this.#events?.flushed(taken);
  }

  /** When a reset comes right behind the last bytes, libuv calls it the end. A write of nothing brings the error out. */
  #onEnd(): void {
    const socket = this.#socket;
    if (!socket.writableEnded && this.local.family !== 'unix') socket.write(NO_BYTES);
    const error: NodeJS.ErrnoException | null = socket.errored;
    // EPIPE means that there was a FIN, and a reset after it: the end is reported, and the failure follows.
    if (error === null || error.code === 'EPIPE') this.#turns.turn(() => this.#events?.ended());
  }

  #onError(error: NodeJS.ErrnoException): void {
    if (this.#gone) return;
    this.#failure = error;
    if (this.#events === undefined) return;
    this.#turns.turn(() => {
      const events = this.#events;
      this.#leave();
      this.#socket.destroy();
      events?.failed(error);
    });
  }

  #onClose(): void {
    // Node closes by itself what has ended in both directions.
    if (this.#socket.readableEnded && this.#socket.writableFinished) return;
    if (this.#failure === undefined) this.#onError(systemError(errnoOf('ECONNRESET'), 'read'));
  }
}

function localAddress(socket: Socket, bound: SocketAddress): SocketAddress {
  const { localFamily, localAddress: address, localPort } = socket;
  if (address === undefined) return bound;
  return socketAddress(localFamily === 'IPv6' ? 'IPv6' : 'IPv4', address, localPort);
}

function remoteAddress(socket: Socket, family: SocketAddress['family']): SocketAddress {
  const { remoteFamily, remoteAddress: address, remotePort } = socket;
  if (family === 'unix') return socketAddress('unix', '');
  // A peer that has reset already has no address any more: the unspecified one stands for it.
  if (address === undefined) return socketAddress(family, family === 'IPv6' ? '::' : '0.0.0.0', 0);
  return socketAddress(remoteFamily === 'IPv6' ? 'IPv6' : 'IPv4', address, remotePort);
}

/** What Node would do wrongly without a word: it ignores options that it does not know, and until 24 cuts long paths. */
function refusal({ family, address }: BindAddress, { reusePort }: BindOptions): Error | undefined {
  if (family === 'unix') {
    if (Buffer.byteLength(address) <= LONGEST_PATH) return undefined;
    return systemError(errnoOf('ENAMETOOLONG'), 'listen', { address });
  }
  if (!reusePort || reusePortKnown()) return undefined;
  const message = `the poller net cannot do reusePort on Node ${process.versions.node}: it needs 22.12 or 23.1`;
  return new EvioError('ERR_EVIO_UNSUPPORTED', message);
}

function reusePortKnown(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

/** The positive errno of a code: the numbers are the system's, and on Windows libuv's. */
function errnoOf(code: string): number {
  for (const [errno, [name]] of getSystemErrorMap()) {
    if (name === code) return -errno;
  }
  return 0;
}
