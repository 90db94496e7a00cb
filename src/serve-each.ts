// serveEach: a protocol for every connection, each isolated from the others.

import { Observable, Subscription } from 'rxjs';
import type { Observer, OperatorFunction } from 'rxjs';

import type { Bytes } from './bytes.js';
import type { Connection } from './connection.js';
import { describe, invalidArgument } from './errors.js';
import { markHoldable, markInPlace } from './input.js';
import { StreamConnection } from './stream-connection.js';

/**
 * A protocol: a pure function from what a peer sends to what it is answered. `data$` errors when the connection fails
 * and completes at the end of input; the connection ends when the result completes.
 */
export type Protocol = (data$: Observable<Buffer>, connection: Connection) => Observable<Bytes>;

/**
 * Serves every connection by a protocol. What the protocol throws, or its result's error, closes that connection alone
 * and is reported once on the server's `errors$`. Completes when the source has completed and every connection is done;
 * unsubscribing ends the connections it serves.
 *
 * @example
 * ```ts
 * const upper: Protocol = (data$) => data$.pipe(map((data) => data.toString().toUpperCase()));
 * server.connections$.pipe(serveEach(upper)).subscribe();
 * ```
 */
export function serveEach(protocol: Protocol): OperatorFunction<Connection, never> {
  if (typeof protocol !== 'function') {
    throw invalidArgument(
      `serveEach: a protocol must be a function, not ${describe(protocol)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  return (connections$) =>
    new Observable<never>((subscriber) => {
      const served = new Subscription();
      let serving = 0;
      let over = false;
      const finish = (): void => {
        if (over && serving === 0) subscriber.complete();
      };
      served.add(
        connections$.subscribe({
          next: (connection) => {
            let one: Subscription;
            try {
              one = serveOne(protocol, connection);
            } catch (error) {
              // Not a connection: the pipeline is wrong, and its subscriber is told.
              subscriber.error(error);
              return;
            }
            serving += 1;
            served.add(one);
            one.add(() => {
              serving -= 1;
              served.remove(one);
              finish();
            });
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            over = true;
            finish();
          },
        }),
      );
      return served;
    });
}

function serveOne(protocol: Protocol, connection: Connection): Subscription {
  if (!(connection instanceof StreamConnection)) {
    throw invalidArgument(
      `serveEach: not a connection of this library: ${describe(connection)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  const subscription = new Subscription();
  connection.own();
  subscription.add(() => connection.disown());
  subscription.add(
    connection.whenClosed(() => {
      try {
        subscription.unsubscribe();
      } catch (thrown) {
        connection.observerFailed(thrown); // a teardown of the protocol
      }
    }),
  );
  if (subscription.closed) return subscription;
  const data$ = failing(connection);
  try {
    const output$ = protocol(data$, connection);
    if (typeof output$?.subscribe !== 'function') {
      throw invalidArgument(
        `a protocol must return an Observable, not ${describe(output$)}`,
        'ERR_INVALID_RETURN_VALUE',
      );
    }
    // A protocol that answers with its input is an echo: no copy.
    subscription.add(
      output$ === data$
        ? connection.data$.subscribe(connection)
        : output$.subscribe(new ProtocolOutput(connection)),
    );
  } catch (thrown) {
    connection.fail(thrown);
  }
  subscription.add(() => connection.end());
  return subscription;
}

/** The connection's input as a protocol sees it: isolated, so that it may error. */
function failing(connection: StreamConnection): Observable<Buffer> {
  const data$ = new Observable<Buffer>((subscriber) =>
    connection.data$.subscribe({
      next: (data) => subscriber.next(data),
      complete: () => {
        if (connection.failure === undefined) subscriber.complete();
        else subscriber.error(connection.failure);
      },
    }),
  );
  return markInPlace(markHoldable(data$, connection), {
    get gone() {
      return connection.gone;
    },
    get failure() {
      return connection.failure;
    },
    readBy: (reader) => connection.readBy(reader, true),
    unread: (bytes) => connection.unread(bytes),
  });
}

/** What a protocol answers goes to its connection. */
class ProtocolOutput implements Observer<Bytes> {
  // Not `#connection`: `useDeprecatedNextContext` of RxJS calls the methods on an object that inherits from this one.
  private readonly connection: StreamConnection;

  constructor(connection: StreamConnection) {
    this.connection = connection;
  }

  next(bytes: Bytes): void {
    try {
      this.connection.write(bytes);
    } catch (thrown) {
      this.connection.fail(thrown);
    }
  }

  /** The connection's own failure has been told on closed$: fail() does nothing once it is closed. */
  error(error: unknown): void {
    this.connection.fail(error);
  }

  complete(): void {
    this.connection.end();
  }
}
