// Whether a thread that waits really waits.

import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a thread that waits may spend beside: it spends less than a hundredth, and a poller that spins all of it. */
export const QUIET = 0.25;

const WINDOWS = 8;

/**
 * The share of time in which the event loop does not wait, in the calmest of some windows of 25 ms. Unlike CPU time, it is
 * no smaller for a loop that spins on a busy machine; and the machine's other work makes no window of all of them busy.
 */
export async function busyShare(): Promise<number> {
  let calmest = 1;
  for (let i = 0; i < WINDOWS; i++) {
    const before = performance.eventLoopUtilization();
    await sleep(25);
    calmest = Math.min(calmest, performance.eventLoopUtilization(before).utilization);
  }
  return calmest;
}
