// What specs of misuse assert: the class, the code, and that the message names what is wrong.

import { expect } from 'chai';

export interface Coded extends Error {
  readonly code?: string;
}

/** What a call throws. */
export function thrownBy(call: () => unknown): Coded {
  try {
    call();
  } catch (error) {
    return error as Coded;
  }
  return expect.fail('it was accepted');
}

/** What a promise rejects with. */
export function rejectionOf(promise: Promise<unknown>): Promise<Coded> {
  return promise.then(
    () => expect.fail('it was fulfilled'),
    (reason: unknown) => reason as Coded,
  );
}

export function expectTypeError(error: Coded, code: string, ...parts: string[]): void {
  expect(error).to.be.an.instanceOf(TypeError);
  expect(error).to.include({ code });
  for (const part of parts) expect(error.message).to.include(part);
}

/** A value in the title of a spec. */
export function titleOf(value: unknown): string {
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value === 'number' || typeof value === 'bigint' || value === undefined) return String(value);
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && value.constructor !== Object) {
    return `a ${value.constructor.name}`;
  }
  return JSON.stringify(value);
}
