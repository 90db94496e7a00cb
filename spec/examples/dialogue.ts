// Talking to an example as a client that closes when the server does.

import { Peer } from '../support/peer.js';

/** @param to - a port of this machine or the path of a unix socket */
export function dial(to: number | string): Promise<Peer> {
  const where = typeof to === 'number' ? { port: to, host: '127.0.0.1' } : { path: to };
  return Peer.connect(where, { allowHalfOpen: false });
}

/** Bytes as strings with one character a byte. */
export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Sends bytes and gives back what came until the server closed. */
export async function ask(to: number | string, input: string): Promise<string> {
  const peer = await dial(to);
  peer.send(bytes(input));
  return answer(peer);
}

/** What came until the server closed. A server that closes while input is unread resets the connection: no matter. */
export async function answer(peer: Peer): Promise<string> {
  return (await peer.over()).received.toString('latin1');
}
