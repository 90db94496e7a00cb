// What this process has open, as the kernel lists it.

import { existsSync, readdirSync, readlinkSync } from 'node:fs';

const OWN = '/proc/self/fd';

function targetOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(`${OWN}/${descriptor}`);
  } catch {
    return undefined; // the listing itself was open
  }
}

/**
 * How many descriptors this process holds, without the files of modules: a worker that is terminated while Node's loader
 * reads its modules leaves those open for good, with this library and without. 0 where the system does not tell.
 */
export function descriptors(): number {
  if (!existsSync(OWN)) return 0;
  const targets = readdirSync(OWN).map(targetOf);
  return targets.filter((target) => target !== undefined && !/^\/.*\.[cm]?js(on)?$/.test(target)).length;
}
