// From a request to its reply: finding the command, checking its words, carrying it out.
//
// Every reply is the same to the byte as that of Redis 7.0; spec/examples/redis-parity.spec.ts compares them.

import { Block } from './block.js';
import type { Client, Journal } from './client.js';
import { fits, runSubcommand, wrongArity, type Command, type Subcommands } from './command.js';
import { dataCommands } from './data-commands.js';
import type { RespWriter } from './resp-writer.js';
import type { Request } from './resp.js';
import { serverCommands } from './server-commands.js';

const commandCommand: Command = {
  name: 'command',
  arity: -1,
  group: 'server',
  summary: 'Get array of Redis command details',
  run: command,
};

/** All commands by name. */
export const commands: ReadonlyMap<string, Command> = new Map(
  [...dataCommands, ...serverCommands, commandCommand].map((each) => [each.name, each]),
);

/** Carries out one request; its reply is added to the replies. */
export function execute(request: Request, replies: RespWriter, client: Client): void {
  const command = (request.known ??= find(request));
  if (command === undefined) {
    refuseUnknown(request, replies, client);
  } else if (command === PING && request.count === 1) {
    replies.pong(); // here and not by a call that may be to any command, which is a sixth of what it would cost
  } else if (!fits(command.arity, request)) {
    wrongArity(replies, command.name);
  } else if (command.writes && client.server.journal !== undefined) {
    write(command, request, replies, client, client.server.journal);
  } else {
    command.run(request, replies, client);
  }
}

function write(
  command: Known,
  request: Request,
  replies: RespWriter,
  client: Client,
  journal: Journal,
): void {
  if (journal.problem !== undefined) {
    replies.error(`MISCONF Errors writing to the AOF file: ${journal.problem}`);
  } else if (command.run(request, replies, client) === true) {
    journal.append(request);
  }
}

function refuseUnknown(request: Request, replies: RespWriter, client: Client): void {
  const name = asCString(request.text(0));
  if (/^(?:post|host:)$/i.test(name)) {
    client.ending = 'connection'; // a browser that was tricked into talking to us: whatever follows may be an attack
    return;
  }
  let words = '';
  for (let at = 1; at < request.count && words.length < 128; at++) {
    words += `'${asCString(request.text(at)).slice(0, 128 - words.length)}' `;
  }
  replies.error(`ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${words}`);
}

/** Redis prints with printf, which stops at a zero. */
function asCString(text: string): string {
  const zero = text.indexOf('\0');
  return zero < 0 ? text : text.slice(0, zero);
}

// Finding the command is on the way of every request, so it makes no string. The first four letters are a number, each with
// bit 5 set (which is what makes a letter small); by that number a command has its place in a small table with open
// addressing. No name has a letter's byte that another byte becomes by setting the bit, so nothing else is taken for one.
const PLACES = 256;
const places: (Known | undefined)[] = Array.from({ length: PLACES }, () => undefined);

/** What of a command is needed for each request. All are made here: V8 finds a property fastest where all objects have it. */
export class Known {
  readonly code: number;
  readonly length: number;
  readonly name: string;
  readonly arity: number;
  readonly writes: boolean;
  readonly run: Command['run'];

  constructor({ name, arity, writes = false, run }: Command) {
    this.code = codeOf(new Block(Buffer.from(name)).view, 0, name.length);
    this.length = name.length;
    this.name = name;
    this.arity = arity;
    this.writes = writes;
    this.run = run;
  }
}

for (const each of commands.values()) {
  const known = new Known(each);
  let place = placeOf(known.code);
  while (places[place] !== undefined) place = (place + 1) & (PLACES - 1);
  places[place] = known;
}

const PING = places.find((known) => known?.name === 'ping');

/** Of a word of three letters or more. */
function codeOf(view: DataView, start: number, length: number): number {
  if (length > 3) return view.getInt32(start, true) | 0x20202020;
  return (
    view.getUint8(start) | (view.getUint8(start + 1) << 8) | (view.getUint8(start + 2) << 16) | 0x20202020
  );
}

function placeOf(code: number): number {
  return Math.imul(code, 0x9e3779b1) >>> 24; // of 256
}

function find(request: Request): Known | undefined {
  const { block } = request;
  const start = request.start(0);
  const length = request.end(0) - start;
  if (length < 3) return undefined;
  const code = codeOf(block.view, start, length);
  for (let place = placeOf(code); ; place = (place + 1) & (PLACES - 1)) {
    const known = places[place];
    if (known === undefined) return undefined;
    if (known.code !== code || known.length !== length) continue;
    if (length < 5 || endsAs(known.name, block.bytes, start)) return known;
  }
}

/** The first four letters have been compared. */
function endsAs(name: string, bytes: Buffer, start: number): boolean {
  for (let at = 4; at < name.length; at++) {
    if (((bytes[start + at] ?? 0) | 32) !== name.charCodeAt(at)) return false;
  }
  return true;
}

/** COMMAND [COUNT | LIST | INFO name… | DOCS name…]: redis-cli completes and explains what is typed with it. */
function command(request: Request, replies: RespWriter, client: Client): void {
  if (request.count > 1) return runSubcommand('command', commandSubcommands, request, replies, client);
  replies.array(commands.size);
  for (const each of commands.values()) sendDetails(replies, each);
}

const commandSubcommands: Subcommands = {
  count: { arity: 2, run: (_, replies) => replies.integer(commands.size) },
  list: {
    arity: 2,
    run: (_, replies) => {
      replies.array(commands.size);
      for (const name of commands.keys()) replies.bulk(name);
    },
  },
  info: {
    arity: -2,
    run: (request, replies) => {
      const names = namesFrom(request) ?? [...commands.keys()];
      replies.array(names.length);
      for (const name of names) sendDetails(replies, commands.get(name));
    },
  },
  docs: {
    arity: -2,
    run: (request, replies) => {
      const names = namesFrom(request) ?? [...commands.keys()];
      const found = names.map((name) => commands.get(name)).filter((each) => each !== undefined);
      replies.map(found.length);
      for (const { name, summary, group } of found) {
        replies.bulk(name);
        replies.entries({ summary, since: '1.0.0', group });
      }
    },
  },
};

function namesFrom(request: Request): string[] | undefined {
  if (request.count === 2) return undefined;
  return Array.from({ length: request.count - 2 }, (_, at) => request.text(at + 2).toLowerCase());
}

/** Name, arity, flags, where the keys are, and four lists that Redis 7 has and that are empty here. */
function sendDetails(replies: RespWriter, command: Command | undefined): void {
  if (command === undefined) return replies.nil();
  const { name, arity, writes, keys } = command;
  replies.array(10);
  replies.bulk(name);
  replies.integer(arity);
  const flag = writes === true ? 'write' : keys === undefined ? undefined : 'readonly';
  replies.set(flag === undefined ? 0 : 1);
  if (flag !== undefined) replies.simple(flag);
  for (const position of keys ?? [0, 0, 0]) replies.integer(position);
  replies.set(0);
  for (let lists = 0; lists < 3; lists++) replies.array(0);
}
