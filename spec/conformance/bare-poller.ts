// Pollers as they come from the factory, without streams above them.

import type { Poller } from 'evio';

import type { PollerUnderTest } from '../support/pollers.js';

// Not public names: they are found where they were built, .out/spec/conformance being three folders deep.
const built = (file: string): string => new URL(`../../../dist/poller/${file}`, import.meta.url).href;
const { createNativePoller, findAddon } = (await import(built('native.js'))) as {
  createNativePoller: (addon: unknown) => Poller;
  findAddon: (name: string) => unknown;
};
const { createNetPoller } = (await import(built('net.js'))) as { createNetPoller: () => Poller };

export function barePoller(name: PollerUnderTest): Poller {
  return name === 'net' ? createNetPoller() : createNativePoller(findAddon(name));
}
