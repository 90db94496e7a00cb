// Options of a simulation, checked at the door: a misspelt latency would make a diagram prove nothing.

import { describe, invalidArgument } from '../errors.js';

type Check = (name: string, value: unknown) => void;

const within =
  (least: number, what: string, whole = false): Check =>
  (name, value) => {
    const fits =
      typeof value === 'number' &&
      value >= least &&
      (!whole || value === Infinity || Number.isInteger(value));
    if (!fits) throw invalidArgument(`option ${name} must be ${what}, not ${describe(value)}`);
  };

const anything: Check = () => {};
const bytes = within(1, 'a number of bytes from 1', true);
const time = within(0, 'a number of milliseconds from 0');

const LINK: Readonly<Record<string, Check>> = {
  latency: time,
  jitter: time,
  bandwidth: (name, value) => {
    if (typeof value === 'number' && value > 0) return;
    throw invalidArgument(
      `option ${name} must be a number of bytes per millisecond above 0, not ${describe(value)}`,
    );
  },
};

const SIMULATION: Readonly<Record<string, Check>> = {
  assertDeepEqual: anything,
  title: anything,
  notes: anything,
  schedule: anything, // choicesOf() looks at it
  quiet: time,
  link: (name, value) => checkAll(value, LINK, `option ${name}`),
  sendBuffer: bytes,
  receiveBuffer: bytes,
  descriptors: within(1, 'a number from 1', true),
};

/** @throws TypeError that names the option, what it must be and what it was; for an unknown one, those that there are. */
export function checkSimulationOptions(options: unknown): void {
  checkAll(options, SIMULATION, 'options');
}

/** @throws TypeError as above. */
export function checkReadRate(readRate: unknown): void {
  if (readRate !== undefined) bytes('readRate', readRate);
}

function checkAll(options: unknown, known: Readonly<Record<string, Check>>, what: string): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument(`${what} must be an object, not ${describe(options)}`, 'ERR_INVALID_ARG_TYPE');
  }
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined;
    if (check === undefined) {
      throw invalidArgument(`unknown option ${describe(name)}; valid are ${Object.keys(known).join(', ')}`);
    }
    if (value !== undefined) check(name, value);
  }
}
