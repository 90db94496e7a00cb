// Servers of specs: on port 0 of loopback, bound, and gone when the spec is over.

import { listen } from 'evio';
import type { ListenOptions, Server } from 'evio';

import { Peer } from './peer.js';
import type { PollerUnderTest } from './pollers.js';

const opened = new Set<Server>();

/** A server that listens; `closeServers` in an `afterEach` ends it. */
export async function listening(
  poller: PollerUnderTest,
  options: ListenOptions = {},
  address = 'tcp://127.0.0.1:0',
): Promise<Server> {
  const server = listen(address, { poller, ...options });
  opened.add(server);
  return server.ready;
}

export async function closeServers(): Promise<void> {
  const servers = [...opened];
  opened.clear();
  await Promise.all(servers.map((server) => server.close({ timeout: 0 })));
}

export function portOf(server: Server): number {
  const port = server.addresses[0]?.port;
  if (port === undefined) throw new Error('the server is not bound to a port');
  return port;
}

export function connectTo(server: Server): Promise<Peer> {
  return Peer.toPort(portOf(server));
}

/** Lets both event loops go round, so that what is on its way over loopback arrives. For showing that nothing happens. */
export function settle(milliseconds = 50): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
