'use strict';
// Builds the addons that only specs use, on Linux: build-kqueue (the kqueue backend over its emulation), and build-faults and
// build-kqueue-faults (either backend over faulty system calls). Without cmake the specs do without them; source that does not compile is
// shown and is exit code 1.

const { spawnSync } = require('node:child_process');
const { availableParallelism } = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');

/** Folder and options of CMakeLists.txt. */
const VARIANTS = [
  { folder: 'build-kqueue', options: ['EVIO_KQUEUE_SHIM'] },
  { folder: 'build-faults', options: ['EVIO_FAULTS'] },
  { folder: 'build-kqueue-faults', options: ['EVIO_KQUEUE_SHIM', 'EVIO_FAULTS'] },
];

function run(command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}` };
}

function main() {
  if (process.platform !== 'linux' || process.env.EVIO_SKIP_NATIVE) return;
  if (!run('cmake', '--version').ok) {
    console.log('evio: no cmake: the specs run without the poller kqueue and without faults.');
    return;
  }
  const cmakeJs = path.join(path.dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  for (const { folder, options } of VARIANTS) {
    const chosen = options.map((option) => `--CD${option}=ON`);
    const how = ['--out', folder, '--parallel', String(availableParallelism())];
    const { ok, output } = run(process.execPath, cmakeJs, 'compile', ...how, ...chosen);
    if (ok) continue;
    process.stderr.write(`${output.trimEnd()}\nevio: ${folder} does not compile.\n`);
    process.exitCode = 1;
  }
}

main();
