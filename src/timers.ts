// Deadlines on a poller's clock. One alarm of the poller serves them all, so virtual time moves them together.

/** A deadline that has been set. */
export interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Deadlines in the order of their times; those of the same time in the order in which they were set. */
export class Timers {
  readonly #queue: Timer[] = [];

  /** The earliest deadline, `Infinity` when there is none. */
  get next(): number {
    return this.#queue[0]?.at ?? Infinity;
  }

  set(at: number, run: () => void): Timer {
    const timer = { at, run };
    let index = this.#queue.length;
    while (index > 0 && (this.#queue[index - 1] as Timer).at > at) index -= 1;
    this.#queue.splice(index, 0, timer);
    return timer;
  }

  /** Does nothing when the deadline has passed or was cleared before. */
  clear(timer: Timer): void {
    const index = this.#queue.indexOf(timer);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  /** Takes the earliest deadline that has passed. */
  takeDue(now: number): Timer | undefined {
    return this.next <= now ? this.#queue.shift() : undefined;
  }
}
