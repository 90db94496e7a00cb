// The echo server once more, as evio's first README has it: one call, four callbacks.
//
//   npm run example -- echo-server-callbacks
//   nc 127.0.0.1 9999

import { serve, type Reply } from 'evio';
import { commandLine } from './running/command-line.js';
import { commandsIn } from './echo/commands.js';
import { abortedBySignal, fail } from './running/run-until-signal.js';

const { host, port, options } = commandLine('Sends back what it gets.', 9999);

let shutdown = false;
let started = false;
const commandOf = new Map<number, ReturnType<typeof commandsIn>>();

// accept - a new client has connected. What is returned is sent to it. `wake` can be kept: whenever it is called,
// `handle` is called for this client with no data.
function accept(id: number, _addr: string, _wake: () => void): Reply {
  if (shutdown) return [undefined, false];
  commandOf.set(id, commandsIn());
  return [
    "Welcome to the echo server!\nEnter 'quit' to close your connection or 'shutdown' to close the server.\n",
    true,
  ];
}

// handle - a client has sent something. What is returned is sent back; `false` closes the connection after that.
function handle(id: number, data: Buffer): Reply {
  if (shutdown) return [undefined, false];
  const found = commandOf.get(id)?.(data);
  if (found === undefined) return [data, true];
  if (found.command === 'shutdown') shutdown = true;
  return [data.subarray(0, found.end), found.command !== 'quit'];
}

// closed - a client has gone, with an error if there was one.
function closed(id: number): void {
  commandOf.delete(id);
}

// ticker - between 1 and 60 times a second, depending on the traffic. `false` closes all clients and ends the server.
function ticker(): boolean {
  if (!started) console.log(`echo server on ${host}:${port}\ntry: nc ${host} ${port}`);
  started = true;
  return !shutdown;
}

// serve - listens, and resolves when the ticker or the signal has ended it. The last argument but one is given to every
// callback; with variables like the ones above nobody needs it.
const signal = abortedBySignal();
await serve('tcp', `${host}:${port}`, handle, accept, closed, ticker, undefined, {
  ...options,
  signal,
}).catch(fail);
