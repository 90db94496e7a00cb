// Echo with evio's streams: a connection is the observer of its own data.

import { listen } from 'evio';
import { commandLine } from './harness.js';

const { port, poller } = commandLine();
const server = listen(`tcp://127.0.0.1:${port}`, { poller });
server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
console.log(`poller ${server.poller}`);
