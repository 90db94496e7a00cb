// evio's streams with the defaults: a connection is the observer of its own data.

import { type Connection, listen } from 'evio';
import { answer, CHUNK, commandLine } from './harness.js';

const { port, poller, protocol } = commandLine();
const server = listen(`tcp://127.0.0.1:${port}`, { poller });
let discarded = 0;

switch (protocol) {
  case 'sink':
    server.data$.subscribe(({ data }) => (discarded += data.length));
    break;
  case 'source':
    server.connections$.subscribe((connection) => {
      connection.drained$.subscribe(() => pour(connection));
      pour(connection);
    });
    break;
  case 'fan-out':
    server.data$.subscribe(({ data }) => {
      for (const connection of server.connections.values()) connection.write(data);
    });
    break;
  default:
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
}
if (protocol === 'weighed') answer(() => ({ discarded }));
console.log(`poller ${server.poller}`);

function pour(connection: Connection): void {
  while (connection.write(CHUNK));
}
