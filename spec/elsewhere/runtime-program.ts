// What has to hold on a runtime that is not Node: its name is the argument, each claim is a line of output.

import assert from 'node:assert/strict';
import process from 'node:process';

import { listen, type Server } from 'evio';

import { hash, KIB, pattern } from '../support/bytes.js';
import { Peer } from '../support/peer.js';
import { portOf } from '../support/servers.js';

const CLIENTS = 20;
const [, , runtime = ''] = process.argv;

async function claim(title: string, holds: () => void | Promise<void>): Promise<void> {
  try {
    await holds();
    console.log(`  ✔ ${title}`);
  } catch (error) {
    console.log(`  ✘ ${title}\n${(error as Error).stack ?? String(error)}`);
    process.exitCode = 1;
  }
}

/** Sends bytes and FIN, and gets the same bytes and FIN. */
async function echoes(server: Server, client: number): Promise<void> {
  const bytes = pattern(client * 16 * KIB, client);
  const peer = await Peer.toPort(portOf(server));
  peer.fin(bytes);
  const { received, ended, error } = await peer.over();
  assert.deepEqual(
    [received.length, hash(received), ended, error],
    [bytes.length, hash(bytes), true, undefined],
  );
}

const server = await listen('tcp://127.0.0.1:0', { poller: 'auto' }).ready;
const ends: (Error | undefined)[] = [];
server.disconnected$.subscribe(({ error }) => ends.push(error));

await claim('runs here at all', () => assert.ok(process.versions[runtime] !== undefined));
await claim("poller 'auto' is net", () => assert.equal(server.poller, 'net'));
await claim("poller 'epoll' is unavailable, and the reason names the runtime", () => {
  assert.throws(() => listen('tcp://127.0.0.1:0', { poller: 'epoll' }), {
    code: 'ERR_EVIO_POLLER_UNAVAILABLE',
    message: new RegExp(runtime),
  });
});
await claim(`echoes to ${CLIENTS} clients at once, to the last byte and FIN`, async () => {
  server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
  await Promise.all(Array.from({ length: CLIENTS }, (_, i) => echoes(server, i + 1)));
});
await claim('close() waits for them, and none ended with an error', async () => {
  await server.close();
  assert.deepEqual(ends, Array.from({ length: CLIENTS }));
});
