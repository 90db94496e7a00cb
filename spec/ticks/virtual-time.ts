// Virtual time for specs of ticks: a server on a virtual poller inside `TestScheduler.run`.

import { expect } from 'chai';
import { listen } from 'evio';
import type { Server, Tick } from 'evio';
import { TestScheduler } from 'rxjs/testing';
import type { RunHelpers } from 'rxjs/testing';

import { VirtualPoller } from '../support/virtual-poller.js';
import type { VirtualStream } from '../support/virtual-poller.js';

export interface VirtualTime extends RunHelpers {
  readonly poller: VirtualPoller;
  readonly server: Server;
  /** One more server on the same poller. */
  another(): Server;
  /** Calls at a virtual time in milliseconds, fractions included. */
  at(milliseconds: number, act: () => void): void;
  /** Calls every so many milliseconds, from one time to before another. */
  every(period: number, from: number, until: number, act: () => void): void;
}

/** Runs a spec on virtual time from 0; expectations are checked when time is over. */
export function onVirtualTime(spec: (time: VirtualTime) => void): void {
  const scheduler = new TestScheduler((actual, expected) => {
    expect(actual).to.deep.equal(expected);
  });
  scheduler.run((helpers) => {
    const poller = new VirtualPoller(scheduler);
    const another = (): Server => listen('tcp://127.0.0.1:0', { poller });
    const server = another();
    const at = (milliseconds: number, act: () => void): void => {
      scheduler.schedule(act, milliseconds - scheduler.now());
    };
    const every = (period: number, from: number, until: number, act: () => void): void => {
      const next = (i: number): void => {
        if (from + i * period >= until) return;
        at(from + i * period, () => {
          act();
          next(i + 1);
        });
      };
      next(0);
    };
    spec({ ...helpers, poller, server, another, at, every });
  });
}

/** A client whose input is read, so that its data are traffic. */
export function reader({ poller, server }: VirtualTime): VirtualStream {
  server.data$.subscribe();
  return poller.accept();
}

/** A tick as it has to be. */
export function tick(now: number, elapsed: number, count: number): Tick {
  return { now, elapsed, count };
}
