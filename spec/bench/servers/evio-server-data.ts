// Echo with one subscription for the whole server.

import { listen } from 'evio';
import { answer, commandLine } from './harness.js';

const { port, poller, protocol } = commandLine();
const server = listen(`tcp://127.0.0.1:${port}`, { poller });
server.data$.subscribe(({ connection, data }) => connection.write(data));
if (protocol === 'weighed') answer(() => ({}));
console.log(`poller ${server.poller}`);
