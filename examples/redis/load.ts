// Carries out the requests of an append-only file, as if a client had sent them.

import { dataCommands } from './data-commands.js';
import type { Client } from './client.js';
import { execute } from './commands.js';
import { RespWriter } from './resp-writer.js';
import type { Request } from './resp.js';
import type { Store } from './store.js';

const MINUS = 45;
const WRITES = new Set(dataCommands.filter(({ writes }) => writes).map(({ name }) => name));

/** @throws when a request is not one that changes the data, or fails */
export function load(store: Store): (request: Request) => void {
  const replies = new RespWriter();
  const nobody: Client = {
    id: 0,
    local: '',
    remote: '',
    store,
    server: { settings: {}, facts: () => ({}), shutdown: () => {} },
    name: '',
    version: 2,
    ending: undefined,
  };
  return (request) => {
    const name = request.text(0).toLowerCase();
    if (name === 'select') return; // Redis begins its files with it
    if (!WRITES.has(name)) throw new Error(`bad format (the command '${name.slice(0, 64)}')`);
    execute(request, replies, nobody);
    const reply = replies.take();
    if (reply[0] === MINUS) throw new Error(`bad format (${reply.toString('latin1', 1).trimEnd()})`);
  };
}
