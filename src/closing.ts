// A server's close() under way: who has ended by himself, who was cut off, and when that happens.

import type { Engine } from './engine.js';
import { describe, invalidArgument } from './errors.js';
import type { CloseOutcome } from './server.js';
import type { Timer } from './timing-wheel.js';

const CLOSE_TIMEOUT = 1000;

/** @throws TypeError when the options of close() are not what they should be. */
export function closeTimeoutOf(options: { timeout?: number } | undefined): number {
  if (options !== undefined && (typeof options !== 'object' || options === null)) {
    throw invalidArgument(
      `close: options must be an object, not ${describe(options)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  const timeout: unknown = options?.timeout ?? CLOSE_TIMEOUT;
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw invalidArgument(`close: timeout must be a number of milliseconds from 0, not ${describe(timeout)}`);
  }
  return timeout;
}

export class Closing {
  readonly outcome: Promise<CloseOutcome>;
  readonly #engine: Engine;
  readonly #cut: () => void;
  #resolve: (outcome: CloseOutcome) => void = () => {};
  #drained = 0;
  #forced = 0;
  #cutting = false;
  #finished = false;
  #timer: Timer | undefined;

  constructor(engine: Engine, cut: () => void) {
    this.#engine = engine;
    this.#cut = cut;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  ended(): void {
    if (this.#cutting) this.#forced += 1;
    else this.#drained += 1;
  }

  /** The earliest of the times asked for counts. */
  cutAfter(timeout: number): void {
    if (this.#finished || this.#cutting || timeout === Infinity) return;
    const at = this.#engine.poller.now() + timeout;
    if (this.#timer !== undefined) {
      if (this.#timer.at <= at) return;
      this.#engine.cancel(this.#timer);
    }
    if (timeout > 0) {
      this.#timer = this.#engine.after(timeout, () => this.#force());
    } else {
      this.#force();
    }
  }

  #force(): void {
    this.#cutting = true;
    this.#cut();
  }

  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    if (this.#timer !== undefined) this.#engine.cancel(this.#timer);
    // In a turn, so that every descriptor is closed by the time that the promise is seen to resolve.
    this.#engine.defer({
      runDeferred: () => this.#resolve({ drained: this.#drained, forced: this.#forced }),
    });
  }
}
