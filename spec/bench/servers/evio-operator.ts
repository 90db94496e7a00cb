// Echo through an operator of the user's: the bytes are copied, since he may keep them, unless --reuse says that he does not.

import { listen } from 'evio';
import { map } from 'rxjs';
import { commandLine } from './harness.js';

const { port, poller, reuse } = commandLine();
const server = listen(`tcp://127.0.0.1:${port}`, { poller, reuseInputBuffer: reuse });
server.connections$.subscribe((connection) => {
  connection.data$.pipe(map((data) => data)).subscribe(connection);
});
console.log(`poller ${server.poller}`);
