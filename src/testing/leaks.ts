// What must not be left when a run is over, checked after every run: a connection, a queued byte, a timer, a subscription.

import type { Subscription } from 'rxjs';

import type { Server } from '../server.js';
import type { SimulatedNetwork } from './simulated-network.js';
import type { SimulatedPoller } from './simulated-poller.js';

/** What a run has used. */
export interface Used {
  readonly servers: readonly Server[];
  readonly pollers: readonly SimulatedPoller[];
  readonly network: SimulatedNetwork;
  readonly serving: readonly Subscription[];
  readonly ends: Ends;
}

/** When each connection's end was told on `disconnected$`: ids are not used again. */
export class Ends {
  readonly #times = new Map<Server, Map<number, number[]>>();

  told(server: Server, id: number, at: number): void {
    const ofServer = this.#times.get(server) ?? new Map<number, number[]>();
    this.#times.set(server, ofServer);
    ofServer.set(id, [...(ofServer.get(id) ?? []), Math.floor(at)]);
  }

  /** A line for every connection that did not end once. */
  *several(): Generator<string> {
    for (const ofServer of this.#times.values()) {
      for (const [id, times] of ofServer) {
        if (times.length > 1)
          yield `connection ${id} was closed ${times.length} times, at ${times.join(' and ')} ms`;
      }
    }
  }
}

/** A line for everything that is left. */
export function leaksOf({ servers, pollers, network, serving, ends }: Used): string[] {
  const leaks: string[] = [];
  for (const server of servers) {
    for (const { id, bytesQueued } of server.connections.values()) {
      leaks.push(
        `connection ${id} is still open${bytesQueued > 0 ? `, with ${bytesQueued} bytes queued` : ''}`,
      );
    }
  }
  for (const [index, { open, alarmAt, who }] of pollers.entries()) {
    const whose = index === 0 ? 'the poller' : `the poller "${who}"`;
    if (open > 0) leaks.push(`${open} sockets of ${whose} are still open`);
    if (alarmAt !== Infinity)
      leaks.push(`a timer${index === 0 ? '' : ` of ${whose}`} is still set, for ${alarmAt} ms`);
  }
  if (network.agenda.size > 0) leaks.push(`${network.agenda.size} events are still to come`);
  for (const subscription of serving) {
    if (!subscription.closed) leaks.push('serveEach still serves somebody');
  }
  leaks.push(...ends.several());
  return leaks;
}
