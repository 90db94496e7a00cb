// Loads that look at the memory of a server: idle connections, and cycles of them.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Talk } from './load-generator.js';
import { withGenerator } from './loads.js';
import type { Effort, Load, Values } from './measurement.js';
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

/** What an open connection costs in memory: before it said anything, and after one message. */
export function idle(connections: number, talk: Talk): Load {
  return (server, effort) => {
    const count = crowd(connections, effort);
    return withGenerator(server, count, talk, async (generator) => {
      const base = await footprint(server);
      await generator.open();
      const silent = await footprint(server);
      await generator.exchange(0);
      const used = await footprint(server);
      await generator.close();
      const each = (key: keyof Footprint, now: Footprint): number | undefined => {
        const [before, after] = [base[key], now[key]];
        return before === undefined || after === undefined ? undefined : (after - before) / count;
      };
      return {
        connections: count,
        base: base.rss,
        idle: each('rss', silent),
        used: each('rss', used),
        user: each('user', silent),
        usedUser: each('user', used),
        heap: each('heap', silent),
        native: each('native', silent),
      };
    });
  };
}

interface Footprint {
  readonly rss: number;
  /** What JavaScript holds and what malloc has given out; unknown where the server cannot be asked. */
  readonly user?: number;
  readonly heap?: number;
  readonly native?: number;
}

/** `external` memory is not added: buffers come from malloc, and are in its figure. */
async function footprint(server: ServerProcess): Promise<Footprint> {
  if (!server.weighs) {
    await sleep(3 * UNMAPPED);
    return { rss: residentBytes(server.pid) };
  }
  await server.report('collect'); // finalizers run after it, and free more
  await sleep(UNMAPPED);
  const { heap } = await server.report<{ readonly heap: number }>('collect');
  const native = await server.mallocBytes();
  return { rss: residentBytes(server.pid), user: heap + native, heap, native };
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
