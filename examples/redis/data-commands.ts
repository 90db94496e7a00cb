// The commands that work on the data.

import type { Client } from './client.js';
import { NOT_AN_INTEGER, SYNTAX_ERROR, wrongArity, type Command } from './command.js';
import type { RespWriter } from './resp-writer.js';
import type { Request } from './resp.js';
import type { Store } from './store.js';

export const dataCommands: readonly Command[] = [
  {
    name: 'get',
    arity: 2,
    group: 'string',
    summary: 'Get the value of a key',
    keys: [1, 1, 1],
    run: (request, replies, { store }) => sendValue(request, 1, replies, store),
  },
  {
    name: 'set',
    arity: -3,
    group: 'string',
    summary: 'Set the string value of a key',
    writes: true,
    keys: [1, 1, 1],
    run: set,
  },
  {
    name: 'mget',
    arity: -2,
    group: 'string',
    summary: 'Get the values of all the given keys',
    keys: [1, -1, 1],
    run: (request, replies, { store }) => {
      replies.array(request.count - 1);
      for (let at = 1; at < request.count; at++) sendValue(request, at, replies, store);
    },
  },
  {
    name: 'mset',
    arity: -3,
    group: 'string',
    summary: 'Set multiple keys to multiple values',
    writes: true,
    keys: [1, -1, 2],
    run: (request, replies, { store }) => {
      if (request.count % 2 === 0) return wrongArity(replies, 'mset');
      for (let at = 1; at < request.count; at += 2) setValue(request, at, at + 1, store);
      replies.ok();
      return true;
    },
  },
  {
    name: 'incr',
    arity: 2,
    group: 'string',
    summary: 'Increment the integer value of a key by one',
    writes: true,
    keys: [1, 1, 1],
    run: (request, replies, { store }) => {
      const sum = store.increment(request.block, request.start(1), request.end(1));
      if (sum === 'not an integer') return replies.error(NOT_AN_INTEGER);
      if (sum === 'overflow') return replies.error('ERR increment or decrement would overflow');
      replies.integer(sum);
      return true;
    },
  },
  {
    name: 'del',
    arity: -2,
    group: 'generic',
    summary: 'Delete a key',
    writes: true,
    keys: [1, -1, 1],
    run: (request, replies, { store }) => {
      let deleted = 0;
      for (let at = 1; at < request.count; at++) {
        if (store.delete(request.block, request.start(at), request.end(at))) deleted++;
      }
      replies.integer(deleted);
      return deleted > 0;
    },
  },
  {
    name: 'exists',
    arity: -2,
    group: 'generic',
    summary: 'Determine if a key exists',
    keys: [1, -1, 1],
    run: (request, replies, { store }) => {
      let existing = 0;
      for (let at = 1; at < request.count; at++) {
        if (store.has(request.block, request.start(at), request.end(at))) existing++;
      }
      replies.integer(existing);
    },
  },
  {
    name: 'dbsize',
    arity: 1,
    group: 'server',
    summary: 'Return the number of keys in the selected database',
    run: (_, replies, { store }) => replies.integer(store.size),
  },
  {
    name: 'flushall',
    arity: -1,
    group: 'server',
    summary: 'Remove all keys from all databases',
    writes: true,
    run: (request, replies, { store }) => {
      if (request.count > 2 || (request.count === 2 && !/^a?sync$/i.test(request.text(1)))) {
        return replies.error(SYNTAX_ERROR);
      }
      store.clear();
      replies.ok();
      return true;
    },
  },
  {
    name: 'ping',
    arity: -1,
    group: 'connection',
    summary: 'Ping the server',
    // With something to send back: `execute` answers a bare PING.
    run: (request, replies) => {
      if (request.count === 2) replies.slice(request.block, request.start(1), request.end(1));
      else wrongArity(replies, 'ping');
    },
  },
  {
    name: 'echo',
    arity: 2,
    group: 'connection',
    summary: 'Echo the given string',
    run: (request, replies) => replies.slice(request.block, request.start(1), request.end(1)),
  },
];

/** SET key value [NX | XX] [GET] [KEEPTTL]. Nothing expires here, so nothing is to be kept; EX and the like are refused. */
function set(request: Request, replies: RespWriter, { store }: Client): boolean | void {
  if (request.count === 3) {
    setValue(request, 1, 2, store);
    replies.ok();
    return true;
  }
  const options = new Set<string>();
  for (let at = 3; at < request.count; at++) options.add(request.text(at).toUpperCase());
  const known = [...options].every((option) => ['NX', 'XX', 'GET', 'KEEPTTL'].includes(option));
  if (!known || (options.has('NX') && options.has('XX'))) return replies.error(SYNTAX_ERROR);

  const exists = store.has(request.block, request.start(1), request.end(1));
  const refused = options.has(exists ? 'NX' : 'XX');
  if (options.has('GET')) sendValue(request, 1, replies, store);
  else if (refused) replies.nil();
  else replies.ok();
  if (!refused) setValue(request, 1, 2, store);
  return !refused;
}

function setValue(request: Request, key: number, value: number, store: Store): void {
  const { block } = request;
  store.set(block, request.start(key), request.end(key), block, request.start(value), request.end(value));
}

function sendValue(request: Request, key: number, replies: RespWriter, store: Store): void {
  const value = store.get(request.block, request.start(key), request.end(key));
  if (value === undefined) replies.nil();
  else replies.slice(value.block, value.start, value.end);
}
