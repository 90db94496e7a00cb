// Bytes through an operator of the user's: they are copied, since he may keep them, unless --reuse says that he does not.
// RESP is the redis-server example behind such an operator.

import { listen, serveEach } from 'evio';
import type { Protocol } from 'evio';
import { map } from 'rxjs';
import { inlineMore } from '../../../examples/redis/inlining.js';
import { HIGH_WATER_MARK, redis } from '../../../examples/redis/protocol.js';
import { Store } from '../../../examples/redis/store.js';
import { WARM_UP, warmUp } from '../../../examples/redis/warm-up.js';
import { commandLine } from './harness.js';

const { port, poller, protocol, reuse } = commandLine();
const options = { poller, reuseInputBuffer: reuse };
const server =
  protocol === 'resp'
    ? listen(`tcp://127.0.0.1:${port}`, { ...options, highWaterMark: HIGH_WATER_MARK })
    : listen(`tcp://127.0.0.1:${port}`, options);
if (protocol === 'resp') {
  inlineMore();
  await warmUp({ ...options, highWaterMark: HIGH_WATER_MARK }, WARM_UP);
  const parsed = redis(new Store(), { settings: {}, facts: () => ({}), shutdown: () => process.exit() });
  const copied: Protocol = (data$, connection) => parsed(data$.pipe(map((data) => data)), connection);
  server.connections$.pipe(serveEach(copied)).subscribe();
} else {
  server.connections$.subscribe((connection) => {
    connection.data$.pipe(map((data) => data)).subscribe(connection);
  });
}
console.log(`poller ${server.poller}`);
