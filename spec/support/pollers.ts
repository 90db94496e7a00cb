// The table over which every spec of behaviour runs.

import { existsSync } from 'node:fs';
import process from 'node:process';

import { KQUEUE_ADDON } from './native-addons.js';

export type PollerUnderTest = 'epoll' | 'kqueue' | 'net';

/** What this machine can run. On Linux `kqueue` is the backend over its emulation (spec/native/kqueue), which needs cmake. */
function pollersHere(): readonly PollerUnderTest[] {
  const named = process.env['EVIO_SPEC_POLLERS'];
  if (named !== undefined) return named.split(',') as PollerUnderTest[];
  if (process.platform === 'win32') return ['net'];
  if (process.platform !== 'linux') return ['kqueue', 'net'];
  return existsSync(KQUEUE_ADDON) ? ['epoll', 'kqueue', 'net'] : ['epoll', 'net'];
}

/** EVIO_SPEC_POLLERS, names with commas between, chooses others. */
export const pollers: readonly PollerUnderTest[] = pollersHere();

/** Describes a property for each poller; `only` names those that can have it, with the reason in the title. */
export function overPollers(
  title: string,
  suite: (poller: PollerUnderTest) => void,
  only: readonly PollerUnderTest[] = pollers,
): void {
  for (const poller of pollers) {
    if (only.includes(poller)) describe(`${title} (${poller})`, () => suite(poller));
  }
}
