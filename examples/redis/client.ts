// What the commands know of the client that sent them, and of the server they run in.

import type { Store } from './store.js';
import type { Version } from './resp-writer.js';
import type { Request } from './resp.js';

/** Where requests that changed the data are written down. */
export interface Journal {
  /** Why nothing can be written at present. */
  readonly problem: string | undefined;
  append(request: Request): void;
  /** Hands what was appended to the operating system: called before the replies leave. */
  flush(): void;
}

/** What a protocol cannot do by itself, being a function of streams: given to it by the program. */
export interface RedisServer {
  readonly journal?: Journal | undefined;
  /** What CONFIG GET shows. */
  readonly settings: Readonly<Record<string, string>>;
  /** What INFO shows beside the server's own facts. */
  readonly facts: () => Readonly<Record<string, string | number>>;
  /** SHUTDOWN: close all connections and end. */
  readonly shutdown: () => void;
}

export interface Client {
  readonly id: number;
  readonly local: string;
  readonly remote: string;
  readonly store: Store;
  readonly server: RedisServer;
  name: string;
  version: Version;
  /** What ends, if anything, when the replies so far have been sent: QUIT ends the connection, SHUTDOWN the server. */
  ending: 'connection' | 'server' | undefined;
}
