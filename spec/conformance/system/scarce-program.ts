// What specs run in a process with few descriptors: an echo server that uses them up and gives them back when told.

import { closeSync, openSync } from 'node:fs';
import process from 'node:process';

import { listen } from 'evio';
import type { PollerName } from 'evio';

import { busyShare } from '../../support/quiet.js';

/** What the program is told. */
export type Order = 'use up' | 'give back' | 'listen' | 'measure';

/** What it answers, and by itself when it is ready and when an error is reported. */
export type Answer =
  | { readonly port: number }
  | { readonly done: Order }
  | { readonly error: string }
  | { readonly listening: string }
  | { readonly busy: number };

const poller = process.argv[2] as PollerName;
/** What it subscribes to. */
const wanted = process.argv[3] as 'connections$' | 'data$';
const hoard: number[] = [];
const answer = (message: Answer): void => void process.send?.(message);

function useUp(): void {
  try {
    for (;;) hoard.push(openSync('/dev/null', 'r'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
  }
}

async function tryToListen(): Promise<string> {
  const other = listen('tcp://127.0.0.1:0', { poller });
  try {
    await other.ready;
    await other.close();
    return 'yes';
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

process.on('message', (order: Order) => {
  if (order === 'measure') {
    void busyShare().then((busy) => answer({ busy }));
  } else if (order === 'listen') {
    void tryToListen().then((listening) => answer({ listening }));
  } else {
    if (order === 'use up') useUp();
    else for (const descriptor of hoard.splice(0)) closeSync(descriptor);
    answer({ done: order });
  }
});

const server = await listen('tcp://127.0.0.1:0', { poller }).ready;
if (wanted === 'data$') server.data$.subscribe(({ connection, data }) => connection.write(data));
else server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
server.errors$.subscribe(({ error }) => {
  const { code, syscall } = error as NodeJS.ErrnoException;
  answer({ error: `${syscall} ${code}` });
});
answer({ port: server.addresses[0]?.port ?? 0 });
