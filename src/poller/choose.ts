// Which poller serves: the option, or EVIO_POLLER, or what this system has.

import process from 'node:process';

import { EvioError, describe, invalidArgument } from '../errors.js';
import { AddonError, createNativePoller, findAddon } from './native.js';
import { createNetPoller } from './net.js';
import type { Poller } from './poller.js';

const NAMES: readonly string[] = ['auto', 'epoll', 'kqueue', 'net'];

/** One of each kind per thread: all servers of a thread share its turns. */
const pollers = new Map<string, Poller>();

/**
 * The poller for one server. `'auto'` is the native one of the operating system (`epoll` on Linux, `kqueue` on macOS and
 * the BSDs) where its addon loads, and `net` everywhere else, Bun and Deno included.
 *
 * @throws TypeError for an unknown name; EvioError (ERR_EVIO_POLLER_UNAVAILABLE) for one that cannot run here, with the
 *   reason; an error of the system when the kernel refuses a poller (EMFILE, ENFILE, ENOMEM).
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
  try {
    const addon = findAddon(name === 'auto' ? undefined : name);
    return only(addon.poller, () => createNativePoller(addon));
  } catch (error) {
    if (!(error instanceof AddonError)) throw error;
    if (name === 'auto') return netPoller();
    const message = `the poller ${name} cannot run here: ${error.message}`;
    throw new EvioError('ERR_EVIO_POLLER_UNAVAILABLE', message);
  }
}

function netPoller(): Poller {
  return only('net', createNetPoller);
}

function only(name: string, create: () => Poller): Poller {
  let poller = pollers.get(name);
  if (poller === undefined) pollers.set(name, (poller = create()));
  return poller;
}

function isPoller(choice: unknown): choice is Poller {
  if (typeof choice !== 'object' || choice === null) return false;
  return ['now', 'attach', 'alarm', 'schedule', 'listen'].every(
    (method) => typeof (choice as Record<string, unknown>)[method] === 'function',
  );
}
