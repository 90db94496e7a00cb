// The one place that makes addresses for people: every poller gives its numbers to `socketAddress`.

import type { SocketAddress } from './poller/poller.js';

/** How a dual-stack listener shows an IPv4 peer. */
const MAPPED = '::ffff:';

/**
 * An address of one end of a connection. IPv4-mapped addresses become IPv4.
 *
 * @param address - numeric, or the path of a unix socket
 * @param port - not for unix sockets
 */
export function socketAddress(family: SocketAddress['family'], address: string, port = 0): SocketAddress {
  if (family === 'unix') return new UnixAddress(address);
  if (family === 'IPv6' && address.startsWith(MAPPED) && address.includes('.')) {
    return new InternetAddress('IPv4', address.slice(MAPPED.length), port);
  }
  return new InternetAddress(family, address, port);
}

/** The text is made only when somebody asks: most connections are never printed. */
class InternetAddress implements SocketAddress {
  constructor(
    readonly family: 'IPv4' | 'IPv6',
    readonly address: string,
    readonly port: number,
  ) {}

  toString(): string {
    return this.family === 'IPv6' ? `[${this.address}]:${this.port}` : `${this.address}:${this.port}`;
  }
}

class UnixAddress implements SocketAddress {
  readonly family = 'unix';

  constructor(readonly address: string) {}

  toString(): string {
    return this.address;
  }
}
