// One address that a server listens on: from its text to a listener of the poller.

import cluster from 'node:cluster';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';

import type { ParsedAddress } from './address.js';
import type {
  BindAddress,
  BindOptions,
  ListenerEvents,
  Poller,
  PollerListener,
  PollerStream,
  SocketAddress,
  StreamEvents,
} from './poller/poller.js';
import { removeStaleSocket } from './unix-socket.js';

/** What a server wants to hear of its addresses. */
export interface BindingOwner {
  bound(): void;
  bindingFailed(error: Error): void;
  accepted(stream: PollerStream, heard: boolean): StreamEvents;
  acceptFailed(error: Error): void;
}

const ALL_IPV4: BindAddress = { family: 'IPv4', address: '0.0.0.0', port: 0 };
const ALL_IPV6: BindAddress = { family: 'IPv6', address: '::', port: 0 };
/** What the kernel says to `::` where IPv6 is turned off. */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL']);

export class Binding implements ListenerEvents {
  /** Where it listens, once it does. */
  address: SocketAddress | undefined;
  readonly #owner: BindingOwner;
  readonly #poller: Poller;
  readonly #options: BindOptions;
  readonly #wanted: ParsedAddress;
  #listener: PollerListener | undefined;
  #fallback: BindAddress | undefined;
  #accepting = false;
  #quiet = false;
  #referenced = true;
  #closed = false;

  constructor(owner: BindingOwner, poller: Poller, options: BindOptions, wanted: ParsedAddress) {
    this.#owner = owner;
    this.#poller = poller;
    this.#options = wanted.scheme === 'tcp6' ? { ...options, ipv6Only: true } : options;
    this.#wanted = wanted;
  }

  /** Binds: at once when the address is numeric. */
  start(): void {
    const { scheme, host, port } = this.#wanted;
    if (scheme === 'unix') {
      void removeStaleSocket(host).then(() => this.#bind({ family: 'unix', address: host, port: 0 }));
    } else if (host === '') {
      // `:9999` takes IPv4 and IPv6, as in Go and in Node; IPv4 alone where the kernel has no IPv6.
      if (scheme === 'tcp') this.#fallback = { ...ALL_IPV4, port };
      this.#bind({ ...(scheme === 'tcp4' ? ALL_IPV4 : ALL_IPV6), port });
    } else if (isIP(host) !== 0) {
      this.#bind({ family: isIP(host) === 4 ? 'IPv4' : 'IPv6', address: host, port });
    } else {
      this.#resolve();
    }
  }

  #resolve(): void {
    const { scheme, host, port } = this.#wanted;
    const family = scheme === 'tcp4' ? 4 : scheme === 'tcp6' ? 6 : 0;
    lookup(host, { family }, (error, address, found) => {
      if (this.#closed) return;
      if (error !== null) {
        this.#owner.bindingFailed(Object.assign(error, { port }));
      } else {
        this.#bind({ family: found === 4 ? 'IPv4' : 'IPv6', address, port });
      }
    });
  }

  #bind(address: BindAddress): void {
    if (this.#closed) return;
    const listener = this.#poller.listen(address, this.#options, this);
    if (this.#closed) {
      listener.close();
      return;
    }
    // A fallback may have been bound inside that call.
    this.#listener ??= listener;
    if (!this.#referenced) this.#listener.ref(false);
    if (this.#quiet) this.#listener.quiet?.(true);
    if (this.#accepting) this.#listener.accept(true);
  }

  listening(address: SocketAddress): void {
    if (this.#closed) return;
    this.address = address;
    this.#owner.bound();
  }

  bindFailed(error: NodeJS.ErrnoException): void {
    if (this.#closed) return;
    const fallback = this.#fallback;
    this.#fallback = undefined;
    if (fallback !== undefined && NO_IPV6.has(error.code ?? '')) {
      this.#listener = undefined;
      this.#bind(fallback);
    } else {
      this.#owner.bindingFailed(this.#explained(error));
    }
  }

  /** Servers of node:net share a port among the workers of a cluster unasked, so there this error comes as a surprise. */
  #explained(error: NodeJS.ErrnoException): NodeJS.ErrnoException {
    if (error.code === 'EADDRINUSE' && cluster.isWorker && !this.#options.reusePort) {
      error.message +=
        ': a node:cluster worker shares a port only by the option reusePort, given in every worker';
    }
    return error;
  }

  accepted(stream: PollerStream, heard = false): StreamEvents {
    return this.#owner.accepted(stream, heard);
  }

  acceptFailed(error: NodeJS.ErrnoException): void {
    this.#owner.acceptFailed(error);
  }

  accept(on: boolean): void {
    if (on === this.#accepting) return;
    this.#accepting = on;
    this.#listener?.accept(on);
  }

  /** Whether connections may stay unannounced until there is something to tell of them, where the poller can do that. */
  quiet(on: boolean): void {
    if (on === this.#quiet) return;
    this.#quiet = on;
    this.#listener?.quiet?.(on);
  }

  get unannounced(): number {
    return this.#listener?.unannounced ?? 0;
  }

  announceAll(): void {
    this.#listener?.announceAll?.();
  }

  ref(on: boolean): void {
    this.#referenced = on;
    this.#listener?.ref(on);
  }

  close(): void {
    this.#closed = true;
    this.#listener?.close();
  }
}
