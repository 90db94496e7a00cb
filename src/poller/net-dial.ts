// A connection that the poller `net` is making.

import { createConnection } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';

import { errnoOf, systemError } from '../errors.js';
import { socketAddress } from '../socket-address.js';
import { NetStream, keepAliveOf, pathTooLong } from './net-stream.js';
import type { BindAddress, DialEvents, DialOptions, PollerDial } from './poller.js';
import type { Turns } from './turns.js';

export class NetDial implements PollerDial {
  readonly #turns: Turns;
  readonly #address: BindAddress;
  readonly #options: DialOptions;
  readonly #events: DialEvents;
  #socket: Socket | undefined;
  #over = false;

  constructor(turns: Turns, address: BindAddress, options: DialOptions, events: DialEvents) {
    this.#turns = turns;
    this.#address = address;
    this.#options = options;
    this.#events = events;
  }

  /** Apart from the constructor, so that whoever dials has the dial before anything is reported. */
  start(): void {
    const { family, address } = this.#address;
    if (family === 'unix' && pathTooLong(address)) {
      return this.#failLater(systemError(errnoOf('ENAMETOOLONG'), 'connect', { address }));
    }
    try {
      this.#socket = createConnection(this.#connectOptions());
    } catch (error) {
      return this.#failLater(error as NodeJS.ErrnoException);
    }
    // Else Node would read before anybody wants it.
    this.#socket.pause();
    this.#socket.once('connect', this.#onConnect);
    this.#socket.once('error', this.#onError);
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#leave();
  }

  #connectOptions(): NetConnectOpts {
    const { family, address, port } = this.#address;
    // As of accepted sockets: see NetListener.
    const common = { allowHalfOpen: true, highWaterMark: 1 };
    if (family === 'unix') return { ...common, path: address };
    const { local, noDelay, keepAlive } = this.#options;
    return {
      ...common,
      host: address,
      port,
      noDelay,
      ...keepAliveOf(keepAlive),
      ...(local !== undefined && { localAddress: local.address, localPort: local.port }),
    };
  }

  readonly #onConnect = (): void => {
    const socket = this.#socket;
    if (this.#over || socket === undefined) return;
    this.#over = true;
    socket.off('error', this.#onError);
    const { family, address } = this.#address;
    const known = family === 'unix' ? { remote: socketAddress('unix', address) } : {};
    const stream = new NetStream(this.#turns, socket, known);
    this.#turns.turn(() => stream.announce(() => this.#events.connected(stream)));
  };

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#failLater(error);
  };

  #failLater(error: NodeJS.ErrnoException): void {
    this.#turns.later(() => {
      if (this.#over) return;
      this.#over = true;
      this.#leave();
      this.#events.connectFailed(error);
    });
  }

  #leave(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.off('connect', this.#onConnect);
    // Node may still tell why it could not be connected: there is nobody left who wants to know.
    socket.on('error', () => {});
    socket.destroy();
  }
}
