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
  /** One more observable feeds this receiver, and will end it. */
  own(): void;
  /** One fewer. */
  disown(): void;
  /** Calls back once when the receiver can take no more; the result forgets that. */
  whenClosed(callback: () => void): () => void;
}

/** Whoever can keep a socket from being read while work is in flight. */
export interface Holdable {
  hold(): void;
  release(): void;
}

/** By this, operators find the connection whose input a stream is. */
const HOLDABLE = Symbol('evio.holdable');

/** Makes a stream known as the input of a connection. */
export function markHoldable<T extends object>(source$: T, holdable: Holdable): T {
  return Object.assign(source$, { [HOLDABLE]: holdable });
}

/** The connection whose input a stream is; undefined for any other stream, and for the input of many connections. */
export function holdableOf(source$: object): Holdable | undefined {
  return (source$ as { [HOLDABLE]?: Holdable })[HOLDABLE];
}

/** A receiver that reads bytes where they lie: what it keeps, and what it hands on, it cuts out itself. */
export interface Reader {
  /** It hands the window itself to user code, which may write into it. */
  readonly exposes?: boolean;
  /**
   * `source[start, end)`, never empty, valid only during the call.
   * @param copy - whether user code must get copies of it: not if the server was told `reuseInputBuffer`
   */
  read(source: Buffer, start: number, end: number, copy: boolean): void;
  /** A chunk to keep; an empty one is a wake. */
  next(chunk: Buffer): void;
  complete(): void;
  error(error: unknown): void;
}

/** Input that can be read where it lies, and given back. */
export interface ReadableInPlace {
  /** It is closed: its input, if it had not ended before that, never will. */
  readonly gone: boolean;
  /** Why it is closed, if not on purpose. */
  readonly failure: Error | undefined;
  readBy(reader: Reader): Subscription;
  unread(bytes: Uint8Array): void;
}

/** By this, operators find the input that a stream is. */
const IN_PLACE = Symbol('evio.in-place');

/** Makes a stream known as input that can be read in place. */
export function markInPlace<T extends object>(source$: T, input: ReadableInPlace): T {
  return Object.assign(source$, { [IN_PLACE]: input });
}

/** The input that a stream is, and nothing stands between; undefined for any other stream. */
export function inPlaceOf(source$: object): ReadableInPlace | undefined {
  return (source$ as { [IN_PLACE]?: ReadableInPlace })[IN_PLACE];
}

/** Where the sinks of an {@link Input} live. */
export interface InputSource<T> {
  /** The one connection whose input it is; undefined for the input of many. */
  readonly connection: (Holdable & ReadableInPlace) | undefined;
  addSink(sink: Sink<T>): void;
  removeSink(sink: Sink<T>): void;
  /** Whether bytes may be lent to that observer. */
  isRelay(observer: unknown): observer is Relay;
  /** A plain callback threw while it handled input. */
  observerFailed(error: unknown): void;
}

type Next<T> = ((value: T) => void) | null | undefined;
type OnError = ((error: unknown) => void) | null | undefined;
type Complete = (() => void) | null | undefined;

interface PlainObserver<T> {
  readonly next?: Next<T>;
  readonly error?: OnError;
  readonly complete?: Complete;
}

/** One subscription to input. It is its own Subscription: a connection that echoes needs no other object. */
export abstract class Sink<T> extends Subscription {
  protected readonly source: InputSource<T>;
  /** Takes bytes on loan instead of `next`. */
  get relay(): Relay | undefined {
    return undefined;
  }

  /** Reads bytes that are lent instead of `next`. */
  get reader(): Reader | undefined {
    return undefined;
  }

  constructor(source: InputSource<T>) {
    super();
    this.source = source;
  }

  abstract next(value: T): void;
  /** The input has ended. */
  abstract complete(): void;
  /** Nothing could be bound: the input of a server has failed as a whole. */
  abstract error(error: Error): void;

  override unsubscribe(): void {
    if (this.closed) return;
    super.unsubscribe();
    this.source.removeSink(this);
  }
}

export class Input<T> extends Observable<T> {
  readonly #source: InputSource<T>;

  static {
    const connection = {
      get(this: Input<unknown>) {
        return this.#source.connection;
      },
    };
    Object.defineProperties(Input.prototype, { [HOLDABLE]: connection, [IN_PLACE]: connection });
  }

  constructor(source: InputSource<T>) {
    super();
    this.#source = source;
  }

  override subscribe(observer?: Partial<Observer<T>>): Subscription;
  override subscribe(next: (value: T) => void): Subscription;
  override subscribe(next?: Next<T>, error?: OnError, complete?: Complete): Subscription;
  override subscribe(
    first?: Partial<Observer<T>> | Next<T>,
    error?: OnError,
    complete?: Complete,
  ): Subscription {
    const source = this.#source;
    // Not even looked at: who asks a connection for its `complete` says that he feeds it.
    if (!source.isRelay(first) && isSubscriber<T>(first)) {
      // From an operator, which handles its own errors.
      const sink = new SubscriberSink<T>(source, first);
      first.add(sink);
      if (!sink.closed) source.addSink(sink);
      return first;
    }
    const sink = plainSink(source, first, error, complete);
    if (!sink.closed) source.addSink(sink);
    return sink;
  }
}

function plainSink<T>(
  source: InputSource<T>,
  first: Partial<Observer<T>> | Next<T>,
  error: OnError,
  complete: Complete,
): Sink<T> {
  if (source.isRelay(first)) {
    return isSource(source, first) ? new EchoSink<T>(source) : new RelaySink<T>(source, first);
  }
  const observer = typeof first === 'function' || first == null ? { next: first, error, complete } : first;
  return new CallbackSink<T>(source, observer);
}

function isSource<T>(source: InputSource<T>, relay: Relay): source is EchoSource<T> {
  return (source as unknown) === relay;
}

/** By its shape, as RxJS itself does it: it may come from another copy of RxJS, and must still take its teardown along. */
function isSubscriber<T>(observer: unknown): observer is Subscriber<T> {
  if (observer instanceof Subscriber) return true;
  if (typeof observer !== 'object' || observer === null) return false;
  return ['next', 'error', 'complete', 'add', 'unsubscribe'].every(
    (method) => typeof (observer as Record<string, unknown>)[method] === 'function',
  );
}

class SubscriberSink<T> extends Sink<T> {
  readonly #subscriber: Subscriber<T>;

  constructor(source: InputSource<T>, subscriber: Subscriber<T>) {
    super(source);
    this.#subscriber = subscriber;
  }

  next(value: T): void {
    this.#subscriber.next(value);
  }

  complete(): void {
    this.#subscriber.complete();
  }

  error(error: Error): void {
    this.#subscriber.error(error);
  }
}

/** Of an observer that takes bytes on loan. */
export class RelaySink<T> extends Sink<T> {
  readonly #relay: Relay;
  readonly #forget: (() => void) | undefined;

  constructor(source: InputSource<T>, relay: Relay) {
    super(source);
    this.#relay = relay;
    relay.own();
    this.#forget = relay.whenClosed(() => this.unsubscribe());
  }

  override get relay(): Relay {
    return this.#relay;
  }

  next(): void {}

  complete(): void {
    this.#relay.relayEnd();
  }

  error(): void {}

  override unsubscribe(): void {
    if (this.closed) return;
    super.unsubscribe();
    this.#forget?.(); // not yet there when the receiver was closed already
    this.#relay.disown();
  }
}

type EchoSource<T> = InputSource<T> & Relay;

/**
 * Of a source that is its own observer, closes together with it and knows by itself that it is: a small object, since a server may
 * have one for each of its connections.
 */
class EchoSink<T> extends Sink<T> {
  declare protected readonly source: EchoSource<T>;

  override get relay(): Relay {
    return this.source;
  }

  next(): void {}

  complete(): void {
    this.source.relayEnd();
  }

  error(): void {}
}

/** Of an operator that reads bytes where they lie. */
export class ReaderSink extends Sink<Buffer> {
  readonly #reader: Reader;

  constructor(source: InputSource<Buffer>, reader: Reader) {
    super(source);
    this.#reader = reader;
  }

  override get reader(): Reader {
    return this.#reader;
  }

  next(chunk: Buffer): void {
    this.#reader.next(chunk);
  }

  complete(): void {
    this.#reader.complete();
  }

  error(error: Error): void {
    this.#reader.error(error);
  }
}

/** Of one that is told of a failure of the connection as an error. */
export class FailingReaderSink extends ReaderSink {
  override complete(): void {
    const failure = this.source.connection?.failure;
    if (failure === undefined) super.complete();
    else this.error(failure);
  }
}

class CallbackSink<T> extends Sink<T> {
  readonly #observer: PlainObserver<T>;

  constructor(source: InputSource<T>, observer: PlainObserver<T>) {
    super(source);
    this.#observer = observer;
  }

  next(value: T): void {
    try {
      this.#observer.next?.(value);
    } catch (thrown) {
      this.source.observerFailed(thrown);
    }
  }

  complete(): void {
    try {
      this.#observer.complete?.();
    } catch (thrown) {
      this.source.observerFailed(thrown);
    }
  }

  error(error: Error): void {
    const observer = this.#observer;
    // Without a handler it is RxJS that reports it.
    throwError(() => error).subscribe(observer.error == null ? {} : { error: observer.error.bind(observer) });
  }
}
