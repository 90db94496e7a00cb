// The Redis protocol as a plain function: bytes in, bytes out, no socket and no process.

import { EMPTY, Subject } from 'rxjs';
import type { Journal } from '../../examples/redis/client.js';
import { Block } from '../../examples/redis/block.js';
import { redis, type Peer } from '../../examples/redis/protocol.js';
import { Store } from '../../examples/redis/store.js';

export interface Conversation {
  /** What came out, a string with one character a byte for each output. */
  readonly outputs: string[];
  readonly completed: boolean;
  readonly shutdowns: number;
  readonly store: Store;
}

const address = { family: 'IPv4', address: '127.0.0.1', port: 1, toString: () => '127.0.0.1:1' } as const;

export const peer: Peer = {
  id: 7,
  local: address,
  remote: address,
  bytesQueued: 0,
  send: () => EMPTY,
  pause: () => {},
  resume: () => {},
};

/** Feeds a client's bytes to the protocol, chunk by chunk. */
export function converse(
  chunks: readonly (string | Buffer)[],
  { store = new Store(), journal }: { store?: Store; journal?: Journal } = {},
): Conversation {
  const outputs: string[] = [];
  let completed = false;
  let shutdowns = 0;
  const input$ = new Subject<Buffer>();
  const server = { settings: { appendonly: 'no', save: '' }, facts: () => ({}), shutdown: () => shutdowns++ };
  redis(store, journal === undefined ? server : { ...server, journal })(input$, peer).subscribe({
    next: (bytes) => outputs.push(bytes.toString('latin1')),
    complete: () => (completed = true),
  });
  for (const chunk of chunks) {
    // As behind `inPlace()`: what was received is overwritten as soon as it was handled.
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : Buffer.from(chunk);
    input$.next(bytes);
    bytes.fill(0xff);
  }
  return { outputs, completed, shutdowns, store };
}

function blockOf(bytes: string | Buffer): Block {
  return new Block(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
}

/** Sets a value straight in the store. */
export function put(store: Store, key: string, value: string | Buffer): void {
  const [name, content] = [blockOf(key), blockOf(value)];
  store.set(name, 0, name.bytes.length, content, 0, content.bytes.length);
}

/** A value straight from the store, with one character a byte. */
export function taken(store: Store, key: string): string | undefined {
  const name = blockOf(key);
  const value = store.get(name, 0, name.bytes.length);
  return value?.block.text(value.start, value.end);
}

/** A request as programs send it. */
export function request(...words: readonly (string | Buffer)[]): string {
  const bulks = words.map((word) => word.toString('latin1')).map((word) => `$${word.length}\r\n${word}\r\n`);
  return `*${words.length}\r\n${bulks.join('')}`;
}

/** Every way to cut bytes in two, and all bytes one by one. */
export function* cuts(bytes: string): Generator<string[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.slice(0, at), bytes.slice(at)];
  yield oneByOne(bytes);
}

export function oneByOne(bytes: string): string[] {
  return Array.from(bytes, (byte) => byte);
}
