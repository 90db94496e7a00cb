// Where a proxy sends its clients: the upstream with the fewest of them, and those that could not be reached last.

import { connect } from 'evio';
import type { ConnectOptions, Connection } from 'evio';
import { Observable, catchError, defer, throwError } from 'rxjs';

export interface Upstream {
  readonly address: string;
  clients: number;
  /** On `performance.now()`'s clock: when it may be tried again after a dial that failed. */
  downUntil: number;
}

/** How long an upstream that could not be reached is tried last, in milliseconds. */
const REST = 5000;

export class Upstreams {
  readonly all: readonly Upstream[];
  readonly #options: ConnectOptions;
  readonly #report: (message: string) => void;

  constructor(addresses: readonly string[], options: ConnectOptions, report: (message: string) => void) {
    this.all = addresses.map((address) => ({ address, clients: 0, downUntil: 0 }));
    this.#options = options;
    this.#report = report;
  }

  /** A connection to the best upstream that answers; errors when none does. */
  connect(): Observable<Connection> {
    return defer(() => {
      const now = performance.now();
      const order = [...this.all].sort(
        (a, b) => Number(a.downUntil > now) - Number(b.downUntil > now) || a.clients - b.clients,
      );
      return firstThatAnswers(order.map((upstream) => this.#dial(upstream)));
    });
  }

  #dial(upstream: Upstream): Observable<Connection> {
    return new Observable((subscriber) => {
      let connected = false;
      upstream.clients += 1;
      const subscription = connect(upstream.address, this.#options).subscribe({
        next: (connection) => {
          connected = true;
          upstream.downUntil = 0;
          subscriber.next(connection);
        },
        error: (error: Error) => {
          if (!connected) this.#failed(upstream, error);
          // After the connection was handed on, its failure is no reason to dial another upstream.
          if (connected) subscriber.complete();
          else subscriber.error(error);
        },
        complete: () => subscriber.complete(),
      });
      subscription.add(() => (upstream.clients -= 1));
      return subscription;
    });
  }

  #failed(upstream: Upstream, error: Error): void {
    if (upstream.downUntil < performance.now()) this.#report(`${upstream.address}: ${error.message}`);
    upstream.downUntil = performance.now() + REST;
  }
}

/** One after the other, each only when the one before it could not be reached. */
function firstThatAnswers(dials: readonly Observable<Connection>[]): Observable<Connection> {
  const [first, ...others] = dials;
  if (first === undefined) return throwError(() => new Error('no upstream answers'));
  return first.pipe(catchError(() => firstThatAnswers(others)));
}
