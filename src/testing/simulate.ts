// One run of a simulation: a body that sets things up, virtual time until nothing happens any more, and the checks.

import { inspect, isDeepStrictEqual } from 'node:util';

import { VirtualTimeScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { RunHelpers } from 'rxjs/testing';

import { ExpectationError } from './expectations.js';
import { checkSimulationOptions } from './simulation-options.js';
import { World } from './world.js';
import type { SimulationOptions } from './world.js';
import { WorldClock } from './world-clock.js';

const QUIET = 1000;

/** That of the test runner, or a plain one. */
function comparisonOf({ assertDeepEqual }: SimulationOptions): (actual: unknown, expected: unknown) => void {
  return (actual, expected) => {
    if (assertDeepEqual !== undefined) assertDeepEqual(actual, expected);
    else if (!isDeepStrictEqual(actual, expected)) {
      throw new ExpectationError(
        `expected ${inspect(expected, { depth: 5 })}, but it was ${inspect(actual, { depth: 5 })}`,
        actual,
        expected,
      );
    }
  };
}

/**
 * Runs a spec in virtual time, without a socket: `listen`, `connect` and `serve` with `poller: world.poller` are the
 * library itself, over a modelled kernel. Works as `TestScheduler.run` does, whose helpers `cold`, `hot`, `time`,
 * `expectObservable` and `expectSubscriptions` are there too: the body sets up, then time runs, then everything that
 * was expected is checked, and that nothing is left open.
 *
 * @throws what fails first; an ExpectationError tells a person where and why.
 * @example
 * ```ts
 * simulate((world) => {
 *   world.serving((data$) => data$.pipe(map((data) => data.toString().toUpperCase())));
 *   const client = world.client('--a--b-|', { a: 'ping', b: 'pong' });
 *   world.expectWire(client).toBe('--A--B-|', { A: 'PING', B: 'PONG' });
 * });
 * ```
 */
export function simulate<T>(body: (world: World) => T, options: SimulationOptions = {}): T {
  const scheduler = new BoundedScheduler(comparisonOf(options));
  let world: World | undefined;
  let result: T;
  try {
    result = scheduler.run((helpers) => {
      world = worldOf(scheduler, helpers, options);
      const running = world;
      scheduler.horizon = () => running.horizon;
      return body(world);
    });
  } catch (error) {
    world?.abandon();
    throw error;
  }
  world?.finish();
  return result;
}

/**
 * The same for handlers that use promises: microtasks run between any two moments of virtual time. After an `await`, give
 * RxJS's own operators of time `world.scheduler`: they know of virtual time only while nothing is awaited.
 */
export async function simulateAsync<T>(
  body: (world: World) => T | Promise<T>,
  options: SimulationOptions = {},
): Promise<T> {
  const scheduler = new SteppingScheduler(comparisonOf(options));
  let world: World | undefined;
  let running: Promise<T> | undefined;
  const progress = { settled: false };
  scheduler.run((helpers) => {
    world = worldOf(scheduler, helpers, options);
    const of = world;
    running = (async () => body(of))().finally(() => {
      progress.settled = true;
    });
  });
  const started = world as unknown as World;
  const result = running as unknown as Promise<T>;
  result.catch(() => {});
  while (scheduler.time <= started.horizon || !progress.settled) {
    await microtasks();
    scheduler.step();
    if (scheduler.time > LONGEST)
      throw new Error(`the body of simulateAsync has not ended after ${LONGEST} ms`);
  }
  await microtasks();
  try {
    await result;
    scheduler.conclude();
  } catch (error) {
    started.abandon();
    throw error;
  }
  started.finish();
  return result;
}

/** Virtual time after which a body that awaits is taken to await in vain. */
const LONGEST = 3_600_000;

function worldOf(scheduler: TestScheduler, helpers: RunHelpers, options: SimulationOptions): World {
  checkSimulationOptions(options);
  return new World(scheduler, helpers, options, new WorldClock(scheduler, options.quiet ?? QUIET));
}

/** All microtasks, and what they bring about. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** A TestScheduler whose time ends, however much is still asked of it: a protocol may push for ever. */
class BoundedScheduler extends TestScheduler {
  horizon: () => number = () => 0;

  override flush(): void {
    while (this.hotObservables.length > 0) this.hotObservables.shift()?.setup();
    let end: number;
    do {
      end = this.horizon();
      this.maxFrames = end;
      VirtualTimeScheduler.prototype.flush.call(this);
    } while (this.horizon() > end);
    super.flush();
  }
}

/** A TestScheduler whose time moves a millisecond at a time. */
class SteppingScheduler extends TestScheduler {
  time = -1;
  #concluding = false;

  constructor(assertDeepEqual: (actual: unknown, expected: unknown) => void) {
    super(assertDeepEqual);
    // Every `run` has timers of its own and knows none of those before: what one step sets the next could not clear, and
    // what it clears could be another's. One set of them for all steps.
    const scheduler = this as unknown as { createDelegates?: () => unknown };
    const create = scheduler.createDelegates;
    if (typeof create !== 'function') return;
    let delegates: unknown;
    scheduler.createDelegates = () => (delegates ??= create.call(scheduler));
  }

  step(): void {
    this.time += 1;
    this.run(() => {});
  }

  conclude(): void {
    this.#concluding = true;
    this.run(() => {});
  }

  override flush(): void {
    while (this.hotObservables.length > 0) this.hotObservables.shift()?.setup();
    if (this.#concluding) {
      // Time is over: what goes on for ever, as an interval does, must not be waited for.
      this.maxFrames = Math.max(this.time, 0);
      super.flush();
      return;
    }
    this.maxFrames = this.time;
    VirtualTimeScheduler.prototype.flush.call(this);
    this.frame = Math.max(this.frame, this.time, 0);
  }
}
