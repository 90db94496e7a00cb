// A client process of specs: opens many connections, uses each, closes each in one of several ways, wave by wave.
//
// Told `{ waves, size }` by its parent, it answers `{ done: n }` when every connection of every wave is closed.

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface SwarmOrder {
  readonly port: number;
  readonly waves: number;
  readonly size: number;
  /** Keep all connections of a wave open until each has been answered. */
  readonly together: boolean;
}

const leave: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.end(),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.destroy(),
];

async function answered(port: number, text: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write(text);
  const [data] = (await once(socket, 'data')) as [Buffer];
  if (data.toString() !== text) throw new Error(`sent ${text}, received ${data.toString()}`);
  return socket;
}

async function close(socket: Socket, how: number): Promise<void> {
  const closed = once(socket, 'close');
  leave[how % leave.length]?.(socket);
  await closed;
}

async function wave({ port, size, together }: SwarmOrder, number: number): Promise<void> {
  const each = Array.from({ length: size }, (_, i) => answered(port, `client ${number}.${i}`));
  if (together) await Promise.all(each);
  await Promise.all(each.map(async (one, i) => close(await one, i)));
}

process.once('message', (order: SwarmOrder) => {
  const run = async (): Promise<void> => {
    for (let i = 0; i < order.waves; i++) await wave(order, i);
    process.send?.({ done: order.waves * order.size });
    process.disconnect?.();
  };
  void run();
});
