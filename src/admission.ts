// Whom a server lets in: limits on how many there are, from one address and in all, and on how fast they come.

import type { AdmissionLimits } from './options.js';
import type { SocketAddress } from './poller/poller.js';

/** Why a connection was dropped, by the option that says so. */
export type DropReason = 'maxConnections' | 'maxConnectionsPerAddress';

interface Remote {
  readonly remote: SocketAddress;
}

export class Admission {
  /** Whether there is any limit: then everybody counts from the moment that he is accepted. */
  readonly limited: boolean;
  readonly #limits: AdmissionLimits;
  /** Open connections by remote address; counted only when they are limited. */
  readonly #perAddress = new Map<string, number>();
  /** Connections that may be let in now; refilled as time goes on. */
  #tokens: number;
  #refilled = -Infinity;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
    this.limited = Math.min(limits.most, limits.mostPerAddress, limits.rate) < Infinity;
    this.#tokens = limits.rate;
  }

  /** Whether nobody is to be accepted before somebody leaves. */
  isFull(connections: number): boolean {
    return !this.#limits.dropping && connections >= this.#limits.most;
  }

  /** Whether there may be a time to wait. */
  get hasRate(): boolean {
    return this.#limits.rate < Infinity;
  }

  /** Milliseconds until the next one may be let in, 0 for now. */
  wait(now: number): number {
    const { rate } = this.#limits;
    this.#refill(now);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) * 1000) / rate;
  }

  #refill(now: number): void {
    const { rate } = this.#limits;
    const gained = this.#refilled === -Infinity ? 0 : ((now - this.#refilled) * rate) / 1000;
    this.#tokens = Math.min(rate, this.#tokens + gained);
    this.#refilled = now;
  }

  /** Why that one must not come in; undefined when it may. */
  refuses(end: Remote, connections: number): DropReason | undefined {
    const { most, dropping, mostPerAddress } = this.#limits;
    if (dropping && connections >= most) return 'maxConnections';
    return this.#present(end) >= mostPerAddress ? 'maxConnectionsPerAddress' : undefined;
  }

  entered(end: Remote): void {
    this.#count(end, 1);
  }

  left(end: Remote): void {
    this.#count(end, -1);
  }

  /** It was announced: that is what a rate counts. */
  announced(): void {
    this.#tokens -= 1;
  }

  #present(end: Remote): number {
    return this.#perAddress.size === 0 ? 0 : (this.#perAddress.get(end.remote.address) ?? 0);
  }

  #count(end: Remote, change: 1 | -1): void {
    // Addresses are made for who asks only. The clients of a unix socket have none.
    if (this.#limits.mostPerAddress === Infinity || end.remote.family === 'unix') return;
    const { address } = end.remote;
    const present = (this.#perAddress.get(address) ?? 0) + change;
    if (present > 0) this.#perAddress.set(address, present);
    else this.#perAddress.delete(address);
  }
}
