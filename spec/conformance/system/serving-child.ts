// What specs run in a child process, forked or of a cluster: a server that greets with its process id, and then echoes.
//
// Arguments: the poller, the port, and `share` for the option reusePort. It tells its port.

import process from 'node:process';

import { listen } from 'evio';
import type { PollerName } from 'evio';

const [poller, port, share] = process.argv.slice(2);
const server = listen(`tcp://127.0.0.1:${port}`, {
  poller: poller as PollerName,
  reusePort: share === 'share',
});
server.connections$.subscribe((connection) => {
  connection.write(`${process.pid}\n`);
  connection.data$.subscribe(connection);
});
process.on('disconnect', () => process.exit());
await server.ready;
process.send?.({ port: server.addresses[0]?.port });
