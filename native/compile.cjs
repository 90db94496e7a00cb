'use strict';
// Compiles the native poller with nothing but a C++17 compiler: every file of native/sources.txt, and a link. The headers come
// from npm, so that nothing is downloaded. As a program (`evio build`) it makes build/Release/evio.node for this machine.

const { execFile, spawnSync } = require('node:child_process');
const { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const root = path.join(__dirname, '..');
const built = path.join(root, 'build', 'Release', 'evio.node');

/** Platforms that have a backend: epoll on Linux, kqueue on the others. */
const BACKENDS = new Set(['linux', 'darwin', 'freebsd', 'openbsd', 'netbsd']);

const DEFINES = ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'];
const FLAGS = [
  ...['-std=c++17', '-O3', '-DNDEBUG', '-fPIC', '-pthread'],
  ...['-fvisibility=hidden', '-fvisibility-inlines-hidden', '-fno-exceptions', '-fno-rtti'],
  ...(process.platform === 'darwin' ? ['-mmacosx-version-min=11.0'] : []),
];
const LINK =
  process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-pthread', '-s'];

/** Why there is nothing to load, in words for a person; `output` is what the compiler said. */
class CompileError extends Error {
  constructor(message, output = '') {
    super(message);
    this.name = 'CompileError';
    this.output = output;
  }
}

/** A compiler that understands C++17, as the words of a command, or undefined. CXX is taken at its word. */
function findCompiler() {
  // Without its developer tools macOS answers any compiler's name with a dialog.
  if (process.platform === 'darwin' && spawnSync('xcode-select', ['-p']).status !== 0) return undefined;
  const named = (process.env.CXX ?? '').split(' ').filter((word) => word !== '');
  const commands = named.length > 0 ? [named] : [['c++'], ['g++'], ['clang++']];
  const input = '#include <string_view>\n';
  return commands.find(([command, ...words]) => {
    const check = [...words, '-std=c++17', '-x', 'c++', '-fsyntax-only', '-'];
    return spawnSync(command, check, { input }).status === 0;
  });
}

/** Packages that hold headers, and where in them. */
const HEADERS = { 'node-addon-api': '.', 'node-api-headers': 'include' };

function includes() {
  return Object.entries(HEADERS).map(([name, folder]) => {
    try {
      return `-I${path.join(path.dirname(require.resolve(name)), folder)}`;
    } catch {
      throw new CompileError(`the package ${name}, a dependency of evio, is not installed`);
    }
  });
}

/**
 * Compiles and links.
 *
 * @param {readonly string[]} compiler - the words of its command
 * @param {string} out - the file; it is there whole, or as it was
 * @throws CompileError
 */
async function compile(compiler, out) {
  const sources = readFileSync(path.join(root, 'native', 'sources.txt'), 'utf8')
    .trim()
    .split(/\s+/);
  const flags = [...FLAGS, ...DEFINES.map((name) => `-D${name}`), ...includes()];
  const scratch = scratchBeside(out);
  try {
    const objects = sources.map((source) => path.join(scratch, `${path.basename(source, '.cc')}.o`));
    const jobs = sources.map((source, i) => [...flags, '-c', source, '-o', objects[i]]);
    const worker = async () => {
      for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
        await run(compiler, job).catch((error) => {
          jobs.length = 0; // one complaint is enough
          throw error;
        });
      }
    };
    const workers = Array.from({ length: Math.min(availableParallelism(), jobs.length) }, worker);
    const failure = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    const linked = path.join(scratch, 'evio.node');
    await run(compiler, [...LINK, ...objects, '-o', linked]);
    renameSync(linked, out); // never written in place: a process may run the old one
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function scratchBeside(out) {
  try {
    mkdirSync(path.dirname(out), { recursive: true });
    return mkdtempSync(path.join(path.dirname(out), '.compile-'));
  } catch (error) {
    throw new CompileError(`cannot write to ${path.dirname(out)}: ${error.code}`);
  }
}

function run([command, ...words], args) {
  return new Promise((resolve, reject) => {
    const options = { cwd: root, maxBuffer: 1 << 26 };
    execFile(command, [...words, ...args], options, (error, stdout, stderr) => {
      if (error === null) resolve();
      else reject(new CompileError('its source does not compile', `${stdout}${stderr}` || error.message));
    });
  });
}

/** Why no native poller loads from this package, or undefined when one does. In a process of its own, which a file may end. */
function whyNotLoaded() {
  const loader = pathToFileURL(path.join(root, 'dist', 'poller', 'native.js')).href;
  const program = `import { findAddon } from ${JSON.stringify(loader)}; findAddon();`;
  const env = { ...process.env, EVIO_NATIVE: '' };
  const args = ['--input-type=module', '--eval', program];
  const { status, signal, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  if (status === 0) return undefined;
  return signal ?? /^\w*Error: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim();
}

/**
 * Makes build/Release/evio.node for this machine, and loads it to see that it can be.
 *
 * @throws CompileError
 */
async function buildHere() {
  if (!BACKENDS.has(process.platform)) {
    throw new CompileError(`there is no native poller for ${process.platform}`);
  }
  const compiler = findCompiler();
  if (compiler === undefined) {
    throw new CompileError(
      process.env.CXX ? `CXX=${process.env.CXX} compiles no C++17` : 'no C++17 compiler found',
    );
  }
  await compile(compiler, built);
  const why = whyNotLoaded();
  if (why !== undefined) throw new CompileError(`it was built, and does not load: ${why}`);
}

async function main() {
  const started = performance.now();
  try {
    await buildHere();
    console.log(`evio: built ${built} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    process.exitCode = 1;
    if (error.output !== '') console.error(error.output.trimEnd());
    console.error(`evio: no native poller: ${error.message}. Until there is one, evio runs on \`net\`.`);
    if (findCompiler() !== undefined || !BACKENDS.has(process.platform)) return;
    console.error('Install a compiler and run this again:');
    console.error('  Debian, Ubuntu   apt-get install g++\n  Fedora           dnf install gcc-c++');
    console.error('  Alpine           apk add g++\n  macOS            xcode-select --install');
  }
}

if (require.main === module) main();

module.exports = { BACKENDS, buildHere, compile, CompileError, DEFINES, findCompiler, whyNotLoaded };
