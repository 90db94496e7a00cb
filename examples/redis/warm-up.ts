// V8 interprets a function before it compiles it, so the first hundred thousand requests to a server take several times as
// long as those after them. Here a conversation with nobody goes first, on a store of its own, for 40 ms of a start of some
// hundreds. What it gains is the first test of redis-benchmark's four (1.41 against 0.88 M requests/s, median of 7 servers);
// of the other three that could not be said.

import { EMPTY, Subject } from 'rxjs';
import { redis, type Peer } from './protocol.js';
import { Store } from './store.js';

const DURATION = 40; // ms
const BATCH = 64;
const KEYS = 100;

const nowhere = { family: 'unix', address: '' } as const;
const nobody: Peer = {
  id: 0,
  local: nowhere,
  remote: nowhere,
  bytesQueued: 0,
  send: () => EMPTY,
  pause: () => {},
  resume: () => {},
};

/** Some of each kind, as clients send them: many at once. */
function* requests(): Generator<string> {
  for (let at = 0; at < KEYS; at++) {
    const key = `key:${at}`;
    const value = 'x'.repeat(at % 20);
    yield 'PING\r\n'.repeat(BATCH);
    yield array('PING').repeat(BATCH);
    yield array('SET', key, value).repeat(BATCH);
    yield array('GET', key).repeat(BATCH);
    yield (
      array('INCR', `number:${at}`) + array('MGET', key, 'nothing', 'key:1') + array('DEL', `number:${at}`)
    );
  }
}

function array(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

export function warmUp(): void {
  const end = performance.now() + DURATION;
  const input$ = new Subject<Buffer>();
  const protocol = redis(new Store(), { settings: {}, facts: () => ({}), shutdown: () => {} });
  const conversation = protocol(input$, nobody).subscribe();
  while (performance.now() < end) {
    for (const request of requests()) {
      input$.next(Buffer.from(request));
      if (performance.now() > end) break;
    }
  }
  conversation.unsubscribe();
}
