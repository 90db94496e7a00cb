// The parser, the commands and the store of the redis-server example, without evio: so that a comparison over RESP
// compares the networking.

import type { Client } from '../../../examples/redis/client.js';
import { execute } from '../../../examples/redis/commands.js';
import { inlineMore } from '../../../examples/redis/inlining.js';
import { RespWriter } from '../../../examples/redis/resp-writer.js';
import { RequestParser } from '../../../examples/redis/resp.js';
import { Store } from '../../../examples/redis/store.js';

inlineMore();
const store = new Store();
const replies = new RespWriter(); // of one piece of input, taken before the next one is looked at
const server = { settings: {}, facts: () => ({}), shutdown: () => process.exit() };

let clients = 0;

/** One client's conversation: bytes in, replies out. */
export class Conversation {
  readonly #parser = new RequestParser();
  readonly #client: Client = {
    id: ++clients,
    local: '',
    remote: '',
    store,
    server,
    name: '',
    version: 2,
    ending: undefined,
  };

  /** Answers every request that is complete now. */
  answer(chunk: Buffer): Buffer {
    this.#parser.feed(chunk);
    for (let request = this.#parser.next(); request !== undefined; request = this.#parser.next()) {
      execute(request, replies, this.#client);
    }
    return replies.take();
  }
}
