// The server of `npm run soak`: echoes.

import process from 'node:process';

import { listen } from 'evio';
import type { PollerName } from 'evio';

const poller = (process.argv[2] ?? 'auto') as 'auto' | PollerName;
const server = await listen('tcp://127.0.0.1:0', { poller, writeTimeout: 60_000 }).ready;

server.errors$.subscribe();
server.connections$.subscribe((connection) => {
  connection.data$.subscribe(connection);
  connection.context = { id: connection.id };
});
process.send?.({ port: server.addresses[0]?.port });
