// What a law says of something that breaks it.

import type { Law } from 'evio/testing';

/** The message of one of these laws; `it holds` without one. */
export function verdict(laws: readonly Law[], name: string): string {
  const law = laws.find((one) => one.name === name);
  if (law === undefined) throw new Error(`there is no law "${name}"`);
  try {
    law.check();
  } catch (error) {
    return (error as Error).message;
  }
  return 'it holds';
}
