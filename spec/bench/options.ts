// The command line.

import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Effort } from './measurement.js';
import { root } from './programs.js';
import { FEWEST_FOR_INTERVAL } from './statistics.js';

export interface Options {
  readonly help: boolean;
  readonly list: boolean;
  /** Undefined: as many as each scenario needs. */
  readonly rounds: number | undefined;
  readonly effort: Effort;
  readonly scenarios: readonly string[];
  readonly rivals: readonly string[];
  readonly json: string;
  /** An earlier results file. */
  readonly compare: string | undefined;
}

export const HELP = `npm run bench -- [options]

  --scenario NAME,...     only these; a beginning is enough (echo, resp, growth)
  --rival NAME,...        only these; may be given several times
  --rival NAME=COMMAND    a server of your own: {port} in the command, {protocol} if it speaks several
  --rounds N              how often every rival is measured; default 15 where something is promised, else 6
  --quick                 one short round in two minutes: shows that everything works, its figures mean little
  --compare FILE          the scenarios of an earlier results file, and what has become slower beyond the noise
  --json FILE             where the results go, default .out/bench/results.json
  --list                  scenarios and rivals, and what is missing here
  --help                  this

Method and meaning: spec/bench/README.md`;

/** Throws an error of one line. */
export function parseOptions(args: readonly string[]): Options {
  const values = parse([...args]);
  const { help, list, quick } = values;
  const rounds = values.rounds === undefined ? (quick ? 1 : undefined) : Number(values.rounds);
  if (rounds !== undefined && !isCount(rounds)) {
    throw new Error(`--rounds is a number from 1 to 1000, not '${values.rounds}'`);
  }
  if (values.compare !== undefined && rounds !== undefined && rounds < FEWEST_FOR_INTERVAL) {
    throw new Error(`--compare needs --rounds ${FEWEST_FOR_INTERVAL} or more: fewer have no 95 % interval`);
  }
  const effort = quick ? { quick, warmUp: 0.2, window: 0.3 } : { quick, warmUp: 0.5, window: 1 };
  return {
    help,
    list,
    rounds,
    effort,
    scenarios: values.scenario.flatMap(names),
    rivals: values.rival.flatMap((value) => (value.includes('=') ? [value] : names(value))), // a command may have commas
    compare: values.compare === undefined ? undefined : path.resolve(values.compare),
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
    compare: { type: 'string' },
  } as const;
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    const [problem] = String(error instanceof Error ? error.message : error).split('. '); // advice follows
    throw new Error(`${problem} (--help)`, { cause: error });
  }
}

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 1000;

function names(value: string): string[] {
  return value
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
