// Bun.listen. Run by bun; the few names of its API that are used are declared here, since it is no dependency.

import { CHUNK, commandLine } from './harness.js';
import type { Conversation } from './resp.js';

interface Socket {
  data: Session;
  /** How many bytes the kernel took. */
  write(bytes: Uint8Array): number;
}

interface Session {
  readonly conversation: Conversation | undefined;
  /** What the kernel has not taken yet. */
  readonly unsent: Buffer[];
}

declare const Bun: {
  listen(options: {
    hostname: string;
    port: number;
    socket: {
      open(socket: Socket): void;
      close(socket: Socket): void;
      data(socket: Socket, data: Buffer): void;
      drain(socket: Socket): void;
    };
  }): unknown;
};

const { port, protocol } = commandLine();
const Talk = protocol === 'resp' ? (await import('./resp.js')).Conversation : undefined;
const everybody = new Set<Socket>();
let discarded = 0;

/** Bun's data buffer is our own to keep, and so is what the conversation answers. False: the kernel is full. */
function write(socket: Socket, bytes: Buffer): boolean {
  const { unsent } = socket.data;
  const sent = unsent.length > 0 ? 0 : Math.max(0, socket.write(bytes));
  if (sent === bytes.length) return true;
  unsent.push(bytes.subarray(sent));
  return false;
}

function drain(socket: Socket): boolean {
  const { unsent } = socket.data;
  for (const rest of unsent.splice(0)) write(socket, rest);
  return unsent.length === 0;
}

function pour(socket: Socket): void {
  while (write(socket, CHUNK));
}

function heard(socket: Socket, data: Buffer): void {
  const { conversation } = socket.data;
  if (conversation !== undefined) write(socket, conversation.answer(data));
  else if (protocol === 'sink') discarded += data.length;
  else if (protocol === 'fan-out') for (const each of everybody) write(each, data);
  else write(socket, data);
}

Bun.listen({
  hostname: '127.0.0.1',
  port,
  socket: {
    open(socket) {
      socket.data = { conversation: Talk && new Talk(), unsent: [] };
      if (protocol === 'fan-out') everybody.add(socket);
      if (protocol === 'source') pour(socket);
    },
    close(socket) {
      everybody.delete(socket);
    },
    data: heard,
    drain(socket) {
      if (drain(socket) && protocol === 'source') pour(socket);
    },
  },
});
process.once('exit', () => console.log(`discarded ${discarded} B`));
