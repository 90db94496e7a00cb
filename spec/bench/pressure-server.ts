// The server of `npm run bench:pressure`: echoes, or sends to everybody, and answers its parent with its figures.

import process from 'node:process';

import { listen } from 'evio';
import type { PollerName } from 'evio';
import { interval } from 'rxjs';

const [poller, task] = process.argv.slice(2);
const server = await listen('tcp://127.0.0.1:0', { poller: poller as PollerName }).ready;

server.errors$.subscribe();
server.connections$.subscribe((connection) => {
  if (task === 'echo') connection.data$.subscribe(connection);
  // An answer to each ping beside what is sent to all.
  else connection.data$.subscribe((data) => connection.write(data));
});
if (task === 'fan-out') {
  const news = Buffer.alloc(4096, 'n');
  interval(20).subscribe(() => {
    for (const connection of server.connections.values()) connection.write(news);
  });
}

/** Looking takes a descriptor, which one of these servers may not have. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}

process.on('message', () => {
  const rss = residentBytes();
  const { user, system } = process.cpuUsage();
  let queued = 0;
  for (const connection of server.connections.values()) queued += connection.bytesQueued;
  process.send?.({ rss, cpu: user + system, connections: server.connections.size, queued });
});
process.send?.({ port: server.addresses[0]?.port });
