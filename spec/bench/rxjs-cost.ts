// `npm run bench:rxjs`: what an event costs on its way to a function, without any network, in nanoseconds: a plain call, a
// Subject, evio's input, and operators behind them. Each in a process of its own (rxjs-variant.ts), so that none runs in
// code that V8 has generalised for another; interleaved rounds, as in `npm run bench`.

import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { start, stopAll } from './children.js';
import { describe, machine } from './machine.js';
import { root } from './programs.js';
import { table } from './report.js';
import { writeResults } from './results.js';
import type { RivalResult, Round } from './rounds.js';
import type { Scenario } from './scenario.js';

const VARIANT = fileURLToPath(new URL('./rxjs-variant.js', import.meta.url));
const CALL = 'call';
const VARIANTS: Readonly<Record<string, string>> = {
  [CALL]: 'a plain function call, which V8 inlines',
  subject: 'Subject.next to a subscriber',
  'subject-map': 'the same through map',
  'subject-map-filter': 'the same through map and filter',
  relay: 'evio’s data$ to a connection: bytes on loan',
  input: 'evio’s data$ to a function',
  'input-map': 'the same through map',
  'input-map-filter': 'the same through map and filter',
};

const nanoseconds = (value: number): string => value.toFixed(1);
const scenario: Scenario = {
  name: 'rxjs',
  about: 'an event from its source to a function, no network',
  speaks: 'echo',
  load: () => Promise.reject(new Error('it has no server')),
  columns: [
    { key: 'ns', title: 'ns/event', about: 'nanoseconds per event', format: nanoseconds, spread: true },
    { key: 'over', title: 'over a call', format: nanoseconds },
  ],
};

process.once('exit', stopAll);
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    json: { type: 'string', default: path.join(root, '.out/bench/rxjs.json') },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds is a number from 1, not '${values.rounds}'`);

const measured = new Map<string, Round[]>(Object.keys(VARIANTS).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  const figures = new Map<string, number>();
  for (const name of measured.keys()) figures.set(name, await cost(name));
  for (const [name, list] of measured) {
    const ns = figures.get(name) ?? Number.NaN;
    list.push({ values: { ns, over: ns - (figures.get(CALL) ?? Number.NaN) } });
  }
}

const results = Object.entries(VARIANTS).map(([name, about]): RivalResult => {
  const own = name === 'relay' || name.startsWith('input');
  const rival = { name, about, own, command: () => undefined };
  return { rival, rounds: measured.get(name) ?? [], faults: [] };
});
const on = machine();
console.log(describe(on));
console.log(table({ scenario, results }));
const about = { machine: on, command: 'npm run bench:rxjs', settings: { rounds } };
writeResults(values.json, about, [{ scenario, results }]);
console.log(`\nevery round: ${values.json}`);

async function cost(variant: string): Promise<number> {
  const child = start('server', [process.execPath, VARIANT, variant]);
  if (child.stdout === null || child.stderr === null) throw new Error('a child has no output');
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const [out, complaint, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`${variant}: ${complaint.trim()}`);
  return Number(out);
}
