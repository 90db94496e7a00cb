// Loads of our own generator without a reply to each request: bulk streams, fan-out, clients that do not read.

import { setTimeout as sleep } from 'node:timers/promises';
import { LoadGenerator, type Talk } from './load-generator.js';
import { withGenerator } from './loads.js';
import { type Load, requestValues } from './measurement.js';
import { acceptedConnections, residentBytes } from './proc.js';
import type { ServerProcess } from './server-process.js';
import { sliced } from './slices.js';

/** One connection. `in`: to the server only, `out`: from it only. A byte that is echoed is counted once. */
export function streamed(flow: 'both' | 'in' | 'out'): Load {
  return (server, effort, turns) =>
    withGenerator(server, 1, { stream: flow }, async (generator) => {
      await generator.open();
      await generator.stream(effort.warmUp);
      const cost = await sliced(server, effort, turns, async (time) => {
        if (flow === 'in') await generator.open(); // its stream ends by FIN
        return generator.stream(time);
      });
      const {
        rate,
        requests: bytes,
        cpu: _,
        p50: _p50,
        p99: _p99,
        p999: _p999,
        ...others
      } = requestValues(cost);
      return { ...others, bytes, rate, perCpu: cost.result.count / cost.cpu / 1e6 };
    });
}

/** One client says something, and when all have heard it the next. */
export function fanOut(connections: number, talk: Talk): Load {
  return (server, effort, turns) =>
    withGenerator(server, connections, talk, async (generator) => {
      await generator.open();
      await joined(server, connections);
      await generator.publish(effort.warmUp);
      const cost = await sliced(server, effort, turns, (time) => generator.publish(time));
      await generator.close();
      return requestValues(cost);
    });
}

/** A client is connected before the server has accepted it, and who is not accepted yet hears nothing. */
async function joined(server: ServerProcess, connections: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (acceptedConnections(server.port) < connections) {
    if (Date.now() > deadline) throw new Error('the server does not accept all connections');
    await sleep(10);
  }
  await sleep(50); // until the last ones have been announced to its program
}

/** Some clients send up to so many bytes and read nothing; what that does to the server, and to others. */
export function slowReaders(slow: number, bytes: number, others: number, talk: Talk): Load {
  return (server, { quick, warmUp, window }) =>
    withGenerator(server, others, talk, async (generator) => {
      await generator.open();
      await generator.exchange(warmUp);
      const before = await generator.exchange(window / 2);
      const base = residentBytes(server.pid);
      const flooding = new LoadGenerator(server.port, slow, { stream: 'both' });
      try {
        await flooding.open();
        const flooded = await flooding.flood(quick ? bytes / 4 : bytes);
        const growth = (await mostResident(server.pid)) - base;
        const cost = await server.cost(() => generator.exchange(window));
        const slower = cost.result.p99 / before.p99;
        return { ...requestValues(cost), growth, flooded: flooded.count, before: before.p99, slower };
      } finally {
        await flooding.stop();
      }
    });
}

/** When it has taken what was sent and grows no more, or after 10 s: the kernel has taken all of it before that. */
async function mostResident(pid: number): Promise<number> {
  let most = residentBytes(pid);
  for (let looks = 0, quiet = 0; looks < 200 && quiet < 6; looks++, quiet++) {
    await sleep(50);
    const now = residentBytes(pid);
    if (now > most) {
      most = now;
      quiet = -1;
    }
  }
  return most;
}
