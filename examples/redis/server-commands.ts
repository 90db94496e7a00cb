// The commands about the connection and the server: what client programs ask for when they start, and what ends a
// connection or the server.

import type { Client, RedisServer } from './client.js';
import { NOT_AN_INTEGER, runSubcommand, SYNTAX_ERROR, type Command, type Subcommands } from './command.js';
import type { RespWriter } from './resp-writer.js';
import type { Request } from './resp.js';

/** Clients decide by it what they may ask for; this is the Redis whose replies the commands here give. */
const VERSION = '7.0.15';

export const serverCommands: readonly Command[] = [
  { name: 'hello', arity: -1, group: 'connection', summary: 'Handshake with Redis', run: hello },
  {
    name: 'client',
    arity: -2,
    group: 'connection',
    summary: 'A container for client connection commands',
    run: client,
  },
  { name: 'select', arity: 2, group: 'connection', summary: 'Change the selected database', run: select },
  {
    name: 'config',
    arity: -2,
    group: 'server',
    summary: 'A container for server configuration commands',
    run: config,
  },
  {
    name: 'info',
    arity: -1,
    group: 'server',
    summary: 'Get information and statistics about the server',
    run: info,
  },
  {
    name: 'quit',
    arity: -1,
    group: 'connection',
    summary: 'Close the connection',
    run: (_, replies, client) => {
      replies.ok();
      client.ending = 'connection';
    },
  },
  { name: 'shutdown', arity: -1, group: 'server', summary: 'Stop the server', run: shutdown },
];

/** HELLO [2 | 3 [SETNAME name]]: which version of RESP the replies are to have. */
function hello(request: Request, replies: RespWriter, client: Client): void {
  let version: 2 | 3 = client.version;
  if (request.count > 1) {
    const asked = request.text(1);
    if (!/^-?\d{1,18}$/.test(asked))
      return replies.error('ERR Protocol version is not an integer or out of range');
    if (asked !== '2' && asked !== '3') return replies.error('NOPROTO unsupported protocol version');
    version = asked === '2' ? 2 : 3;
  }
  let { name } = client;
  for (let at = 2; at < request.count; at += 2) {
    const option = request.text(at);
    if (option.toUpperCase() !== 'SETNAME' || at + 1 === request.count) {
      return replies.error(`ERR Syntax error in HELLO option '${option}'`);
    }
    name = request.text(at + 1);
    if (!isName(name)) return replies.error(BAD_NAME);
  }
  client.name = name;
  client.version = replies.version = version;
  replies.entries(
    { server: 'redis', version: VERSION, proto: version, id: client.id, mode: 'standalone', role: 'master' },
    1,
  );
  replies.bulk('modules');
  replies.array(0);
}

const BAD_NAME = 'ERR Client names cannot contain spaces, newlines or special characters.';

function isName(name: string): boolean {
  return /^[!-~]*$/.test(name);
}

function client(request: Request, replies: RespWriter, client: Client): void {
  runSubcommand('client', clientSubcommands, request, replies, client);
}

const clientSubcommands: Subcommands = {
  id: { arity: 2, run: (_, replies, client) => replies.integer(client.id) },
  getname: {
    arity: 2,
    run: (_, replies, client) => (client.name === '' ? replies.nil() : replies.bulk(client.name)),
  },
  setname: {
    arity: 3,
    run: (request, replies, client) => {
      const name = request.text(2);
      if (!isName(name)) return replies.error(BAD_NAME);
      client.name = name;
      replies.ok();
    },
  },
  // Newer than 7.0, but libraries say by it who they are; there is nothing to do with that.
  setinfo: { arity: 4, run: (_, replies) => replies.ok() },
  info: {
    arity: 2,
    run: (_, replies, { id, remote, local, name, version }) => {
      replies.verbatim(`id=${id} addr=${remote} laddr=${local} name=${name} db=0 resp=${version}\n`);
    },
  },
};

/** There is one database, number 0. */
function select(request: Request, replies: RespWriter): void {
  const number = request.text(1);
  if (number === '0') replies.ok();
  else if (/^-?[1-9]\d{0,8}$/.test(number)) replies.error('ERR DB index is out of range');
  else replies.error(NOT_AN_INTEGER);
}

function config(request: Request, replies: RespWriter, client: Client): void {
  runSubcommand('config', configSubcommands, request, replies, client);
}

const configSubcommands: Subcommands = {
  get: {
    arity: -3,
    run: (request, replies, { server }) => {
      const found = new Map<string, string>();
      for (let at = 2; at < request.count; at++) {
        for (const [name, value] of settingsLike(request.text(at), server.settings)) found.set(name, value);
      }
      replies.entries(Object.fromEntries(found));
    },
  },
};

/** A name stands for itself, as it was typed; with `*` and `?` for all that fit. */
function settingsLike(pattern: string, settings: RedisServer['settings']): [name: string, value: string][] {
  if (!/[*?]/.test(pattern)) {
    const name = pattern.toLowerCase();
    return Object.hasOwn(settings, name) ? [[pattern, settings[name] ?? '']] : [];
  }
  const literal = pattern.replace(/\*+/g, '*').replace(/[\\^$.|+()[\]{}]/g, '\\$&');
  const glob = new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i');
  return Object.entries(settings).filter(([name]) => glob.test(name));
}

function info(_: Request, replies: RespWriter, { server, store }: Client): void {
  const facts = {
    redis_version: VERSION,
    redis_mode: 'standalone',
    role: 'master',
    loading: 0,
    ...server.facts(),
  };
  const lines = Object.entries(facts).map(([name, value]) => `${name}:${value}\r\n`);
  const keyspace = store.size === 0 ? '' : `db0:keys=${store.size},expires=0,avg_ttl=0\r\n`;
  replies.verbatim(`# Server\r\n${lines.join('')}\r\n# Keyspace\r\n${keyspace}`);
}

/** SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]: no reply, the connection just ends, as those of everybody. */
function shutdown(request: Request, replies: RespWriter, client: Client): void {
  const options = Array.from({ length: request.count - 1 }, (_, at) => request.text(at + 1).toUpperCase());
  const known = options.every((option) => ['NOSAVE', 'SAVE', 'NOW', 'FORCE', 'ABORT'].includes(option));
  const clash = options.includes('NOSAVE') && options.includes('SAVE');
  const aborts = options.includes('ABORT');
  if (!known || clash || (aborts && options.length > 1)) return replies.error(SYNTAX_ERROR);
  if (aborts) return replies.error('ERR No shutdown in progress.');
  client.ending = 'server';
}
