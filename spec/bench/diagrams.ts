// `npm run bench:diagrams`: what a diagram costs: 1,000 runs of `wire` over the echo protocol of the examples.
//
// A run makes a world with a server and a client, plays a dozen marbles, compares, closes everything and looks for leaks. The
// first round is that of a cold process, as a test runner has it. Printed: the first round; the median and the range of
// rounds of one diagram after the other, with microtasks between them, as between tests; and of those in one go, as in
// `resegment` or a property: promises of a run that is over keep it in memory until they settle.

import process from 'node:process';

import { wire } from 'evio/testing';

import { BANNER, echo } from '../../examples/echo/protocol.js';

const DIAGRAMS = 1000;
const ROUNDS = 11;

const protocol = echo(() => {});
const lanes = {
  client: '^-a--b-(cd)-e--a-b-(q|)',
  server: 'B-a--b-(cd)-e--a-b-(q|)',
};
const values = {
  B: BANNER,
  a: 'hello\n',
  b: 'part of a line',
  c: 'x'.repeat(100),
  d: '\n',
  e: Buffer.from([0xff, 0x00, 0x0a]),
  q: 'quit\n',
};

interface Cost {
  readonly cpu: number;
  readonly wall: number;
}

/** In milliseconds. */
async function round(settle: boolean): Promise<Cost> {
  const usage = process.cpuUsage();
  const start = process.hrtime.bigint();
  for (let i = 0; i < DIAGRAMS; i++) {
    wire(protocol, lanes, values);
    if (settle) await Promise.resolve();
  }
  const wall = Number(process.hrtime.bigint() - start) / 1e6;
  const { user, system } = process.cpuUsage(usage);
  return { cpu: (user + system) / 1000, wall };
}

function report(title: string, costs: readonly Cost[]): void {
  const told = (of: keyof Cost): string => {
    const values = costs.map((cost) => cost[of]).sort((a, b) => a - b);
    const [least = 0, median = 0, most = 0] = [values[0], values[values.length >> 1], values.at(-1)];
    const range = costs.length > 1 ? ` (${least.toFixed(0)} to ${most.toFixed(0)})` : '';
    return `${median.toFixed(0)} ms${range}`;
  };
  console.log(`${title.padEnd(16)}CPU ${told('cpu').padEnd(24)}wall ${told('wall')}`);
}

console.log(`Node ${process.versions.node}; ${DIAGRAMS} diagrams:`);
async function rounds(settle: boolean): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (let i = 0; i < ROUNDS; i++) costs.push(await round(settle));
  return costs;
}

report('first round', [await round(true)]);
report('one by one', await rounds(true));
report('in one go', await rounds(false));
