'use strict';
// The install step of the package: builds the native poller at the user's, and never fails. Without it evio runs on `net`.

const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

/** Platforms that have a backend: epoll on Linux, kqueue on the others. */
const BACKENDS = new Set(['linux', 'darwin', 'freebsd', 'openbsd', 'netbsd']);

/** The command line of the node-gyp that comes with npm, or undefined when there is none. */
function nodeGyp(...args) {
  const prefix = path.join(process.execPath, '..', '..');
  const script = [
    process.env.npm_config_node_gyp,
    path.join(prefix, 'lib', 'node_modules', 'npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'),
  ].find((file) => file && existsSync(file));
  if (!script) return undefined;
  const local = existsSync(path.join(prefix, 'include', 'node', 'common.gypi')); // saves a download of the headers
  return [script, ...args, ...(local ? [`--nodedir=${prefix}`] : [])];
}

function prebuildLoads() {
  const name = `${process.platform}-${process.arch}`;
  return [name, `${name}-musl`].some((folder) => {
    try {
      require(path.join(root, 'prebuilds', folder, 'evio.node'));
      return true;
    } catch {
      return false;
    }
  });
}

function install() {
  if (process.env.EVIO_SKIP_NATIVE) return;
  if (existsSync(path.join(root, 'tsconfig.json'))) return; // a checkout: `npm run build` does it
  if (!BACKENDS.has(process.platform)) return;
  if (prebuildLoads()) return;
  const command = nodeGyp('rebuild');
  const built = command && spawnSync(process.execPath, command, { cwd: root, stdio: 'ignore' }).status === 0;
  if (!built) {
    console.log('evio: the native poller could not be built here; evio runs on the `net` poller.');
  }
}

if (require.main === module) {
  try {
    install();
  } catch (error) {
    console.log(`evio: the native poller was not built (${error.message}); evio runs on the \`net\` poller.`);
  }
  process.exitCode = 0;
}

module.exports = { BACKENDS, nodeGyp };
