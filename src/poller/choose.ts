// Which poller serves: the option, or EVIO_POLLER, or what this system has.

import process from 'node:process';

import { EvioError, describe, invalidArgument } from '../errors.js';
import { AddonError, createNativePoller, findAddon } from './native.js';
import { createNetPoller } from './net.js';
import type { Poller, PollerName } from './poller.js';

const NATIVE: readonly PollerName[] = ['epoll', 'kqueue'];
const NAMES: readonly string[] = ['auto', ...NATIVE, 'net'];

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
    const found = findAddon(name === 'auto' ? undefined : name);
    return only(found.addon.poller, () => createNativePoller(found));
  } catch (error) {
    if (!(error instanceof AddonError)) throw error;
    if (name === 'auto') return netPoller();
    const message = `the poller ${name} cannot run here: ${error.message}`;
    throw new EvioError('ERR_EVIO_POLLER_UNAVAILABLE', message);
  }
}

/** What can be said of a poller on this system without starting it. */
export interface PollerAccount {
  readonly name: PollerName;
  /** The addon that has it. */
  readonly file?: string;
  /** Why it cannot run here, one line for each place that was tried. */
  readonly reasons?: readonly string[];
}

/** Every poller of this library, in the order in which `'auto'` tries them. */
export function explainPollers(): PollerAccount[] {
  const accounts = NATIVE.map((name): PollerAccount => {
    try {
      return { name, file: findAddon(name).file };
    } catch (error) {
      if (!(error instanceof AddonError)) throw error;
      return { name, reasons: error.message.split('\n') };
    }
  });
  return [...accounts, { name: 'net' }];
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
  return ['now', 'attach', 'alarm', 'schedule', 'listen', 'connect'].every(
    (method) => typeof (choice as Record<string, unknown>)[method] === 'function',
  );
}
