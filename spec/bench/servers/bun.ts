// Bun.listen. Run by bun; the few names of its API that are used are declared here, since it is no dependency.

import { commandLine } from './harness.js';
import type { Conversation } from './resp.js';

interface Socket {
  data: Session;
  /** How many bytes the kernel took. */
  write(bytes: Uint8Array): number;
}

interface Session {
  readonly conversation: Conversation | undefined;
  /** What the kernel has not taken yet. */
  unsent: Buffer;
}

declare const Bun: {
  listen(options: {
    hostname: string;
    port: number;
    socket: {
      open(socket: Socket): void;
      data(socket: Socket, data: Buffer): void;
      drain(socket: Socket): void;
    };
  }): unknown;
};

const { port, protocol } = commandLine();
const Talk = protocol === 'resp' ? (await import('./resp.js')).Conversation : undefined;
const NOTHING = Buffer.alloc(0);

/** Bun's data buffer is our own to keep, and so is what the conversation answers. */
function write(socket: Socket, bytes: Buffer): void {
  const { data: session } = socket;
  if (session.unsent.length > 0) {
    session.unsent = Buffer.concat([session.unsent, bytes]);
    return;
  }
  const sent = socket.write(bytes);
  if (sent < bytes.length) session.unsent = bytes.subarray(Math.max(0, sent));
}

Bun.listen({
  hostname: '127.0.0.1',
  port,
  socket: {
    open(socket) {
      socket.data = { conversation: Talk && new Talk(), unsent: NOTHING };
    },
    data(socket, data) {
      const { conversation } = socket.data;
      write(socket, conversation === undefined ? data : conversation.answer(data));
    },
    drain(socket) {
      const rest = socket.data.unsent;
      socket.data.unsent = NOTHING;
      write(socket, rest);
    },
  },
});
