// The Observable of received bytes: multicast, without replay, and read from the socket only while somebody subscribes.
//
// It is the one subclass of Observable in this library. Its `subscribe` does two things that a plain Observable cannot:
// it recognises a Connection as observer, which then gets the bytes without a copy, and it catches what a plain callback
// throws, so that one client's failure stays that client's own (RxJS would make it an uncaught exception).

import { Observable, Subscriber, Subscription, throwError } from 'rxjs';
import type { Observer } from 'rxjs';

/** A receiver that is finished with the bytes when the call returns. */
export interface Relay {
  relay(source: Buffer, start: number, end: number): void;
  /** The source's input has ended. */
  relayEnd(): void;
  /** Says that an observable feeds this receiver from now on; the result takes it back. */
  own(): () => void;
  /** Calls back once when the receiver can take no more; the result forgets that. */
  whenClosed(callback: () => void): () => void;
}

/** One subscription to input. */
export interface Sink<T> {
  closed: boolean;
  readonly relay: Relay | undefined;
  next(value: T): void;
  complete(): void;
  /** Nothing could be bound: the input of a server has failed as a whole. */
  error(error: Error): void;
}

/** Where the sinks of an {@link Input} live. */
export interface InputSource<T> {
  addSink(sink: Sink<T>): void;
  removeSink(sink: Sink<T>): void;
  /** A plain callback threw while it handled input. */
  observerFailed(error: unknown): void;
}

type Next<T> = ((value: T) => void) | null | undefined;
type OnError = ((error: unknown) => void) | null | undefined;
type Complete = (() => void) | null | undefined;

/** Tells a receiver that takes borrowed bytes from any other observer. */
export type IsRelay = (observer: unknown) => observer is Relay;

export class Input<T> extends Observable<T> {
  readonly #source: InputSource<T>;
  readonly #isRelay: IsRelay;

  constructor(source: InputSource<T>, isRelay: IsRelay) {
    super((subscriber) =>
      this.#attach({
        closed: false,
        relay: undefined,
        next: (value) => subscriber.next(value),
        complete: () => subscriber.complete(),
        error: (error) => subscriber.error(error),
      }),
    );
    this.#source = source;
    this.#isRelay = isRelay;
  }

  override subscribe(observer?: Partial<Observer<T>>): Subscription;
  override subscribe(next: (value: T) => void): Subscription;
  override subscribe(next?: Next<T>, error?: OnError, complete?: Complete): Subscription;
  override subscribe(
    first?: Partial<Observer<T>> | Next<T>,
    error?: OnError,
    complete?: Complete,
  ): Subscription {
    if (first instanceof Subscriber) return super.subscribe(first as Observer<T>);
    if (this.#isRelay(first)) return this.#attachRelay(first);
    const plain = typeof first === 'function' || first == null ? { next: first, error, complete } : first;
    return this.#attach(this.#guard(plain));
  }

  #attach(sink: Sink<T>): Subscription {
    const subscription = new Subscription(() => {
      sink.closed = true;
      this.#source.removeSink(sink);
    });
    this.#source.addSink(sink);
    return subscription;
  }

  #attachRelay(relay: Relay): Subscription {
    const disown = relay.own();
    const subscription = this.#attach({
      closed: false,
      relay,
      next() {},
      complete: () => relay.relayEnd(),
      error() {},
    });
    const forget = relay.whenClosed(() => subscription.unsubscribe());
    subscription.add(() => {
      forget();
      disown();
    });
    return subscription;
  }

  #guard(observer: {
    readonly next?: Next<T>;
    readonly error?: OnError;
    readonly complete?: Complete;
  }): Sink<T> {
    const source = this.#source;
    const guarded = (call: () => void): void => {
      try {
        call();
      } catch (thrown) {
        source.observerFailed(thrown);
      }
    };
    return {
      closed: false,
      relay: undefined,
      next(value) {
        try {
          observer.next?.(value);
        } catch (thrown) {
          source.observerFailed(thrown);
        }
      },
      complete: () => guarded(() => observer.complete?.()),
      error: (error) => {
        // Without a handler it is RxJS that reports it.
        throwError(() => error).subscribe(
          observer.error == null ? {} : { error: observer.error.bind(observer) },
        );
      },
    };
  }
}
