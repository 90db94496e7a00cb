// The poller of a simulation: the contract of poller.ts over the sockets of a SimulatedNetwork, in virtual time. It is
// synchronous and has no microtasks; what it does with readiness is what the native poller does (native/connection.cc).

import { markAsUntransferable } from 'node:worker_threads';

import { guarded, throwLater } from '../poller/guarded.js';
import { errnoOf, systemError } from '../errors.js';
import type {
  BindAddress,
  BindOptions,
  DialEvents,
  DialOptions,
  ListenerEvents,
  Poller,
  PollerDial,
  PollerListener,
  StreamEvents,
  TurnEvents,
} from '../poller/poller.js';
import { inRootContext } from '../poller/root-context.js';
import { lend } from '../window.js';
import type { Appointment } from './agenda.js';
import { KernelListener } from './simulated-network.js';
import type { SimulatedNetwork } from './simulated-network.js';
import { SimulatedSocket } from './simulated-socket.js';
import { POISON, SimulatedStream } from './simulated-stream.js';
import type { StreamHost } from './simulated-stream.js';

/** As the native poller has it: largest read, and how often in one turn results of writing may lead to writes. */
const LARGEST_READ = 64 * 1024;
const FLUSHES_PER_TURN = 16;
/** One turn accepts no more, so that those who are connected get their turn. */
const ACCEPTS_PER_TURN = 256;

/** Windows of runs that are over: a new one costs more than the whole run of a small diagram. */
const SPARE: Buffer[] = [];

function newWindow(): Buffer {
  const memory = new ArrayBuffer(LARGEST_READ);
  markAsUntransferable(memory);
  const window = Buffer.from(memory);
  lend(window);
  return window;
}

/** A poller over a {@link SimulatedNetwork}, for the option `poller`. `simulate` makes one, as `world.poller`. */
export class SimulatedPoller implements Poller, StreamHost {
  readonly name: string = 'simulated';
  /** The one that it was made with. */
  readonly network: SimulatedNetwork;
  /** In the trace. */
  readonly who: string;
  /** @internal */
  readonly window: Buffer;
  /** @internal */
  lent: number = 0;
  /** Sockets of this poller: what a process calls its descriptors. */
  descriptors: number = 0;
  /** When the next turn is asked for; `Infinity` for no time. */
  alarmAt: number = Infinity;
  #turns: TurnEvents = { turnBegin() {}, turnEnd() {} };
  #alarm: Appointment | undefined;
  #inTurn = false;
  #scheduled = false;
  readonly #listeners = new Set<SimulatedListener>();
  readonly #streams = new Set<SimulatedStream>();
  #ready = new Set<SimulatedStream>();
  readonly #written = new Set<SimulatedStream>();
  readonly #writingOn = new Set<SimulatedStream>();
  #events: (() => void)[] = [];
  #released = false;

  /** @param who - in the trace */
  constructor(network: SimulatedNetwork, who: string) {
    this.network = network;
    this.who = who;
    this.window = SPARE.pop() ?? newWindow();
  }

  /** @internal The run is over, and no turn comes any more: the window serves another one. */
  release(): void {
    if (this.open > 0 || this.#released) return;
    this.#released = true;
    this.window.fill(POISON, 0, this.lent);
    SPARE.push(this.window);
  }

  /** Listeners and streams that are open. */
  get open(): number {
    return this.#listeners.size + this.#streams.size;
  }

  now(): number {
    return this.network.agenda.now;
  }

  attach(turns: TurnEvents): void {
    this.#turns = turns;
  }

  alarm(at: number): void {
    if (at === this.alarmAt) return;
    this.#alarm?.cancel();
    this.alarmAt = at;
    if (at === Infinity) return;
    this.#alarm = this.network.agenda.at(at, () => {
      this.alarmAt = Infinity;
      this.#turn();
    });
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.network.agenda.after(0, () => {
      // Some other turn may have come first and done what this one was wanted for.
      if (this.#scheduled) this.#turn();
    });
  }

  listen(address: BindAddress, options: BindOptions, events: ListenerEvents): PollerListener {
    const full = this.descriptors >= this.network.descriptors;
    const bound = full ? { code: 'EMFILE' } : this.network.listen(address, options);
    if (!(bound instanceof KernelListener)) {
      const at = address.family === 'unix' ? { address: address.address } : address;
      events.bindFailed(systemError(errnoOf(bound.code), full ? 'socket' : 'listen', at));
      return { accept() {}, close() {}, ref() {} };
    }
    this.descriptors += 1;
    const listener = new SimulatedListener(this, bound, events);
    this.#listeners.add(listener);
    this.network.trace.add(this.who, 'listens', { detail: String(bound.address) });
    events.listening(bound.address);
    return listener;
  }

  connect(address: BindAddress, options: DialOptions, events: DialEvents): PollerDial {
    return new SimulatedDial(this, address, options, events);
  }

  /** @internal Reports in the next turn. */
  later(event: () => void): void {
    this.#events.push(event);
    this.schedule();
  }

  /** @internal A stream's socket may have something to tell. */
  look(stream: SimulatedStream): void {
    this.#ready.add(stream);
    this.schedule();
  }

  /** @internal A stream has something for the kernel. */
  wrote(stream: SimulatedStream): void {
    this.#written.add(stream);
    if (!this.#inTurn) this.schedule();
  }

  /** @internal */
  writesOn(stream: SimulatedStream): void {
    this.#writingOn.add(stream);
  }

  /** @internal */
  forgetListener(listener: SimulatedListener): void {
    if (this.#listeners.delete(listener)) this.descriptors -= 1;
  }

  /** @internal */
  forget(stream: SimulatedStream): void {
    if (this.#streams.delete(stream)) this.descriptors -= 1;
    this.#ready.delete(stream);
    this.#written.delete(stream);
    this.#writingOn.delete(stream);
  }

  /** @internal Takes a socket into this poller, and finds out who gets its events. */
  adopt(socket: SimulatedSocket, ask: (stream: SimulatedStream) => StreamEvents): void {
    const stream = new SimulatedStream(this, socket);
    this.#streams.add(stream);
    try {
      stream.events = ask(stream);
    } catch (error) {
      stream.close();
      throw error;
    }
    if (!stream.closed && socket.hungUp) this.look(stream);
  }

  #turn(): void {
    if (this.#inTurn) throw new Error('turns never nest: time was moved from inside a turn');
    inRootContext(() => this.#run());
  }

  #run(): void {
    this.#inTurn = true;
    this.#scheduled = false;
    // What is asked for from here on is for the next turn: all who subscribe in one turn see the same bytes.
    const ready = this.#takeReady();
    const events = this.#events;
    this.#events = [];
    guarded(() => this.#turns.turnBegin());
    for (const event of events) guarded(event);
    for (const listener of this.#listeners) this.#acceptAll(listener);
    for (const stream of ready) guarded(() => stream.examine());
    this.#flush();
    guarded(() => this.#turns.turnEnd());
    this.#inTurn = false;
    for (const stream of this.#writingOn) this.#written.add(stream);
    this.#writingOn.clear();
    if (this.#written.size > 0) this.schedule();
  }

  /** In the order in which they became ready, or as the schedule has it. */
  #takeReady(): SimulatedStream[] {
    const ready = [...this.#ready];
    this.#ready = new Set();
    const { choices } = this.network;
    if (!choices.random) return ready;
    for (let left = ready.length; left > 1; left--) ready.push(...ready.splice(choices.below(left), 1));
    return ready;
  }

  #acceptAll(listener: SimulatedListener): void {
    for (let i = 0; i < ACCEPTS_PER_TURN; i++) {
      let more = false;
      try {
        more = listener.acceptOne();
      } catch (error) {
        throwLater(error);
        more = true;
      }
      if (!more) return;
    }
    this.schedule();
  }

  #flush(): void {
    for (let round = 0; round < FLUSHES_PER_TURN && this.#written.size > 0; round++) {
      const written = [...this.#written];
      this.#written.clear();
      for (const stream of written) stream.offer();
      for (const stream of written) guarded(() => stream.report());
    }
  }
}

class SimulatedListener implements PollerListener {
  readonly #poller: SimulatedPoller;
  readonly #kernel: KernelListener;
  readonly #events: ListenerEvents;
  #accepting = false;
  #closed = false;

  constructor(poller: SimulatedPoller, kernel: KernelListener, events: ListenerEvents) {
    this.#poller = poller;
    this.#kernel = kernel;
    this.#events = events;
    kernel.owner = { changed: () => this.#wanted() };
  }

  #wanted(): void {
    if (this.#accepting && this.#kernel.waiting > 0) this.#poller.schedule();
  }

  accept(on: boolean): void {
    if (this.#closed) return;
    this.#accepting = on;
    this.#wanted();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#accepting = false;
    this.#kernel.close();
    this.#poller.forgetListener(this);
  }

  ref(): void {}

  /** Whether there may be more. */
  acceptOne(): boolean {
    if (!this.#accepting || this.#kernel.waiting === 0) return false;
    const { network, descriptors, who } = this.#poller;
    const fault = descriptors >= network.descriptors ? { code: 'EMFILE' } : network.takeFault('accept');
    if (fault !== undefined) {
      network.trace.add(who, 'fails', { detail: `accept ${fault.code}` });
      this.#events.acceptFailed(systemError(errnoOf(fault.code), 'accept'));
      // Level-triggered: who does not turn accepting off hears of it again.
      if (this.#accepting) this.#poller.schedule();
      return false;
    }
    const socket = this.#kernel.accept();
    if (socket === undefined) return false;
    this.#poller.descriptors += 1;
    network.trace.add(who, 'accepts', { connection: socket.connection });
    this.#poller.adopt(socket, (stream) => this.#events.accepted(stream));
    return true;
  }
}

class SimulatedDial implements PollerDial {
  readonly #poller: SimulatedPoller;
  readonly #events: DialEvents;
  readonly #appointment: Appointment | undefined;
  #over = false;

  constructor(poller: SimulatedPoller, address: BindAddress, { local }: DialOptions, events: DialEvents) {
    this.#poller = poller;
    this.#events = events;
    const { network } = poller;
    const full = poller.descriptors >= network.descriptors;
    const fault = full ? { code: 'EMFILE' } : network.takeFault('connect');
    if (fault !== undefined) {
      poller.later(() => this.#failed(fault.code, full ? 'socket' : 'connect', address));
      return;
    }
    poller.descriptors += 1;
    this.#appointment = network.dial(address, local, (outcome) => {
      poller.later(() => {
        if (outcome instanceof SimulatedSocket) this.#connected(outcome);
        else {
          if (!this.#over) poller.descriptors -= 1;
          this.#failed(outcome.code, 'connect', address);
        }
      });
    });
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#appointment === undefined) return;
    this.#appointment.cancel();
    this.#poller.descriptors -= 1;
  }

  #connected(socket: SimulatedSocket): void {
    if (this.#over) {
      socket.close(); // given up between the kernel's word and ours
      return;
    }
    this.#over = true;
    this.#poller.network.trace.add(this.#poller.who, 'connects', {
      connection: socket.connection,
      detail: String(socket.remote),
    });
    this.#poller.adopt(socket, (stream) => this.#events.connected(stream));
  }

  #failed(code: string, syscall: string, address: BindAddress): void {
    if (this.#over) return;
    this.#over = true;
    const at = address.family === 'unix' ? { address: address.address } : address;
    this.#poller.network.trace.add(this.#poller.who, 'is refused', { detail: code });
    this.#events.connectFailed(systemError(errnoOf(code), syscall, at));
  }
}
