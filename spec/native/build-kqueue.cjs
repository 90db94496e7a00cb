'use strict';
// Builds the addon with the kqueue backend over its emulation, for the specs on Linux: build-kqueue/Release/evio.node.
// Without cmake the specs do without the poller kqueue; source that does not compile is shown and is exit code 1.

const { spawnSync } = require('node:child_process');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');

function run(command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}` };
}

function main() {
  if (process.platform !== 'linux' || process.env.EVIO_SKIP_NATIVE) return;
  if (!run('cmake', '--version').ok) {
    console.log('evio: no cmake: the specs run without the poller kqueue.');
    return;
  }
  const cmakeJs = path.join(path.dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  const build = ['compile', '--out', 'build-kqueue', '--CDEVIO_KQUEUE_SHIM=ON'];
  const { ok, output } = run(process.execPath, cmakeJs, ...build);
  if (ok) return;
  process.stderr.write(`${output.trimEnd()}\nevio: the poller kqueue does not compile.\n`);
  process.exitCode = 1;
}

main();
