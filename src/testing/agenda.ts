// What happens in a simulation, and when: one list of events in virtual time, run in the order of their times and, at the
// same time, in the order in which they were asked for. The clock belongs to somebody else (a scheduler of RxJS, a spec
// that lets time pass), who is asked for one call at the earliest time.

import type { SchedulerLike, Subscription } from 'rxjs';

/** Who keeps virtual time, in milliseconds. */
export interface VirtualClock {
  /** Milliseconds; never backwards. */
  now(): number;
  /** Asks for one call at that time, or as soon as possible when it has passed; replaces what was asked for before. */
  wake(at: number, run: () => void): void;
  /** One event a wake, so that promises settle between any two. Default false: everything that is due, at once. */
  readonly oneByOne?: boolean;
}

/** An event that may be called off. */
export interface Appointment {
  cancel(): void;
}

interface Entry extends Appointment {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** Whoever has that many events at one moment waits for time to pass: it never will. */
const MOST_EVENTS_AT_ONCE = 200_000;

export class Agenda {
  readonly #clock: VirtualClock;
  /** A binary heap. */
  readonly #entries: Entry[] = [];
  #order = 0;
  #wakeAt = Infinity;
  #running = false;
  #moment = -Infinity;
  #eventsOfMoment = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get now(): number {
    return this.#clock.now();
  }

  /** How many events are to come. */
  get size(): number {
    return this.#entries.reduce((count, { cancelled }) => count + (cancelled ? 0 : 1), 0);
  }

  /** Calls at that time; at once, but not within this call, when it has passed. */
  at(time: number, run: () => void): Appointment {
    const entry: Entry = {
      at: Math.max(time, this.now),
      order: this.#order++,
      run,
      cancelled: false,
      cancel: () => {
        entry.cancelled = true;
      },
    };
    this.#push(entry);
    this.#askForWake();
    return entry;
  }

  after(delay: number, run: () => void): Appointment {
    return this.at(this.now + delay, run);
  }

  /** Forgets everything: the simulation is over. */
  clear(): void {
    this.#entries.length = 0;
  }

  #askForWake(): void {
    const next = this.#entries[0];
    if (this.#running || next === undefined || next.at >= this.#wakeAt) return;
    this.#wakeAt = next.at;
    this.#clock.wake(next.at, () => this.#runDue());
  }

  #runDue(): void {
    this.#wakeAt = Infinity;
    this.#running = true;
    try {
      for (let entry = this.#takeDue(); entry !== undefined; entry = this.#takeDue()) {
        entry.run();
        if (this.#clock.oneByOne === true) break;
      }
    } finally {
      this.#running = false;
      this.#askForWake();
    }
  }

  #takeDue(): Entry | undefined {
    for (;;) {
      const first = this.#entries[0];
      if (first === undefined) return undefined;
      if (!first.cancelled && first.at > this.now) return undefined;
      this.#pop();
      if (first.cancelled) continue;
      this.#count(this.now);
      return first;
    }
  }

  #count(now: number): void {
    this.#eventsOfMoment = now === this.#moment ? this.#eventsOfMoment + 1 : 1;
    this.#moment = now;
    if (this.#eventsOfMoment <= MOST_EVENTS_AT_ONCE) return;
    throw new Error(
      `${MOST_EVENTS_AT_ONCE} events at ${now} ms of virtual time: something asks for one more turn for ever`,
    );
  }

  #push(entry: Entry): void {
    const entries = this.#entries;
    let index = entries.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (!isBefore(entry, entries[parent] as Entry)) break;
      entries[index] = entries[parent] as Entry;
      index = parent;
    }
    entries[index] = entry;
  }

  #pop(): void {
    const entries = this.#entries;
    const last = entries.pop() as Entry;
    const { length } = entries;
    if (length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(entries[child + 1] as Entry, entries[child] as Entry)) child += 1;
      if (!isBefore(entries[child] as Entry, last)) break;
      entries[index] = entries[child] as Entry;
      index = child;
    }
    entries[index] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** The virtual time of a scheduler of RxJS, of a `TestScheduler` or any other, for a {@link SimulatedNetwork} of your own. */
export function clockOf(scheduler: SchedulerLike): VirtualClock {
  let asked: Subscription | undefined;
  return {
    now: () => scheduler.now(),
    wake(at, run) {
      asked?.unsubscribe();
      const ring = (): void => {
        // The sum `now + (at - now)` may miss `at` by the last bit of a fraction.
        const left = at - scheduler.now();
        if (left > 0) asked = scheduler.schedule(ring, left);
        else run();
      };
      asked = scheduler.schedule(ring, Math.max(0, at - scheduler.now()));
    },
  };
}
