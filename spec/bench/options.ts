// The command line.

import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Effort } from './measurement.js';
import { root } from './programs.js';

export interface Options {
  readonly help: boolean;
  readonly list: boolean;
  readonly rounds: number;
  readonly effort: Effort;
  readonly scenarios: readonly string[];
  readonly rivals: readonly string[];
  readonly json: string;
}

export const HELP = `npm run bench -- [options]

  --scenario NAME,...     only these; a beginning is enough (echo, resp, redis-benchmark)
  --rival NAME,...        only these; may be given several times
  --rival NAME=COMMAND    a server of your own: {port} in the command, {protocol} if it speaks several
  --rounds N              how often every rival is measured, default 5
  --quick                 one short round: shows that everything works, its figures mean little
  --json FILE             where the results go, default .out/bench/results.json
  --list                  scenarios and rivals, and what is missing here
  --help                  this

Method and meaning: spec/bench/README.md`;

/** Throws an error of one line. */
export function parseOptions(args: readonly string[]): Options {
  const values = parse([...args]);
  const { help, list, quick } = values;
  const rounds = Number(values.rounds ?? (quick ? 1 : 5));
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000) {
    throw new Error(`--rounds is a number from 1 to 1000, not '${values.rounds}'`);
  }
  const effort = quick ? { quick, warmUp: 0.3, window: 0.5 } : { quick, warmUp: 1, window: 2 };
  return {
    help,
    list,
    rounds,
    effort,
    scenarios: values.scenario.flatMap(names),
    rivals: values.rival.flatMap((value) => (value.includes('=') ? [value] : names(value))), // a command may have commas
    json: path.resolve(values.json ?? path.join(root, '.out/bench/results.json')),
  };
}

function parse(args: string[]) {
  const options = {
    help: { type: 'boolean', short: 'h', default: false },
    list: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    scenario: { type: 'string', multiple: true, default: [] as string[] },
    rival: { type: 'string', multiple: true, default: [] as string[] },
    json: { type: 'string' },
  } as const;
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    const [problem] = String(error instanceof Error ? error.message : error).split('. '); // advice follows
    throw new Error(`${problem} (--help)`, { cause: error });
  }
}

function names(value: string): string[] {
  return value
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
