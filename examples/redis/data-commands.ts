// The commands that work on the data.

import type { Client } from './client.js';
import { NOT_AN_INTEGER, SYNTAX_ERROR, wrongArity, type Command } from './command.js';
import { KeyCache } from './latin1.js';
import { OK, PONG, type RespWriter } from './resp-writer.js';
import type { Request } from './resp.js';
import { valueOf, type Value } from './store.js';

export const dataCommands: readonly Command[] = [
  {
    name: 'get',
    arity: 2,
    group: 'string',
    summary: 'Get the value of a key',
    keys: [1, 1, 1],
    run: (request, replies, { store }) => sendValue(replies, store.get(key(request, 1))),
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
      for (let at = 1; at < request.count; at++) sendValue(replies, store.get(key(request, at)));
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
      for (let at = 1; at < request.count; at += 2) store.set(key(request, at), argument(request, at + 1));
      replies.raw(OK);
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
      const sum = store.increment(key(request, 1));
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
      const deleted = countKeys(request, (key) => store.delete(key));
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
      replies.integer(countKeys(request, (key) => store.has(key)));
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
      replies.raw(OK);
      return true;
    },
  },
  {
    name: 'ping',
    arity: -1,
    group: 'connection',
    summary: 'Ping the server',
    run: (request, replies) => {
      if (request.count === 1) replies.raw(PONG);
      else if (request.count === 2) replies.slice(request.bytes, request.start(1), request.end(1));
      else wrongArity(replies, 'ping');
    },
  },
  {
    name: 'echo',
    arity: 2,
    group: 'connection',
    summary: 'Echo the given string',
    run: (request, replies) => replies.slice(request.bytes, request.start(1), request.end(1)),
  },
];

/** SET key value [NX | XX] [GET] [KEEPTTL]. Nothing expires here, so nothing is to be kept; EX and the like are refused. */
function set(request: Request, replies: RespWriter, { store }: Client): boolean | void {
  const name = key(request, 1);
  if (request.count === 3) {
    store.set(name, argument(request, 2));
    replies.raw(OK);
    return true;
  }
  const options = new Set<string>();
  for (let at = 3; at < request.count; at++) options.add(request.text(at).toUpperCase());
  const known = [...options].every((option) => ['NX', 'XX', 'GET', 'KEEPTTL'].includes(option));
  if (!known || (options.has('NX') && options.has('XX'))) return replies.error(SYNTAX_ERROR);

  const old = store.get(name);
  const refused = options.has(old === undefined ? 'XX' : 'NX');
  if (options.has('GET')) sendValue(replies, old);
  else if (refused) replies.nil();
  else replies.raw(OK);
  if (!refused) store.set(name, argument(request, 2));
  return !refused;
}

const keys = new KeyCache();

function key(request: Request, at: number): string {
  return keys.key(request.bytes, request.start(at), request.end(at));
}

function argument(request: Request, at: number): Value {
  return valueOf(request.bytes, request.start(at), request.end(at));
}

function sendValue(replies: RespWriter, value: Value | undefined): void {
  if (value === undefined) replies.nil();
  else replies.bulk(value);
}

function countKeys(request: Request, counts: (key: string) => boolean): number {
  let count = 0;
  for (let at = 1; at < request.count; at++) if (counts(key(request, at))) count++;
  return count;
}
