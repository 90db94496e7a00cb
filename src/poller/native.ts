// Where the native poller comes from: finds and loads the addon, and nobody else does.

import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import type { Addon } from './addon.js';
import { faultOfElf } from './elf.js';
import { NativePoller } from './native-poller.js';
import type { Poller } from './poller.js';

/** Where a backend is at home. */
const SYSTEMS = new Map<string, { readonly title: string; readonly platforms: readonly string[] }>([
  ['epoll', { title: 'Linux', platforms: ['linux', 'android'] }],
  ['kqueue', { title: 'macOS and the BSDs', platforms: ['darwin', 'freebsd', 'openbsd', 'netbsd'] }],
]);

/** A file that holds a native poller, loaded. */
export interface LoadedAddon {
  readonly file: string;
  readonly addon: Addon;
}

/** What became of the files that may hold a native poller. */
interface Addons {
  readonly loaded: readonly LoadedAddon[];
  /** One line for each file that was not loaded, or for the runtime that can load none. */
  readonly failures: readonly string[];
}

/** Why there is no such native poller, one line for each place that was tried. */
export class AddonError extends Error {
  override readonly name = 'AddonError';
}

let addons: Addons | undefined;

/** The process was out of descriptors: another try may succeed. */
function passing(failures: readonly string[]): boolean {
  return failures.some((failure) => failure.includes('Too many open files'));
}

function candidates(): string[] {
  const named = process.env['EVIO_NATIVE'];
  if (named !== undefined && named !== '') return named.split(path.delimiter);
  const root = fileURLToPath(new URL('../../', import.meta.url));
  return ['build/Release/evio.node', `prebuilds/${prebuildIn(root)}/evio.node`].map((file) =>
    path.join(root, file),
  );
}

/** The folder of prebuilds/ that is for this system. Asking for the C library takes milliseconds, so only where it matters. */
function prebuildIn(root: string): string {
  const musl = process.platform === 'linux' && existsSync(path.join(root, 'prebuilds')) && isMusl();
  return `${process.platform}-${process.arch}${musl ? '-musl' : ''}`;
}

function isMusl(): boolean {
  const report = process.report as (NodeJS.ProcessReport & { excludeNetwork?: boolean }) | undefined;
  if (report === undefined) return false;
  const { excludeNetwork = false } = report;
  report.excludeNetwork = true; // else the names of all peers are looked up
  const { header } = report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  report.excludeNetwork = excludeNetwork;
  return header.glibcVersionRuntime === undefined;
}

/** Loads what EVIO_NATIVE names, or else what was built or shipped for this platform. */
function loadAddons(): Addons {
  if (addons !== undefined && !passing(addons.failures)) return addons;
  const loaded: LoadedAddon[] = [];
  const failures: string[] = [];
  // Both offer Node-API but not the functions of libuv that watch a poller.
  const runtime = ['bun', 'deno'].find((name) => process.versions[name] !== undefined);
  if (runtime !== undefined) failures.push(`${runtime} lacks libuv's uv_poll`);
  for (const file of runtime === undefined ? candidates() : []) {
    try {
      loaded.push({ file, addon: loadAddon(file) });
    } catch (error) {
      const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      failures.push(reason.includes(file) ? reason : `${file}: ${reason}`);
    }
  }
  return (addons = { loaded, failures });
}

function loadAddon(file: string): Addon {
  const fault = faultOfElf(file);
  if (fault !== undefined) throw new Error(fault);
  // Not `require`, which runs a file of any other name as a program.
  const module: { exports: Partial<Addon> } = { exports: {} };
  process.dlopen(module, file);
  if (module.exports.NodeLoop === undefined) throw new Error('not an addon of this library');
  return module.exports as Addon;
}

/**
 * The addon with that poller, or the first there is.
 *
 * @throws AddonError when there is none.
 */
export function findAddon(name?: string): LoadedAddon {
  const { loaded, failures } = loadAddons();
  const found = loaded.find(({ addon }) => name === undefined || addon.poller === name);
  if (found !== undefined) return found;
  const system = name === undefined ? undefined : SYSTEMS.get(name);
  if (system !== undefined && !system.platforms.includes(process.platform)) {
    throw new AddonError(`it is of ${system.title}, and this is ${process.platform}`);
  }
  const others = loaded.map(({ file, addon }) => `${file} has the poller ${addon.poller}`);
  throw new AddonError([...others, ...failures].join('\n'));
}

/**
 * A native poller for this thread.
 *
 * @throws an error of the system when the kernel refuses one (EMFILE, ENFILE, ENOMEM).
 */
export function createNativePoller({ addon }: LoadedAddon): Poller {
  return new NativePoller(addon);
}
