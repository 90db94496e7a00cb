// The harness of the simulated poller: a kernel and clients in memory. Time passes as it does outside, so that the specs of
// real pollers run unchanged, and is moved on by `advance`.

import { listen } from 'evio';
import type { ListenOptions, Poller, Server, SocketAddress } from 'evio';
import { ScriptedPeer, SimulatedNetwork, SimulatedPoller } from 'evio/testing';
import type { VirtualClock } from 'evio/testing';
import { firstValueFrom } from 'rxjs';

import { steady, turns, until } from '../support/connections.js';
import type { Clock, Harness, Pair, Peer, PeerOutcome } from './harness.js';

/** As many turns of the event loop as anything in memory needs to arrive. */
const SETTLING = 30;

class MovableClock implements VirtualClock, Clock {
  readonly oneByOne = true;
  #moved = 0;
  #wakeAt = Infinity;
  #run: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  now(): number {
    return performance.now() + this.#moved;
  }

  wake(at: number, run: () => void): void {
    this.#cancel();
    this.#wakeAt = at;
    this.#run = run;
    const delay = at - this.now();
    if (delay > 0) this.#timer = setTimeout(() => this.#ring(), delay).unref();
    else this.#immediate = setImmediate(() => this.#ring());
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.now() + milliseconds;
    await turns(SETTLING);
    while (this.#wakeAt <= end) {
      this.#moveTo(this.#wakeAt);
      this.#ring();
      await turns(SETTLING);
    }
    this.#moveTo(end);
    await turns(SETTLING);
  }

  #moveTo(time: number): void {
    this.#moved += Math.max(0, time - this.now());
  }

  #ring(): void {
    this.#cancel();
    if (this.now() < this.#wakeAt) {
      this.wake(this.#wakeAt, this.#run); // a timer may be early by a fraction
      return;
    }
    this.#wakeAt = Infinity;
    this.#run();
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }
}

/** One kernel for all specs, as there is one for all specs of the real pollers. */
const clock = new MovableClock();
const network = new SimulatedNetwork(clock, { trace: false });
const poller = new SimulatedPoller(network, 'server');

class Client implements Peer {
  readonly #scripted: ScriptedPeer;

  constructor(scripted: ScriptedPeer) {
    this.#scripted = scripted;
  }

  get received(): Buffer {
    return this.#scripted.received;
  }

  get receivedBytes(): number {
    return this.#scripted.receivedBytes;
  }

  get isOver(): boolean {
    return this.#scripted.isOver;
  }

  get unsent(): number {
    return this.#scripted.unsent;
  }

  get port(): number {
    return this.#scripted.port;
  }

  send(bytes: Uint8Array | string): void {
    this.#scripted.send(bytes);
  }

  fin(bytes?: Uint8Array | string): void {
    this.#scripted.fin(bytes);
  }

  reset(): void {
    this.#scripted.reset();
  }

  destroy(): void {
    this.#scripted.destroy();
  }

  stopReading(): void {
    this.#scripted.stopReading();
  }

  readAgain(): void {
    this.#scripted.readAgain();
  }

  async until(condition: (peer: Peer) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => {
        this.#scripted.onEvent = resolve;
      });
    }
  }

  async receives(bytes: string | Uint8Array): Promise<void> {
    const wanted = Buffer.from(bytes);
    await this.until(() => this.receivedBytes >= wanted.length || this.isOver);
    const { received } = this;
    if (!received.subarray(0, wanted.length).equals(wanted)) {
      throw new Error(`expected ${wanted.toString('latin1')}, received ${received.toString('latin1')}`);
    }
  }

  async over(): Promise<PeerOutcome> {
    await this.until(() => this.isOver);
    const { received, ended, error } = this.#scripted;
    return error === undefined ? { received, ended } : { received, ended, error };
  }
}

export class Simulation implements Harness {
  readonly name = 'simulated';
  readonly poller: Poller = poller;
  readonly clock: Clock = clock;
  readonly #servers: Server[] = [];
  readonly #peers: ScriptedPeer[] = [];

  createPoller(): Poller {
    return new SimulatedPoller(network, 'server');
  }

  listening(options: ListenOptions = {}, address = 'tcp://127.0.0.1:0'): Promise<Server> {
    const server = listen(address, { poller, ...options });
    this.#servers.push(server);
    return server.ready;
  }

  async connect(to: Server | SocketAddress): Promise<Peer> {
    const address = 'addresses' in to ? to.addresses[0] : to;
    if (address === undefined) throw new Error('the server is not bound');
    const { family, address: host, port = 0 } = address;
    const scripted = new ScriptedPeer(network, { family, address: host, port });
    this.#peers.push(scripted);
    const client = new Client(scripted);
    await client.until(() => scripted.connected || scripted.isOver);
    if (scripted.error !== undefined) throw scripted.error;
    return client;
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
    return turns(SETTLING);
  }

  turns(count?: number): Promise<void> {
    return turns(count);
  }

  until(condition: () => boolean): Promise<void> {
    return until(condition);
  }

  steady(sample: () => number): Promise<number> {
    return steady(sample, 6);
  }

  async close(): Promise<void> {
    for (const peer of this.#peers.splice(0)) peer.destroy();
    await Promise.all(this.#servers.splice(0).map((server) => server.close({ timeout: 0 })));
  }
}
