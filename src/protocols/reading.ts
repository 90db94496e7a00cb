// From a reader of bytes to an operator: in the poller's window where the source is a connection's input, and chunk by chunk
// where it is anything else.

import { Observable, takeWhile } from 'rxjs';
import type { OperatorFunction, Subscriber, TeardownLogic } from 'rxjs';

import { describe, invalidArgument } from '../errors.js';
import { holdableOf, inPlaceOf, markHoldable } from '../input.js';
import type { ReadableInPlace, Reader } from '../input.js';

/** A reader, and what it is called in messages. */
export interface NamedReader extends Reader {
  readonly name: string;
}

/**
 * The operator. On a connection's `data$`, and on the one that `serveEach` hands to a protocol, its readers get the window
 * itself. Its result holds the connection as its source does.
 *
 * @param open - makes the reader of one subscription; `input` is absent where the source is no connection's input
 */
export function reading<T>(
  open: (subscriber: Subscriber<T>, input: ReadableInPlace | undefined) => NamedReader,
): OperatorFunction<Uint8Array, T> {
  return (source$) => {
    const result$ = new Observable<T>((subscriber) => {
      const input = inPlaceOf(source$);
      const reader = open(subscriber, input);
      return input === undefined ? subscribe(source$, reader, subscriber) : input.readBy(reader);
    });
    const holdable = holdableOf(source$);
    return holdable === undefined ? result$ : markHoldable(result$, holdable);
  };
}

function subscribe<T>(
  source$: Observable<Uint8Array>,
  reader: NamedReader,
  subscriber: Subscriber<T>,
): TeardownLogic {
  // A source that emits while it is being subscribed to can only be stopped from within.
  return source$.pipe(takeWhile(() => !subscriber.closed)).subscribe({
    next: (chunk) => {
      if (chunk instanceof Uint8Array) {
        reader.next(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
      } else {
        reader.error(
          invalidArgument(
            `${reader.name}: a chunk must be a Buffer or a Uint8Array, not ${describe(chunk)}`,
            'ERR_INVALID_ARG_TYPE',
          ),
        );
      }
    },
    error: (error: unknown) => reader.error(error),
    complete: () => reader.complete(),
  });
}
