// What specs run in a worker thread: a server that echoes until it is told to close, or is terminated.

import { parentPort, workerData } from 'node:worker_threads';

import { listen } from 'evio';
import type { ListenOptions } from 'evio';

/** What the worker is told at its start. */
export interface WorkerSetup {
  readonly poller: NonNullable<ListenOptions['poller']>;
  /** Keep writing to every connection, and keep a timer going. */
  readonly busy?: boolean;
}

const { poller, busy } = workerData as WorkerSetup;
const server = listen('tcp://127.0.0.1:0', { poller });

server.connections$.subscribe((connection) => {
  connection.data$.subscribe(connection);
  if (busy !== true) return;
  const pump = (): void => {
    while (connection.write(Buffer.alloc(32 * 1024, connection.id)));
  };
  connection.drained$.subscribe(pump);
  pump();
});

parentPort?.on('message', (message) => {
  if (message !== 'close') return;
  void server.close({ timeout: 0 }).then(() => {
    parentPort?.close();
  });
});

await server.ready;
parentPort?.postMessage({ port: server.addresses[0]?.port });
