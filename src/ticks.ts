// ticks$: between 1 and 60 times a second by traffic, evio's rule (its README: "The ticker fires between 1 and 60 times
// a second, depending on the packet traffic"): looked at before each event and after the last one of a turn, never more
// often than every 1/60 s, and after a second without traffic.

import { Observable, Subject } from 'rxjs';

import type { Engine } from './engine.js';
import { relayTo } from './isolated.js';
import type { Timer } from './timing-wheel.js';

/** One tick of a server. Times are in milliseconds on its poller's clock. */
export interface Tick {
  /** When it ticks. */
  readonly now: number;
  /** Time since the tick before it, or since the first subscription. */
  readonly elapsed: number;
  /** 1, 2, 3, … since the first subscription. */
  readonly count: number;
}

const SHORTEST = 1000 / 60;
const LONGEST = 1000;

/** Drives the ticks of one server; idle, and free of cost, while nobody subscribes. */
export class Ticker {
  readonly ticks$: Observable<Tick>;
  readonly #engine: Engine;
  readonly #wanted: (on: boolean) => void;
  readonly #subject = new Subject<Tick>();
  #subscribers = 0;
  #last = 0;
  #count = 0;
  #alarm: Timer | undefined;
  #unwatch: (() => void) | undefined;
  #traffic = false;
  #completed = false;

  /** @param wanted - told before the first one subscribes, and when the last one has left */
  constructor(engine: Engine, wanted: (on: boolean) => void) {
    this.#engine = engine;
    this.#wanted = wanted;
    this.ticks$ = new Observable((subscriber) => {
      const subscription = this.#subject.subscribe(relayTo(subscriber));
      if (subscriber.closed) return;
      if (this.#subscribers === 0) this.#wanted(true);
      if (this.#subscribers++ === 0) this.#start();
      return () => {
        subscription.unsubscribe();
        if (--this.#subscribers > 0) return;
        this.#stop();
        this.#wanted(false);
      };
    });
  }

  /** An event of this server is about to be handled. */
  readonly beforeEvent = (): void => {
    if (this.#subscribers === 0) return;
    this.#traffic = true;
    this.#check();
  };

  /** Completes ticks$. */
  complete(): void {
    this.#completed = true;
    this.#stop();
    this.#subject.complete();
  }

  #start(): void {
    this.#last = this.#engine.poller.now();
    this.#count = 0;
    this.#unwatch = this.#engine.watchTurns(() => {
      if (!this.#traffic) return;
      this.#traffic = false;
      this.#check();
    });
    this.#arm(LONGEST);
  }

  #stop(): void {
    this.#unwatch?.();
    if (this.#alarm !== undefined) this.#engine.cancel(this.#alarm);
    this.#alarm = this.#unwatch = undefined;
  }

  #arm(delay: number): void {
    this.#alarm = this.#engine.after(delay, () => {
      this.#alarm = undefined;
      // Ticks by traffic do not move the alarm: here it asks for what is left of the second. Compared as sums, because
      // a difference of fractions may come out one bit short of a second for ever.
      if (this.#engine.poller.now() >= this.#last + LONGEST) this.#tick();
      // A subscriber of that tick may have left, or left and come again, which has set an alarm.
      if (this.#subscribers === 0 || this.#completed || this.#alarm !== undefined) return;
      this.#arm(Math.max(this.#last + LONGEST - this.#engine.poller.now(), 0));
    });
  }

  #check(): void {
    if (this.#engine.poller.now() - this.#last >= SHORTEST) this.#tick();
  }

  #tick(): void {
    const now = this.#engine.poller.now();
    const elapsed = now - this.#last;
    this.#last = now;
    this.#count += 1;
    this.#subject.next({ now, elapsed, count: this.#count });
  }
}
