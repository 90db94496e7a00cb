// `npm run bench:timeouts`: what time-outs cost a connection, on a poller that does nothing. Run with --expose-gc.
//
// A round moves the activity of each of 10,000 connections on (a byte received, which arms or does not have to), and sets
// and clears a deadline of the wheel itself. Printed: the median and the range of the rounds.

import process from 'node:process';

import type { Poller } from 'evio';

const CONNECTIONS = 10_000;
const ROUNDS = 40;

const built = (file: string): string => new URL(`../../../dist/${file}`, import.meta.url).href;
const { Engine } = (await import(built('engine.js'))) as {
  Engine: { of(poller: Poller): unknown };
};
const { Timeouts } = (await import(built('timeouts.js'))) as {
  Timeouts: new (
    engine: unknown,
    limits: object,
    owner: object,
  ) => { received(): void; reading(on: boolean): void; queued(): void; taken(all: boolean): void };
};
const { Timer, TimingWheel } = (await import(built('timing-wheel.js'))) as {
  Timer: new (run: () => void) => object;
  TimingWheel: new (now: number) => { set(timer: object, at: number): void; clear(timer: object): void };
};

let now = 1000;
let alarms = 0;
const poller = {
  name: 'fake',
  now: () => now,
  attach: () => {},
  alarm: () => {
    alarms += 1;
  },
  schedule: () => {},
  listen: () => {
    throw new Error('nobody listens here');
  },
  connect: () => {
    throw new Error('nobody dials here');
  },
} as unknown as Poller;

const engine = Engine.of(poller) as { turnBegin(): void; turnEnd(): void };
const limits = { idle: 30_000, read: 10_000, firstByte: 10_000, write: 10_000, handshake: 0 };
const owner = { timedOut: () => {} };

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');

const bytesBefore = heap();
const connections = Array.from({ length: CONNECTIONS }, () => new Timeouts(engine, limits, owner));
const bytesPerConnection = (heap() - bytesBefore) / CONNECTIONS;
for (const connection of connections) connection.reading(true);

const wheel = new TimingWheel(now);
const timers = Array.from({ length: CONNECTIONS }, () => new Timer(() => {}));

function heap(): number {
  collect?.();
  return process.memoryUsage().heapUsed;
}

interface Cost {
  readonly nanoseconds: number[];
  readonly bytes: number[];
}

function measure(work: () => void): Cost {
  const cost: Cost = { nanoseconds: [], bytes: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const before = heap();
    const start = process.hrtime.bigint();
    work();
    const end = process.hrtime.bigint();
    // Before a collection: what the work has allocated is still there.
    const after = process.memoryUsage().heapUsed;
    cost.nanoseconds.push(Number(end - start) / CONNECTIONS);
    cost.bytes.push((after - before) / CONNECTIONS);
    now += 7;
  }
  return cost;
}

function report(title: string, { nanoseconds, bytes }: Cost): void {
  const median = (values: number[]): number =>
    [...values].sort((a, b) => a - b)[values.length >> 1] as number;
  const range = `${Math.min(...nanoseconds).toFixed(1)} to ${Math.max(...nanoseconds).toFixed(1)}`;
  console.log(
    `${title.padEnd(46)}${median(nanoseconds).toFixed(1).padStart(7)} ns (${range}), ${median(bytes).toFixed(2)} bytes`,
  );
}

console.log(`Node ${process.versions.node}, ${CONNECTIONS} connections, ${ROUNDS} rounds; per operation:`);
report(
  'a byte received, in a turn',
  measure(() => {
    engine.turnBegin();
    for (const connection of connections) connection.received();
    engine.turnEnd();
  }),
);
report(
  'output queued and taken, in a turn',
  measure(() => {
    engine.turnBegin();
    for (const connection of connections) {
      connection.queued();
      connection.taken(true);
    }
    engine.turnEnd();
  }),
);
report(
  'reading turned off and on, in a turn',
  measure(() => {
    engine.turnBegin();
    for (const connection of connections) {
      connection.reading(false);
      connection.reading(true);
    }
    engine.turnEnd();
  }),
);
report(
  'a deadline set',
  measure(() => {
    for (let i = 0; i < CONNECTIONS; i++) wheel.set(timers[i] as object, now + 100 + (i % 5000));
  }),
);
report(
  'a deadline moved',
  measure(() => {
    for (let i = 0; i < CONNECTIONS; i++) wheel.set(timers[i] as object, now + 30_000 - (i % 5000));
  }),
);
report(
  'a deadline cleared and set again',
  measure(() => {
    for (let i = 0; i < CONNECTIONS; i++) {
      wheel.clear(timers[i] as object);
      wheel.set(timers[i] as object, now + 200 + (i % 3000));
    }
  }),
);
console.log(
  `held by a connection with time-outs: ${bytesPerConnection.toFixed(0)} bytes; alarms set: ${alarms}`,
);
