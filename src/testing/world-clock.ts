// The clock of a simulation that ends. What a program asks of time never ends (a tick every second, an idle time-out), so
// a run needs a horizon: so long after the last thing that a spec brought about, nothing is waited for any more.

import type { SchedulerLike } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';

import { clockOf } from './agenda.js';
import type { VirtualClock } from './agenda.js';

export class WorldClock implements VirtualClock {
  readonly #clock: VirtualClock;
  readonly #quiet: number;
  #horizon: number;
  /** Asked for and not to come by itself: too late, or time is over. */
  #beyond: { readonly at: number; readonly run: () => void } | undefined;
  #over = false;
  #now = 0;

  /** @param quiet - milliseconds for which a run goes on after the last thing that a spec brought about */
  constructor(scheduler: SchedulerLike, quiet: number) {
    this.#clock = clockOf(scheduler);
    this.#quiet = quiet;
    this.#horizon = quiet;
  }

  get horizon(): number {
    return this.#horizon;
  }

  now(): number {
    return this.#over ? this.#now : this.#clock.now();
  }

  wake(at: number, run: () => void): void {
    this.#beyond = { at, run };
    if (!this.#over && at <= this.#horizon) this.#ask();
  }

  /** A spec does something at that time, or means to. */
  expect(at: number): void {
    if (this.#over || at + this.#quiet <= this.#horizon) return;
    this.#horizon = at + this.#quiet;
    if (this.#beyond !== undefined && this.#beyond.at <= this.#horizon) this.#ask();
  }

  #ask(): void {
    const asked = this.#beyond;
    if (asked === undefined) return;
    this.#clock.wake(asked.at, () => {
      if (this.#beyond === asked) this.#beyond = undefined;
      asked.run();
    });
  }

  /** The run is over: from now on time moves by {@link pass} alone. */
  stop(): void {
    this.#now = Math.max(this.now(), this.#horizon);
    this.#over = true;
  }

  /** Lets so much more time pass, at once. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    while (this.#beyond !== undefined && this.#beyond.at <= end) {
      const { at, run } = this.#beyond;
      this.#beyond = undefined;
      this.#now = Math.max(this.#now, at);
      run();
    }
    this.#now = end;
  }
}

/** When the last thing of a diagram of RxJS happens. */
export function durationOf(marbles: string): number {
  return TestScheduler.parseMarbles(marbles, undefined, undefined, false, true).at(-1)?.frame ?? 0;
}
