// for await (const data of connection): one chunk at a time, and the socket is read only while somebody waits for one.

import type { Subscription } from 'rxjs';

import type { Holdable } from './input.js';
import type { Connection } from './connection.js';

interface Waiter {
  resolve(result: IteratorResult<Buffer, undefined>): void;
  reject(error: Error): void;
}

/** What is iterated over. */
export interface Iterated extends Pick<Connection, 'data$'>, Holdable {
  readonly failure: Error | undefined;
}

const DONE = { done: true, value: undefined } as const;

export class ConnectionIterator implements AsyncIterableIterator<Buffer, undefined, undefined> {
  readonly #connection: Iterated;
  /** What has come while nobody waited: what one turn had read already, not more. */
  readonly #chunks: Buffer[] = [];
  readonly #waiters: Waiter[] = [];
  #subscription: Subscription | undefined;
  #held = false;
  #over = false;
  #failure: Error | undefined;

  constructor(connection: Iterated) {
    this.#connection = connection;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Buffer, undefined>> {
    this.#start();
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return Promise.resolve({ done: false, value: chunk });
    if (this.#over) {
      this.#hold(false);
      return this.#end();
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#hold(false);
    });
  }

  /** `break` out of the loop: the connection stays open, and is not read any more. */
  return(): Promise<IteratorResult<Buffer, undefined>> {
    this.#subscription?.unsubscribe();
    this.#hold(false);
    this.#over = true;
    this.#failure = undefined;
    this.#chunks.length = 0;
    for (const { resolve } of this.#waiters.splice(0)) resolve(DONE);
    return Promise.resolve(DONE);
  }

  #start(): void {
    if (this.#over || this.#subscription !== undefined) return;
    this.#subscription = this.#connection.data$.subscribe({
      next: (data) => {
        const waiter = this.#waiters.shift();
        if (waiter === undefined) this.#chunks.push(data);
        else waiter.resolve({ done: false, value: data });
        if (this.#waiters.length === 0) this.#hold(true);
      },
      complete: () => {
        this.#over = true;
        this.#failure = this.#connection.failure;
        const waiters = this.#waiters.splice(0);
        for (const { resolve, reject } of waiters) void this.#end().then(resolve, reject);
      },
    });
  }

  #hold(on: boolean): void {
    if (on === this.#held) return;
    this.#held = on;
    if (on) this.#connection.hold();
    else this.#connection.release();
  }

  /** A failure is told once. */
  #end(): Promise<IteratorResult<Buffer, undefined>> {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure === undefined ? Promise.resolve(DONE) : Promise.reject(failure);
  }
}
