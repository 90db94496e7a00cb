// Which poller serves: the option, or EVIO_POLLER, or what this system has.

import process from 'node:process';

import { EvioError, describe, invalidArgument } from '../errors.js';
import { AddonError, createNativePoller } from './native.js';
import { createNetPoller } from './net.js';
import type { Poller } from './poller.js';

const NAMES: readonly string[] = ['auto', 'epoll', 'kqueue', 'net'];

// One of each kind per thread: all servers of a thread share its turns.
let native: Poller | AddonError | undefined;
let net: Poller | undefined;

/**
 * @throws TypeError for an unknown name; EvioError (ERR_EVIO_POLLER_UNAVAILABLE) for one that cannot run here. `'auto'`
 *   never throws: it falls back to `net`.
 */
export function choosePoller(choice: unknown): Poller {
  if (isPoller(choice)) return choice;
  const fromEnvironment = choice === undefined ? process.env['EVIO_POLLER'] : undefined;
  const name = choice ?? (fromEnvironment === '' ? undefined : fromEnvironment) ?? 'auto';
  if (typeof name !== 'string' || !NAMES.includes(name)) {
    const source = fromEnvironment === undefined ? 'option poller' : 'EVIO_POLLER';
    throw invalidArgument(`${source}: unknown poller ${describe(name)}; valid are ${NAMES.join(', ')}`);
  }
  if (name === 'net') return netPoller();
  const found = nativePoller();
  if (name === 'auto') return found instanceof AddonError ? netPoller() : found;
  if (found instanceof AddonError) {
    throw unavailable(name, found.message);
  }
  if (found.name !== name) throw unavailable(name, `this system has ${found.name}`);
  return found;
}

function unavailable(name: string, reason: string): EvioError {
  return new EvioError('ERR_EVIO_POLLER_UNAVAILABLE', `the poller ${name} cannot run here: ${reason}`);
}

function nativePoller(): Poller | AddonError {
  if (native === undefined || (native instanceof AddonError && native.passing)) {
    try {
      native = createNativePoller();
    } catch (error) {
      if (!(error instanceof AddonError)) throw error;
      native = error;
    }
  }
  return native;
}

function netPoller(): Poller {
  return (net ??= createNetPoller());
}

function isPoller(choice: unknown): choice is Poller {
  if (typeof choice !== 'object' || choice === null) return false;
  return ['now', 'attach', 'alarm', 'schedule', 'listen'].every(
    (method) => typeof (choice as Record<string, unknown>)[method] === 'function',
  );
}
