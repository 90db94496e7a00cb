// Node's own net, as everybody writes it.

import net from 'node:net';
import { answer, CHUNK, commandLine } from './harness.js';

const { port, protocol } = commandLine();
const counts = { opened: 0, closed: 0, repeated: 0 };
const everybody = new Set<net.Socket>();
let discarded = 0;

/** The rest is loaded only where it is needed, so that an idle echo does not weigh what a parser weighs. */
async function serviceFor(name: string): Promise<(socket: net.Socket) => void> {
  if (name === 'resp') {
    const { Conversation } = await import('./resp.js');
    return (socket) => {
      const conversation = new Conversation();
      socket.on('data', (chunk) => socket.write(conversation.answer(chunk)));
    };
  }
  switch (name) {
    case 'counted':
      answer(() => counts);
      return count;
    case 'weighed':
      answer(() => ({}));
      return echo;
    case 'stream':
      return (socket) => socket.pipe(socket);
    case 'sink':
      return (socket) => socket.on('data', (chunk) => (discarded += chunk.length));
    case 'source':
      return (socket) => pour(socket.on('drain', () => pour(socket)).resume());
    case 'fan-out':
      return join;
    default:
      return echo;
  }
}

function echo(socket: net.Socket): void {
  socket.on('data', (chunk) => socket.write(chunk));
}

function count(socket: net.Socket): void {
  counts.opened++;
  let ends = 0;
  socket.on('close', () => {
    ends++;
    if (ends === 1) counts.closed++;
    else counts.repeated++;
  });
  echo(socket);
}

function join(socket: net.Socket): void {
  everybody.add(socket);
  socket.on('close', () => everybody.delete(socket));
  socket.on('data', (chunk) => {
    for (const each of everybody) each.write(chunk);
  });
}

function pour(socket: net.Socket): void {
  while (socket.write(CHUNK));
}

const serve = await serviceFor(protocol);
const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy()); // a reset is the client's affair
  serve(socket);
});
server.listen(port, '127.0.0.1');
