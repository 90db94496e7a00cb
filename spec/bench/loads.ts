// The loads of our own generator: requests, churn, idle connections, cycles.

import { setTimeout as sleep } from 'node:timers/promises';
import { LoadGenerator, type Talk } from './load-generator.js';
import { type Effort, type Load, requestValues, type Values } from './measurement.js';
import { descriptorLimit, openDescriptors, residentBytes } from './proc.js';
import type { ServerProcess } from './server-process.js';
import { medianSlope } from './statistics.js';

/** What a server that counts its connections answers when it is asked. */
interface Counts {
  readonly opened: number;
  readonly closed: number; // connections whose end was told at least once
  readonly repeated: number; // ends that were told again
  readonly held: number; // bytes in and beside V8's heap
}

const WARM_CYCLES = 3;
const CYCLES = 5;
const SETTLE_PATIENCE = 10_000; // ms
const UNMAPPED = 300; // ms until V8's helpers have given back what a collection freed

/** Clients that stay connected and send batch after batch. `before` is said once, by one client. */
export function requests(connections: number, talk: Talk, before?: Talk): Load {
  return async (server, { warmUp, window }) => {
    if (before !== undefined) {
      await withGenerator(server, 1, before, async (generator) => {
        await generator.open();
        await generator.exchange(0);
        await generator.close();
      });
    }
    return withGenerator(server, connections, talk, async (generator) => {
      await generator.open();
      await generator.exchange(warmUp);
      const cost = await server.cost(() => generator.exchange(window));
      await generator.close();
      return requestValues(cost);
    });
  };
}

/** Clients that connect, exchange one batch, close, and connect again. */
export function churn(connections: number, talk: Talk): Load {
  return (server, { warmUp, window }) =>
    withGenerator(server, connections, talk, async (generator) => {
      await generator.churn(warmUp);
      return requestValues(await server.cost(() => generator.churn(window)));
    });
}

/** What an open connection costs in memory: before it said anything, and after one message. */
export function idle(connections: number, talk: Talk): Load {
  return (server, effort) => {
    const count = crowd(connections, effort);
    return withGenerator(server, count, talk, async (generator) => {
      const settled = async (): Promise<number> => {
        await sleep(effort.window * 500); // what was allocated on the way is released
        return residentBytes(server.pid);
      };
      const base = await settled();
      await generator.open();
      const silent = await settled();
      await generator.exchange(0);
      const used = await settled();
      await generator.close();
      return { connections: count, base, idle: (silent - base) / count, used: (used - base) / count };
    });
  };
}

/** Opens a crowd, uses every connection once, closes it, again and again: nothing may stay behind. */
export function cycles(connections: number, talk: Talk): Load {
  return (server, effort) => {
    const count = crowd(connections, effort);
    return withGenerator(server, count, talk, async (generator) => {
      const start = await settle(server);
      const before = await weigh(server);
      const after: Weight[] = [];
      let seconds = 0;
      for (let cycle = 0; cycle < WARM_CYCLES + CYCLES; cycle++) {
        const parts = [await generator.open(), await generator.exchange(0), await generator.close()];
        if (cycle >= WARM_CYCLES) seconds += parts.reduce((sum, part) => sum + part.seconds, 0);
        await settle(server, before.descriptors);
        after.push(await weigh(server));
      }
      const end = await server.report<Counts>();
      const opened = end.opened - start.opened;
      return {
        opened,
        lost: count * (WARM_CYCLES + CYCLES) - opened,
        missing: opened - (end.closed - start.closed),
        repeated: end.repeated,
        cycle: seconds / CYCLES,
        ...growth(before, after),
      };
    });
  };
}

/** What a process holds on to. */
interface Weight {
  readonly descriptors: number;
  readonly rss: number;
  readonly held: number;
}

async function weigh(server: ServerProcess): Promise<Weight> {
  await server.report<Counts>('collect');
  await sleep(UNMAPPED);
  const { held } = await server.report<Counts>('collect');
  return { held, rss: residentBytes(server.pid), descriptors: openDescriptors(server.pid) };
}

/**
 * V8 keeps or returns half of its young generation as it likes, 8 MiB up or down between two readings without any
 * growth. So growth is the median slope between all readings from the last warm cycle on.
 */
function growth(before: Weight, after: readonly Weight[]): Values {
  const measured = after.slice(WARM_CYCLES - 1);
  const over = (key: 'rss' | 'held'): number => CYCLES * medianSlope(measured.map((weight) => weight[key]));
  return {
    descriptors: (after.at(-1) ?? before).descriptors - before.descriptors,
    before: before.rss,
    warm: measured[0]?.rss,
    last: measured.at(-1)?.rss,
    growth: over('rss'),
    held: over('held'),
    ...Object.fromEntries(after.map(({ rss }, cycle) => [`rss${cycle + 1}`, rss])),
  };
}

/** Waits until the server has noticed every end, but not for ever: what is missing then is counted as missing. */
async function settle(server: ServerProcess, descriptors = Infinity): Promise<Counts> {
  const deadline = Date.now() + SETTLE_PATIENCE;
  for (;;) {
    const counts = await server.report<Counts>();
    const settled = counts.opened === counts.closed && openDescriptors(server.pid) <= descriptors;
    if (settled || Date.now() > deadline) return counts;
    await sleep(20);
  }
}

function crowd(connections: number, { quick }: Effort): number {
  const count = quick ? connections / 10 : connections;
  const needed = count + 200; // the rest of a process
  if (descriptorLimit() < needed) {
    throw new Error(`needs ${needed} descriptors, the limit is ${descriptorLimit()} (ulimit -n)`);
  }
  return count;
}

async function withGenerator<T>(
  server: ServerProcess,
  connections: number,
  talk: Talk,
  work: (generator: LoadGenerator) => Promise<T>,
): Promise<T> {
  const generator = new LoadGenerator(server.port, connections, talk);
  try {
    return await work(generator);
  } finally {
    await generator.stop();
  }
}
