// V8 interprets a function before it compiles it, so the first hundred thousand requests to a server take several times as
// long as those after them. Here a server of its own answers a few clients first. They are connections like any other: a
// piece of input with 128 requests is one event, and the way of an event to the protocol has to be compiled as well.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { listen, serveEach, type ListenOptions, type Protocol } from 'evio';
import { redis } from './protocol.js';
import { Store } from './store.js';

/** Milliseconds after which V8 has compiled most of what answers a request, on a slow machine too. */
export const WARM_UP = 700;
const CLIENTS = 8;
const MANY = 128;
const SINGLES = 32;
const LONG = 20_000;
/** The last request of a batch, and by what its reply is known. */
const LAST = array('ECHO', 'the end');
const LAST_REPLY = 'the end\r\n';

/** What a client asks, the `at`th one: many at once, which is the way of a request, and one by one, which is that of an event. */
function* batches(at: number): Generator<string> {
  const key = at % 2 === 0 ? `key:${at}` : 'a key of twenty bytes';
  const value = 'x'.repeat(at % 25);
  const kinds = ['PING\r\n', array('PING'), array('SET', key, value), array('GET', key)];
  for (const request of kinds) yield request.repeat(MANY);
  for (let single = 0; single < SINGLES; single++) yield kinds[single % kinds.length] ?? '';
  yield (
    array('CONFIG', 'GET', 'save') + array('EXISTS', 'nothing') + array('GET', 'nothing') + array('NOTHING')
  );
  yield array('ECHO', 'x'.repeat(LONG)); // replies need a new buffer now and then
  yield array('INCR', `number:${at}`) + array('MGET', key, 'nothing') + array('DEL', `number:${at}`);
}

function array(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/**
 * @param options - as the server will have them that is going to be warm
 * @param duration - in milliseconds, 0 for none
 */
export async function warmUp(options: ListenOptions, duration: number): Promise<void> {
  if (duration === 0) return;
  const end = performance.now() + duration;
  const server = listen('tcp://127.0.0.1:0', options);
  // Clients come and go, and there are two stores: what happens once to either is not to be news later, since code that was
  // compiled without it is thrown away when it comes.
  const alone = { settings: {}, facts: () => ({}), shutdown: () => {} };
  const one = redis(new Store(), alone);
  const other = redis(new Store(), alone);
  const protocol: Protocol = (data$, connection) =>
    (connection.id % 2 === 0 ? one : other)(data$, connection);
  server.connections$.pipe(serveEach(protocol)).subscribe({ error: () => {} });
  try {
    const { port = 0 } = (await server.ready).addresses[0] ?? {};
    let clients = 0;
    const converse = async (): Promise<void> => {
      while (performance.now() < end) await ask(port, clients++, end);
    };
    await Promise.all(Array.from({ length: CLIENTS }, converse));
  } catch {
    // No loopback, or no descriptors: then the first requests take longer.
  }
  await server.close({ timeout: 0 });
}

async function ask(port: number, at: number, end: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const gone = new AbortController();
  socket.on('error', () => {}).once('close', () => gone.abort()); // nobody waits for a reply that will not come
  await once(socket, 'connect', gone);
  for (const batch of batches(at)) {
    socket.write(batch + LAST);
    await replied(socket, gone.signal);
    if (performance.now() > end) break;
  }
  socket.destroy();
}

async function replied(socket: Socket, signal: AbortSignal): Promise<void> {
  for (let last = ''; !last.endsWith(LAST_REPLY);) {
    const [chunk] = (await once(socket, 'data', { signal })) as [Buffer];
    last = (last + chunk.toString('latin1')).slice(-LAST_REPLY.length);
  }
}
