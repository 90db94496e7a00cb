// One works, the others wait: the servers of a round, which are measured a slice each in turn.

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  /** Waits for a turn and works in it. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** Within a turn: all who wait have theirs before this one goes on. */
  async pass(): Promise<void> {
    this.#leave();
    await this.#enter();
  }

  async #enter(): Promise<void> {
    if (this.#taken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#taken = true;
  }

  /** The turn goes to the one who has waited longest; it is not free in between. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next();
  }
}
