// Loaded before the specs: the addons of this checkout, the one that ships and the one with kqueue over its emulation
// (spec/native/kqueue), for this process and all that it starts. Whoever names addons himself keeps them.

import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const addonIn = (folder: string): string => path.join(ROOT, folder, 'Release', 'evio.node');

export const KQUEUE_ADDON: string = addonIn('build-kqueue');
/** Over system calls that go wrong now and then (spec/native/faults); chosen by the specs that want it. */
export const FAULTY_ADDONS = {
  epoll: addonIn('build-faults'),
  kqueue: addonIn('build-kqueue-faults'),
} as const;
export const ADDONS: readonly string[] = [addonIn('build'), KQUEUE_ADDON];

process.env['EVIO_NATIVE'] ??= ADDONS.join(path.delimiter);
