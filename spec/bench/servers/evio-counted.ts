// Echo that knows of every connection how often its end was told.

import { listen } from 'evio';
import { answer, commandLine } from './harness.js';

const counts = { opened: 0, closed: 0, repeated: 0 };
const { port, poller } = commandLine();
const server = listen(`tcp://127.0.0.1:${port}`, { poller });
server.connections$.subscribe((connection) => {
  counts.opened++;
  let ends = 0;
  connection.closed$.subscribe(() => {
    ends++;
    if (ends === 1) counts.closed++;
    else counts.repeated++;
  });
  connection.data$.subscribe(connection);
});
console.log(`poller ${server.poller}`);
answer(() => counts);
