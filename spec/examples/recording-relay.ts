// A relay between a client program and a server, which remembers what went through. It keeps a connection to the server until
// the server ends it, whatever the client does, so that no reply goes unseen; and the client is told of that end only
// when all is over, so that it goes on asking on its other connections.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** One client's connection. */
export class Recorded {
  readonly requests: Buffer[] = [];
  readonly replies: Buffer[] = [];
  /** The server's FIN has come. */
  ended = false;
  error: Error | undefined;
  readonly over: Promise<void>;

  constructor(client: Socket, server: Socket) {
    client.on('data', (bytes) => {
      if (server.writableEnded) return;
      this.requests.push(bytes);
      server.write(bytes);
    });
    client.on('end', () => server.end());
    client.on('error', () => server.end());
    server.on('data', (bytes) => {
      this.replies.push(bytes);
      client.write(bytes);
    });
    server.on('end', () => {
      this.ended = true;
      server.end();
    });
    server.on('error', (error) => (this.error = error));
    this.over = new Promise((resolve) => server.once('close', () => resolve()));
  }
}

export class RecordingRelay {
  readonly connections: Recorded[] = [];
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  private constructor(to: number) {
    const options = { allowHalfOpen: true, noDelay: true };
    this.#server = createServer(options, (client) => {
      const server = connect({ ...options, port: to, host: '127.0.0.1' });
      this.#sockets.push(client, server);
      this.connections.push(new Recorded(client, server));
    });
  }

  /** On a free port, in front of another. */
  static async before(port: number): Promise<RecordingRelay> {
    const relay = new RecordingRelay(port);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends what is left of it, clients first of all. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }
}
