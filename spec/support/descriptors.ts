// What this process has open, as the kernel lists it.

import { readdirSync, readlinkSync } from 'node:fs';

/** Absent where the system does not tell. */
export const OWN_DESCRIPTORS = '/proc/self/fd';

function targetOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(`${OWN_DESCRIPTORS}/${descriptor}`);
  } catch {
    return undefined; // the listing itself was open
  }
}

/**
 * How many descriptors this process holds, without the files of modules: a worker that is terminated while Node's loader
 * reads its modules leaves those open for good, with this library and without.
 */
export function descriptors(): number {
  const targets = readdirSync(OWN_DESCRIPTORS).map(targetOf);
  return targets.filter((target) => target !== undefined && !/^\/.*\.[cm]?js(on)?$/.test(target)).length;
}
