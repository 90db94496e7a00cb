// Node's own net, as everybody writes it.

import net from 'node:net';
import { answer, commandLine } from './harness.js';

const { port, protocol } = commandLine();
const counts = { opened: 0, closed: 0, repeated: 0 };

/** The rest is loaded only where it is needed, so that an idle echo does not weigh what a parser weighs. */
async function serviceFor(name: string): Promise<(socket: net.Socket) => void> {
  if (name === 'resp') {
    const { Conversation } = await import('./resp.js');
    return (socket) => {
      const conversation = new Conversation();
      socket.on('data', (chunk) => socket.write(conversation.answer(chunk)));
    };
  }
  if (name === 'counted') {
    answer(() => counts);
    return (socket) => {
      counts.opened++;
      let ends = 0;
      socket.on('close', () => {
        ends++;
        if (ends === 1) counts.closed++;
        else counts.repeated++;
      });
      socket.on('data', (chunk) => socket.write(chunk));
    };
  }
  return (socket) => socket.on('data', (chunk) => socket.write(chunk));
}

const serve = await serviceFor(protocol);
const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy()); // a reset is the client's affair
  serve(socket);
});
server.listen(port, '127.0.0.1');
