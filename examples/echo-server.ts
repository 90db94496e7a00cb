// An echo server as streams: what a client sends goes back to it. `quit` closes the client's connection, `shutdown` the
// server.
//
//   npm start
//   nc 127.0.0.1 9999

import { listen, serveEach, type Protocol } from 'evio';
import { concat, finalize, of, takeWhile, tap } from 'rxjs';
import { commandLine } from './running/command-line.js';
import { commandsIn, type EchoCommand } from './echo/commands.js';
import { runUntilSignal } from './running/run-until-signal.js';

const BANNER =
  "Welcome to the echo server!\nEnter 'quit' to close your connection or 'shutdown' to close the server.\n";

// What happens on one connection: from the bytes it sends to the bytes it gets. When this completes, everything is sent
// and the connection is closed.
const echo: Protocol = (data$) => {
  const commandIn = commandsIn();
  let command: EchoCommand | undefined;
  const echoed$ = data$.pipe(
    tap((data) => (command = commandIn(data))),
    takeWhile(() => command === undefined, true),
    finalize(() => {
      if (command === 'shutdown') void server.close();
    }),
  );
  return concat(of(BANNER), echoed$);
};

// Nobody is accepted before the subscription in the last part, and nothing is lost until then.
const { address, options } = commandLine('Sends back what it gets.', 9999);
const server = await runUntilSignal(() => listen(address, options));

console.log(`echo server on ${server.addresses.join(', ')} (${server.poller})`);
console.log(`try: nc ${server.addresses[0]?.address} ${server.addresses[0]?.port}`);

// Every connection runs the protocol, each on its own: the failure of one is nothing to the others.
server.connections$.pipe(serveEach(echo)).subscribe();
