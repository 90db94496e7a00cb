// What every server on one poller shares: turns, deferred work and time.

import { guarded } from './poller/guarded.js';
import type { Poller, TurnEvents } from './poller/poller.js';
import { Timer, TimingWheel } from './timing-wheel.js';

/** Work that waits for the next turn. */
export interface Deferred {
  runDeferred(): void;
}

const engines = new WeakMap<Poller, Engine>();

export class Engine implements TurnEvents {
  readonly poller: Poller;
  #inTurn = false;
  /** The time of the present turn; undefined until somebody asks. */
  #turnTime: number | undefined;
  readonly #wheel: TimingWheel;
  readonly #watchers = new Set<() => void>();
  #deferred: Deferred[] = [];

  private constructor(poller: Poller) {
    this.poller = poller;
    poller.attach(this);
    this.#wheel = new TimingWheel(poller.now());
  }

  /** The engine of a poller: servers that share a poller share its turns. */
  static of(poller: Poller): Engine {
    let engine = engines.get(poller);
    if (engine === undefined) {
      engine = new Engine(poller);
      engines.set(poller, engine);
    }
    return engine;
  }

  /** The time of whatever happens now, on the poller's clock: in a turn the same for all, and the clock is read once. */
  get time(): number {
    if (!this.#inTurn) return this.poller.now();
    return (this.#turnTime ??= this.poller.now());
  }

  /** Runs that piece of work at the beginning of the next turn, which is asked for. */
  defer(work: Deferred): void {
    this.#deferred.push(work);
    this.poller.schedule();
  }

  /** Calls back in the first turn at or after `delay` milliseconds from now. */
  after(delay: number, run: () => void): Timer {
    const timer = new Timer(run);
    this.arm(timer, this.poller.now() + delay);
    return timer;
  }

  /** Has the timer called back in the first turn at or after that time; moves it if it was set before. */
  arm(timer: Timer, at: number): void {
    const before = this.#wheel.next;
    this.#wheel.set(timer, at);
    if (at < before) this.poller.alarm(this.#wheel.next);
  }

  cancel(timer: Timer): void {
    this.#wheel.clear(timer);
    // An alarm that rings too early is harmless, one for nothing would be waste.
    if (this.#wheel.next === Infinity) this.poller.alarm(Infinity);
  }

  /** Calls back at the end of every turn until the returned function is called. */
  watchTurns(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  turnBegin(): void {
    this.#inTurn = true;
    this.#turnTime = undefined; // a poller may have left one, and not said that its turn was over
    if (this.#wheel.next !== Infinity) {
      const now = this.time;
      for (let due = this.#wheel.takeDue(now); due !== undefined; due = this.#wheel.takeDue(now))
        guarded(due.run);
    }
    this.poller.alarm(this.#wheel.next);
    if (this.#deferred.length === 0) return;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const work of deferred) guarded(() => work.runDeferred());
  }

  turnEnd(): void {
    for (const watcher of this.#watchers) guarded(watcher);
    this.#inTurn = false;
    this.#turnTime = undefined;
  }
}
