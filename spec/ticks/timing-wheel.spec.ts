// The timing wheel against the simplest thing that could be right: a sorted list.

import { expect } from 'chai';

interface Timer {
  readonly at: number;
}

interface TimingWheel {
  readonly next: number;
  set(timer: Timer, at: number): void;
  clear(timer: Timer): void;
  takeDue(now: number): Timer | undefined;
}

// Not public names: they are found where they were built, .out/spec/ticks being three folders deep.
const built = new URL('../../../dist/timing-wheel.js', import.meta.url).href;
const { Timer, TimingWheel } = (await import(built)) as {
  Timer: new (run: () => void) => Timer;
  TimingWheel: new (now: number) => TimingWheel;
};

const newTimer = (): Timer => new Timer(() => {});

/** What a wheel must do, in the slowest way. */
class SortedList {
  readonly #entries: { timer: Timer; at: number; order: number }[] = [];
  #order = 0;

  get earliest(): number {
    return Math.min(...this.#entries.map(({ at }) => at));
  }

  set(timer: Timer, at: number): void {
    this.clear(timer);
    this.#entries.push({ timer, at, order: ++this.#order });
  }

  clear(timer: Timer): void {
    const index = this.#entries.findIndex((entry) => entry.timer === timer);
    if (index >= 0) this.#entries.splice(index, 1);
  }

  takeDue(now: number): Timer | undefined {
    this.#entries.sort((a, b) => a.at - b.at || a.order - b.order);
    return (this.#entries[0]?.at ?? Infinity) <= now ? this.#entries.shift()?.timer : undefined;
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const DELAYS = [0, 0.4, 1, 16.67, 63, 64, 65, 1000, 4095, 4096, 5000, 300_000, 20_000_000, 2e9];

describe('the timing wheel', () => {
  for (let seed = 1; seed <= 10; seed++) {
    it(`gives what a sorted list gives, and never asks to be looked at too late (seed ${seed})`, () => {
      const next = random(seed);
      const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
      let now = next() * 1e6;
      const wheel = new TimingWheel(now);
      const list = new SortedList();
      const timers = Array.from({ length: 30 }, newTimer);
      for (let step = 0; step < 2000; step++) {
        const timer = pick(timers);
        if (next() < 0.6) {
          const at = now + pick(DELAYS) * (next() < 0.5 ? 1 : next());
          wheel.set(timer, at);
          list.set(timer, at);
        } else if (next() < 0.3) {
          wheel.clear(timer);
          list.clear(timer);
        } else {
          // To the time asked for, as an alarm does, or to any other.
          now = Math.max(
            now,
            next() < 0.5 && wheel.next < Infinity ? wheel.next : now + pick(DELAYS) * next(),
          );
          for (;;) {
            const due = wheel.takeDue(now);
            expect(due).to.equal(list.takeDue(now));
            if (due === undefined) break;
            if (next() < 0.2) {
              // From inside a callback.
              wheel.set(timer, now - next());
              list.set(timer, timer.at);
            }
          }
        }
        expect(wheel.next).to.be.at.most(list.earliest);
        if (list.earliest === Infinity) expect(wheel.next).to.equal(Infinity);
      }
    });
  }

  it('is looked at a few times only on the way to a deadline far away', () => {
    const wheel = new TimingWheel(0);
    for (let i = 0; i < 1000; i++) wheel.set(newTimer(), 30_000 + i);
    let looks = 0;
    let found = 0;
    while (wheel.next < Infinity) {
      const now = wheel.next;
      looks += 1;
      while (wheel.takeDue(now) !== undefined) found += 1;
    }
    expect(found).to.equal(1000);
    expect(looks).to.be.within(1000, 1030);
  });

  it('knows the very time of a single deadline, also after it was moved', () => {
    const wheel = new TimingWheel(5);
    const timer = newTimer();
    wheel.set(timer, 12_345.678);
    expect(wheel.next).to.equal(12_345.678);
    wheel.set(timer, 500.5);
    wheel.takeDue(100);
    expect(wheel.next).to.be.within(100, 500.5);
    expect(wheel.takeDue(500.4)).to.equal(undefined);
    expect(wheel.next).to.equal(500.5);
    expect(wheel.takeDue(500.5)).to.equal(timer);
    expect(wheel.next).to.equal(Infinity);
  });
});
