// What a law is: something that holds for every codec, or for every server, with a name that a test runner can show.

import { inspect } from 'node:util';

/** One law, ready to be run: `it(law.name, law.check)`. */
export interface Law {
  /** What holds, for people. */
  readonly name: string;
  /** Synchronous. @throws Error that tells what was tried, what was expected and what came. */
  readonly check: () => void;
}

/** @throws Error in one form for all laws. */
export function violated(tried: string, expected: unknown, actual: unknown): never {
  const shown = (value: unknown): string =>
    typeof value === 'string' ? value : inspect(value, { depth: 6, maxArrayLength: 20, breakLength: 100 });
  throw Object.assign(new Error(`${tried}: expected ${shown(expected)}, but it was ${shown(actual)}`), {
    expected,
    actual,
  });
}
