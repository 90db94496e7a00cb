// What every server on one poller shares: turns, deferred work and time.

import { guarded } from './poller/guarded.js';
import type { Poller, TurnEvents } from './poller/poller.js';
import { Timers } from './timers.js';
import type { Timer } from './timers.js';

/** Work that waits for the next turn. */
export interface Deferred {
  runDeferred(): void;
}

const engines = new WeakMap<Poller, Engine>();

export class Engine implements TurnEvents {
  readonly poller: Poller;
  readonly #timers = new Timers();
  readonly #watchers = new Set<() => void>();
  #deferred: Deferred[] = [];

  private constructor(poller: Poller) {
    this.poller = poller;
    poller.attach(this);
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

  /** Runs that piece of work at the beginning of the next turn, which is asked for. */
  defer(work: Deferred): void {
    this.#deferred.push(work);
    this.poller.schedule();
  }

  /** Calls back in the first turn at or after `delay` milliseconds from now. */
  after(delay: number, run: () => void): Timer {
    const timer = this.#timers.set(this.poller.now() + delay, run);
    this.poller.alarm(this.#timers.next);
    return timer;
  }

  cancel(timer: Timer): void {
    this.#timers.clear(timer);
    this.poller.alarm(this.#timers.next);
  }

  /** Calls back at the end of every turn until the returned function is called. */
  watchTurns(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  turnBegin(): void {
    const now = this.poller.now();
    for (let due = this.#timers.takeDue(now); due !== undefined; due = this.#timers.takeDue(now))
      guarded(due.run);
    this.poller.alarm(this.#timers.next);
    if (this.#deferred.length === 0) return;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const work of deferred) guarded(() => work.runDeferred());
  }

  turnEnd(): void {
    for (const watcher of this.#watchers) guarded(watcher);
  }
}
