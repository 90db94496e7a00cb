// What specs run in a process of its own: a server that ends its process inside an event, right after a write.
//
// Arguments: the poller, the event, and how the process ends there. Its first client is the witness, to whom it writes;
// what its second client does brings the event about. It prints its port, and when it knows the witness.

import process from 'node:process';

import { listen } from 'evio';
import type { Connection, PollerName, Server } from 'evio';

export type End = 'exit' | 'throw';
type Bring = (server: Server, second: Connection, end: () => void) => unknown;

/** For each event: what is subscribed to when the second client is there, which sends `go` and ends its side. */
const EVENTS = {
  connections$: (_server, _second, end) => end(),
  data$: (_server, { data$ }, end) => data$.subscribe(end),
  'the end of data$': (_server, { data$ }, end) => data$.subscribe({ complete: end }),
  'server.data$': (server, _second, end) => server.data$.subscribe(end),
  closed$: (_server, { data$, closed$ }, end) => [data$.subscribe(), closed$.subscribe(end)],
  disconnected$: (server, { data$ }, end) => [data$.subscribe(), server.disconnected$.subscribe(end)],
  drained$: (_server, second, end) => {
    second.drained$.subscribe(end);
    while (second.write(Buffer.alloc(65_536)));
  },
  'the completion of send()': (_server, { send }, end) => send('answer').subscribe({ complete: end }),
  'a wake': (_server, second, end) => {
    second.data$.subscribe(({ length }) => length === 0 && end());
    second.wake();
  },
  ticks$: (server, _second, end) => server.ticks$.subscribe(end),
  errors$: (server, { data$ }, end) => {
    server.errors$.subscribe(end);
    data$.subscribe(() => {
      throw new Error('a bug of the application');
    });
  },
} satisfies Readonly<Record<string, Bring>>;

export type EventName = keyof typeof EVENTS;

const [poller, event, how] = process.argv.slice(2) as [PollerName, EventName, End];
const server = listen('tcp://127.0.0.1:0', { poller });
let witness: Connection | undefined;

function end(): void {
  witness?.write('last words');
  if (how === 'exit') process.exit(3);
  throw new Error('on purpose');
}

server.connections$.subscribe((connection) => {
  if (witness === undefined) {
    witness = connection;
    console.log('witness');
  } else {
    EVENTS[event](server, connection, end);
  }
});
await server.ready;
console.log(`port ${server.addresses[0]?.port}`);
