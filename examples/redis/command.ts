// What a command is, and what all of them share.

import type { Client } from './client.js';
import type { RespWriter } from './resp-writer.js';
import type { Request } from './resp.js';

export interface Command {
  readonly name: string;
  /** How many words a request has, the command included; -2 stands for two or more. */
  readonly arity: number;
  readonly group: 'string' | 'generic' | 'connection' | 'server';
  readonly summary: string;
  /** Whether it can change the data: then `run` says whether it did, and the request goes into the append-only file. */
  readonly writes?: boolean;
  /** Of the keys among the words: first, last (-1 is the last word) and step. */
  readonly keys?: readonly [first: number, last: number, step: number];
  readonly run: (request: Request, replies: RespWriter, client: Client) => boolean | void;
}

export const NOT_AN_INTEGER = 'ERR value is not an integer or out of range';
export const SYNTAX_ERROR = 'ERR syntax error';

export function wrongArity(replies: RespWriter, name: string): void {
  replies.error(`ERR wrong number of arguments for '${name}' command`);
}

/** Whether a request has as many words as an arity asks for. */
export function fits(arity: number, request: Request): boolean {
  return arity > 0 ? request.count === arity : request.count >= -arity;
}

export type Subcommands = Readonly<Record<string, { readonly arity: number; readonly run: Command['run'] }>>;

/** CLIENT SETNAME, CONFIG GET and the like: the second word says what to do. */
export function runSubcommand(
  of: string,
  subcommands: Subcommands,
  ...call: Parameters<Command['run']>
): void {
  const [request, replies] = call;
  const name = request.text(1).toLowerCase();
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (subcommand === undefined) {
    replies.error(`ERR unknown subcommand '${request.text(1).slice(0, 128)}'. Try ${of.toUpperCase()} HELP.`);
  } else if (!fits(subcommand.arity, request)) {
    wrongArity(replies, `${of}|${name}`);
  } else {
    subcommand.run(...call);
  }
}
