// An echo server as streams: what a client sends goes back to it. `quit` closes the client's connection, `shutdown` the
// server.
//
//   npm start
//   nc 127.0.0.1 9999

import { listen, serveEach } from 'evio';
import { commandLine } from './running/command-line.js';
import { echo } from './echo/protocol.js';
import { runUntilSignal } from './running/run-until-signal.js';

// Nobody is accepted before the subscription in the last part, and nothing is lost until then.
const { address, options } = commandLine('Sends back what it gets.', 9999);
const server = await runUntilSignal(() => listen(address, options));

console.log(`echo server on ${server.addresses.join(', ')} (${server.poller})`);
console.log(`try: nc ${server.addresses[0]?.address} ${server.addresses[0]?.port}`);

// Every connection runs the protocol of echo/protocol.ts, each on its own: the failure of one is nothing to the others.
const protocol = echo(() => void server.close());
server.connections$.pipe(serveEach(protocol)).subscribe();
