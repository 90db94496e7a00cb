// The harness of real pollers: sockets on loopback, and time that passes by itself.

import { firstValueFrom } from 'rxjs';
import type { ListenOptions, Poller, Server, SocketAddress } from 'evio';

import { steady, turns, until } from '../support/connections.js';
import { Peer, destroyPeers } from '../support/peer.js';
import type { PollerUnderTest } from '../support/pollers.js';
import { closeServers, listening } from '../support/servers.js';
import { barePoller } from './bare-poller.js';
import type { Clock, Harness, Pair } from './harness.js';

/** Long enough for what is on its way over loopback, on a machine that does other things as well. */
const SETTLING = 50;

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Loopback implements Harness {
  readonly name: PollerUnderTest;
  readonly poller: PollerUnderTest;
  readonly clock: Clock = { advance: sleep };

  constructor(poller: PollerUnderTest) {
    this.name = poller;
    this.poller = poller;
  }

  createPoller(): Poller {
    return barePoller(this.poller);
  }

  listening(options: ListenOptions = {}, address = 'tcp://127.0.0.1:0'): Promise<Server> {
    return listening(this.poller, options, address);
  }

  connect(to: Server | SocketAddress): Promise<Peer> {
    const address = 'addresses' in to ? to.addresses[0] : to;
    if (address === undefined) throw new Error('the server is not bound');
    if (address.port === undefined) return Peer.connect({ path: address.address });
    return Peer.connect({ host: address.address, port: address.port });
  }

  async pair(server: Server): Promise<Pair> {
    const accepted = firstValueFrom(server.connections$);
    const peer = await this.connect(server);
    return { peer, connection: await accepted };
  }

  async pairs(server: Server, count: number): Promise<Pair[]> {
    const made: Pair[] = [];
    while (made.length < count) made.push(await this.pair(server));
    return made;
  }

  settle(): Promise<void> {
    return sleep(SETTLING);
  }

  turns(count?: number): Promise<void> {
    return turns(count);
  }

  until(condition: () => boolean): Promise<void> {
    return until(condition);
  }

  steady(sample: () => number): Promise<number> {
    return steady(sample);
  }

  async close(): Promise<void> {
    destroyPeers();
    await closeServers();
  }
}
