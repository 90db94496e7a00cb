// The protocol: requests in, replies out, as a function of streams. It knows no socket, so that a marble diagram can
// drive it as well as a client can.

import type { Connection } from 'evio';
import { inPlace } from 'evio/protocols';
import { Observable, Subscription, type Observer, type Subscriber } from 'rxjs';
import type { Client, RedisServer } from './client.js';
import { execute } from './commands.js';
import { RespWriter } from './resp-writer.js';
import { ProtocolError, RequestParser } from './resp.js';
import type { Store } from './store.js';

/** Replies leave when all requests of a piece of input are answered, or when this many bytes have gathered. */
const PORTION = 256 * 1024;

/**
 * With more than this waiting to be sent we stop answering until it has gone, and take no input: one piece of it can ask for
 * far more than it is long. Whatever `highWaterMark` the server has, which need not be the same.
 */
export const HIGH_WATER_MARK = 1024 * 1024;

/** What the protocol needs of a connection; a spec can make one up. */
export type Peer = Pick<Connection, 'id' | 'local' | 'remote' | 'bytesQueued' | 'send' | 'pause' | 'resume'>;

/** @example server.connections$.pipe(serveEach(redis(new Store(), program))).subscribe(); */
export function redis(store: Store, { journal, settings, facts, shutdown }: RedisServer) {
  const replies = new RespWriter();
  const server: RedisServer = { journal, settings, facts, shutdown }; // always in this shape: V8 compiles for shapes
  return (data$: Observable<Buffer>, connection: Peer): Observable<Buffer> =>
    new Observable((output) => {
      const conversation = new Conversation(output, connection, greet(connection, store, server), replies);
      output.add(() => conversation.leave());
      // The parser copies what it keeps: it can take the bytes where they lie.
      output.add(data$.pipe(inPlace()).subscribe(conversation));
    });
}

/** Takes one client's input and answers it, in portions, until the client is too slow to take them. */
class Conversation implements Observer<Buffer> {
  readonly #output: Subscriber<Buffer>;
  readonly #connection: Peer;
  readonly #client: Client;
  readonly #replies: RespWriter; // one for all clients: empty whenever we return
  readonly #parser = new RequestParser();
  #waiting: Subscription | undefined;
  #ended = false;

  constructor(output: Subscriber<Buffer>, connection: Peer, client: Client, replies: RespWriter) {
    this.#output = output;
    this.#connection = connection;
    this.#client = client;
    this.#replies = replies;
  }

  next(chunk: Buffer): void {
    try {
      this.#parser.feed(chunk);
      if (this.#waiting === undefined) this.#answer();
      else this.#parser.keep();
    } catch (error) {
      this.error(error);
    }
  }

  complete(): void {
    this.#ended = true;
    if (this.#waiting === undefined) this.#output.complete();
  }

  /** Also for what is thrown here: it is this client's own and goes down the stream, not up to whoever called. */
  error(error: unknown): void {
    this.#replies.take();
    this.#output.error(error);
  }

  leave(): void {
    this.#waiting?.unsubscribe();
  }

  #answer(): void {
    for (let more = true; more && !this.#output.closed;) {
      more = answerPortion(this.#parser, this.#replies, this.#client);
      if (this.#replies.length > 0) this.#output.next(this.#replies.take());
      if (this.#client.ending !== undefined) return this.#end();
      if (more && this.#connection.bytesQueued > HIGH_WATER_MARK) return this.#wait();
    }
    if (this.#ended) this.#output.complete();
  }

  /** Until the kernel has all that is queued now: to send nothing is to be told of that. */
  #wait(): void {
    this.#parser.keep();
    this.#connection.pause();
    const waiting = (this.#waiting = new Subscription());
    waiting.add(
      this.#connection.send(NOTHING).subscribe({
        next: () => {
          this.#waiting = undefined;
          this.#connection.resume();
          this.next(NOTHING);
        },
        error: () => {
          this.#connection.resume(); // nobody gets an answer any more: no more is made, and the rest is not kept
          this.#output.complete();
        },
      }),
    );
  }

  #end(): void {
    this.#output.complete();
    if (this.#client.ending === 'server') this.#client.server.shutdown();
  }
}

const NOTHING = Buffer.alloc(0);

/** Whether there may be more to answer. */
function answerPortion(parser: RequestParser, replies: RespWriter, client: Client): boolean {
  replies.version = client.version; // one buffer serves all clients
  try {
    for (;;) {
      const request = parser.next();
      if (request === undefined) return false;
      execute(request, replies, client);
      if (client.ending !== undefined) return false;
      if (replies.length >= PORTION) return true;
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    replies.error(`ERR ${error.message}`);
    client.ending = 'connection';
    return false;
  } finally {
    client.server.journal?.flush(); // before the replies leave: what was answered is written down
  }
}

function greet({ id, local, remote }: Peer, store: Store, server: RedisServer): Client {
  return {
    id,
    local: String(local),
    remote: String(remote),
    store,
    server,
    name: '',
    version: 2,
    ending: undefined,
  };
}
