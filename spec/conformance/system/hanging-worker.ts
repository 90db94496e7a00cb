// What specs run in a worker thread: a server whose thread stops for good inside an event, so that it is terminated there.

import { parentPort, workerData } from 'node:worker_threads';

import { listen } from 'evio';
import type { Connection, ListenOptions, Server } from 'evio';

type Bring = (server: Server, connection: Connection, hang: () => void) => unknown;

/** For each event: what is subscribed to when a client is there, which sends `go` and ends its side. */
const EVENTS = {
  connections$: (_server, _connection, hang) => hang(),
  data$: (_server, { data$ }, hang) => data$.subscribe(hang),
  'the end of data$': (_server, { data$ }, hang) => data$.subscribe({ complete: hang }),
  'server.data$': (server, _connection, hang) => server.data$.subscribe(hang),
  closed$: (_server, { data$, closed$ }, hang) => [data$.subscribe(), closed$.subscribe(hang)],
  disconnected$: (server, { data$ }, hang) => [data$.subscribe(), server.disconnected$.subscribe(hang)],
  drained$: (_server, connection, hang) => {
    connection.drained$.subscribe(hang);
    while (connection.write(Buffer.alloc(65_536)));
  },
  'the completion of send()': (_server, { send }, hang) => send('answer').subscribe({ complete: hang }),
  'a wake': (_server, connection, hang) => {
    connection.data$.subscribe(({ length }) => length === 0 && hang());
    connection.wake();
  },
  'a write of the same turn': (_server, connection, hang) => {
    connection.data$.subscribe(() => {
      connection.write(Buffer.alloc(200_000));
      connection.end('never flushed');
      hang();
    });
  },
  'close()': (server, connection, hang) => {
    connection.write(Buffer.alloc(64 * 1024 * 1024)); // it drains, and the client does not read as much
    void server.close({ timeout: 60_000 });
    setTimeout(hang, 5);
  },
} satisfies Readonly<Record<string, Bring>>;

export type EventName = keyof typeof EVENTS;

/** What the worker is told at its start. */
export interface HangingSetup {
  readonly poller: NonNullable<ListenOptions['poller']>;
  readonly event: EventName;
}

const { poller, event } = workerData as HangingSetup;
const server = listen('tcp://127.0.0.1:0', { poller, maxQueuedBytes: Infinity });

function hang(): void {
  parentPort?.postMessage('hangs');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

server.connections$.subscribe((connection) => EVENTS[event](server, connection, hang));
await server.ready;
parentPort?.postMessage({ port: server.addresses[0]?.port });
