// paced: the mergeMap that RxJS cannot have. While work is in flight the socket is not read, so the peer is pushed back on
// instead of a buffer growing.

import { Observable, Subscription, from } from 'rxjs';
import type { ObservableInput, OperatorFunction, Subscriber } from 'rxjs';

import type { Connection } from './connection.js';
import { describe, invalidArgument } from './errors.js';
import { holdableOf } from './input.js';
import type { Holdable } from './input.js';

/** Options of {@link paced}. */
export interface PacedOptions {
  /** How many values are worked on at a time: from 1, or `Infinity`. Default 1. */
  readonly concurrency?: number;
  /** With this many values in work or waiting the socket is held: from 1, or `Infinity`. Default `concurrency`. */
  readonly highWater?: number;
  /** With this many, or fewer, it is read again: from 0 to `highWater - 1`, which is the default. */
  readonly lowWater?: number;
  /** Results come in the order of the values. Default false: as they come. */
  readonly ordered?: boolean;
  /** The connection to hold, where operators stand between its `data$` and this one. */
  readonly connection?: Connection;
}

/**
 * `mergeMap` that holds the connection while work is in flight: values wait in the kernel, and at the peer, instead of in
 * memory. What one chunk has already been cut into is worked off first. On a source that is not a connection's `data$`,
 * and without the option `connection`, nothing can be held, and it is a `mergeMap` with `concurrency`.
 *
 * @throws TypeError or RangeError for a bad argument.
 * @example
 * ```ts
 * connection.data$.pipe(paced((data) => store(data))).subscribe(connection);
 * lines$.pipe(paced(answer, { concurrency: 8, ordered: true, connection })).subscribe(connection);
 * ```
 */
export function paced<T, R>(
  project: (value: T, index: number) => ObservableInput<R>,
  options: PacedOptions = {},
): OperatorFunction<T, R> {
  if (typeof project !== 'function') {
    throw invalidArgument(
      `paced: project must be a function, not ${describe(project)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  const pace = paceOf(options);
  const named = options.connection === undefined ? undefined : holdableOf(options.connection.data$ ?? {});
  if (options.connection !== undefined && named === undefined) {
    throw invalidArgument(
      `paced: not a connection of this library: ${describe(options.connection)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  return (source$) =>
    new Observable((subscriber) => {
      const holdable = named ?? holdableOf(source$);
      return new Pacing(project, pace, holdable, subscriber).run(source$);
    });
}

interface Pace {
  readonly concurrency: number;
  readonly highWater: number;
  readonly lowWater: number;
  readonly ordered: boolean;
}

function paceOf({ concurrency = 1, highWater, lowWater, ordered = false }: PacedOptions): Pace {
  const count = (name: string, value: number, least: number, most: number): number => {
    if (value === Infinity && most === Infinity) return value;
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw Object.assign(
      new RangeError(`paced: ${name} must be an integer from ${least} to ${most}, not ${describe(value)}`),
      { code: 'ERR_OUT_OF_RANGE' },
    );
  };
  count('concurrency', concurrency, 1, Infinity);
  const high = count('highWater', highWater ?? concurrency, 1, Infinity);
  return {
    concurrency,
    highWater: high,
    lowWater: lowWater === undefined ? high - 1 : count('lowWater', lowWater, 0, high - 1),
    ordered,
  };
}

/** Results of one value. In order, they are kept until all before it are done. */
interface Work<R> {
  readonly results: R[];
  done: boolean;
}

class Pacing<T, R> {
  readonly #project: (value: T, index: number) => ObservableInput<R>;
  readonly #pace: Pace;
  readonly #holdable: Holdable | undefined;
  readonly #subscriber: Subscriber<R>;
  readonly #all = new Subscription();
  readonly #waiting: T[] = [];
  /** In order: work begun and not yet told whole. */
  readonly #works: Work<R>[] = [];
  #index = 0;
  #active = 0;
  #held = false;
  #over = false;
  #beginning = false;
  #telling = false;

  constructor(
    project: (value: T, index: number) => ObservableInput<R>,
    pace: Pace,
    holdable: Holdable | undefined,
    subscriber: Subscriber<R>,
  ) {
    this.#project = project;
    this.#pace = pace;
    this.#holdable = holdable;
    this.#subscriber = subscriber;
  }

  run(source$: Observable<T>): Subscription {
    this.#all.add(() => this.#release());
    this.#all.add(
      source$.subscribe({
        next: (value) => {
          this.#waiting.push(value);
          this.#begin();
          this.#holdIfFull();
        },
        error: (error: unknown) => this.#subscriber.error(error),
        complete: () => {
          this.#over = true;
          this.#finish();
        },
      }),
    );
    return this.#all;
  }

  /** Values in work, or waiting for it, or for their turn to be told. */
  get #load(): number {
    return this.#waiting.length + (this.#pace.ordered ? this.#works.length : this.#active);
  }

  #holdIfFull(): void {
    // A value's work may have failed in this very call, which has let go of everything.
    if (this.#held || this.#subscriber.closed || this.#load < this.#pace.highWater) return;
    this.#held = true;
    this.#holdable?.hold();
  }

  #release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#holdable?.release();
  }

  #begin(): void {
    if (this.#beginning) return; // the loop below goes on
    this.#beginning = true;
    while (this.#active < this.#pace.concurrency && this.#waiting.length > 0 && !this.#subscriber.closed) {
      this.#work(this.#waiting.shift() as T);
    }
    this.#beginning = false;
  }

  #work(value: T): void {
    const work: Work<R> = { results: [], done: false };
    if (this.#pace.ordered) this.#works.push(work);
    this.#active += 1;
    let results$: Observable<R>;
    try {
      results$ = from(this.#project(value, this.#index++));
    } catch (thrown) {
      this.#subscriber.error(thrown);
      return;
    }
    const subscription: Subscription = new Subscription();
    this.#all.add(subscription);
    subscription.add(
      results$.subscribe({
        next: (result) => {
          if (!this.#pace.ordered || (work === this.#works[0] && !this.#telling))
            this.#subscriber.next(result);
          else work.results.push(result);
        },
        error: (error: unknown) => this.#subscriber.error(error),
        complete: () => {
          this.#all.remove(subscription);
          this.#active -= 1;
          work.done = true;
          if (this.#pace.ordered) this.#tell();
          this.#begin();
          if (this.#load <= this.#pace.lowWater) this.#release();
          this.#finish();
        },
      }),
    );
  }

  /** Whatever the first work's end lets through. */
  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    for (let first = this.#works[0]; first !== undefined; first = this.#works[0]) {
      while (first.results.length > 0) this.#subscriber.next(first.results.shift() as R);
      if (!first.done) break;
      this.#works.shift();
    }
    this.#telling = false;
  }

  #finish(): void {
    if (this.#over && this.#active === 0 && this.#waiting.length === 0 && this.#works.length === 0)
      this.#subscriber.complete();
  }
}
