// A program of specs: two workers of a node:cluster listen on one port; it prints what became of each.
//
// Arguments: the poller, and `share` for the option reusePort.

import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import process from 'node:process';

import { listen } from 'evio';
import type { PollerName } from 'evio';

const [poller, share] = process.argv.slice(2);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** One after the other, so that it is clear who comes second. */
async function primary(): Promise<void> {
  const port = await freePort();
  const workers = [];
  for (let i = 0; i < 2; i++) {
    const worker = cluster.fork({ PORT: String(port) });
    workers.push(worker);
    const [message] = (await once(worker, 'message')) as [string];
    console.log(message.replace(String(port), 'PORT'));
  }
  for (const worker of workers) worker.kill();
}

async function worker(): Promise<void> {
  const server = listen(`tcp://127.0.0.1:${process.env['PORT']}`, {
    poller: poller as PollerName,
    reusePort: share === 'share',
  });
  const outcome = await server.ready.then(
    () => 'listening',
    (error: Error) => error.message,
  );
  process.send?.(outcome);
}

await (cluster.isPrimary ? primary() : worker());
