// A subject's subscribers, each apart from the others: RxJS throws what a teardown throws out of `complete`, and that
// would keep the subject from telling the rest. Behind a plain observer it is an uncaught exception instead.

import { Observable } from 'rxjs';
import type { Observer, Subscriber } from 'rxjs';

export function isolated<T>(source$: Observable<T>): Observable<T> {
  return new Observable((subscriber) => source$.subscribe(relayTo(subscriber)));
}

export function relayTo<T>(subscriber: Subscriber<T>): Observer<T> {
  return {
    next: (value) => subscriber.next(value),
    error: (error) => subscriber.error(error),
    complete: () => subscriber.complete(),
  };
}
