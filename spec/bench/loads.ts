// The loads of our own generator that are made of requests.

import { LoadGenerator, type Talk } from './load-generator.js';
import { type Load, requestValues } from './measurement.js';
import type { ServerProcess } from './server-process.js';
import { sliced } from './slices.js';

/** Clients that stay connected and send batch after batch. `before` is said once, by one client. */
export function requests(connections: number, talk: Talk, before?: Talk): Load {
  return async (server, effort, turns) => {
    if (before !== undefined) {
      await withGenerator(server, 1, before, async (generator) => {
        await generator.open();
        await generator.exchange(0);
        await generator.close();
      });
    }
    return withGenerator(server, connections, talk, async (generator) => {
      await generator.open();
      await generator.exchange(effort.warmUp);
      const cost = await sliced(server, effort, turns, (time) => generator.exchange(time));
      await generator.close();
      return requestValues(cost);
    });
  };
}

/** Clients that connect, exchange one batch, close, and connect again. */
export function churn(connections: number, talk: Talk): Load {
  return (server, effort, turns) =>
    withGenerator(server, connections, talk, async (generator) => {
      await generator.churn(effort.warmUp);
      return requestValues(await sliced(server, effort, turns, (time) => generator.churn(time)));
    });
}

/** Works with a generator that ends with the work. */
export async function withGenerator<T>(
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
