// `npm run test:runtimes`: a real program on Bun and Deno, which have node:net but not what the native poller needs.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { here, install, Problem, root, versionIn } from './packages.js';

const PROGRAM = fileURLToPath(new URL('./runtime-program.js', import.meta.url));
const PATIENCE = 60_000; // ms

interface Runtime {
  readonly name: 'bun' | 'deno';
  /** The package that holds the binary for this system, without install scripts. */
  readonly package: string;
  readonly binary: string;
  readonly args: readonly string[];
}

const suffix = here.os === 'win32' ? '.exe' : '';
const bunSystem = here.os === 'win32' ? 'windows' : here.os;
const bunProcessor = here.cpu === 'arm64' ? 'aarch64' : here.cpu;
const denoLibrary = here.os === 'linux' ? '-glibc' : '';

const RUNTIMES: readonly Runtime[] = [
  {
    name: 'bun',
    package: `@oven/bun-${bunSystem}-${bunProcessor}`,
    binary: `bin/bun${suffix}`,
    args: [],
  },
  {
    name: 'deno',
    package: `@deno/${here.os}-${here.cpu}${denoLibrary}`,
    binary: `deno${suffix}`,
    args: ['run', '--allow-all', '--quiet'],
  },
];

/** Whether everything held there. */
function check({ name, package: from, binary, args }: Runtime): boolean {
  const [place = ''] = install(new Map([[name, from]]));
  console.log(`\n${name} ${versionIn(place)}`);
  const { status, signal, error } = spawnSync(path.join(place, binary), [...args, PROGRAM, name], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: PATIENCE,
  });
  if (status === 0) return true;
  console.log(`  ${error?.message ?? `ended with ${status ?? signal}`}`);
  return false;
}

try {
  const results = RUNTIMES.map((runtime) => ({ name: runtime.name, ok: check(runtime) }));
  console.log();
  for (const { name, ok } of results) console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
  if (results.some(({ ok }) => !ok)) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
