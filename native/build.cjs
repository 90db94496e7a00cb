'use strict';
// Builds native/*.cc of a checkout into build/Release/evio.node: with cmake-js, or else with npm's own node-gyp.
// A machine that cannot build gets one line and exit code 0; source that does not compile is shown and is exit code 1.

const { spawnSync } = require('node:child_process');
const {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} = require('node:fs');
const { availableParallelism } = require('node:os');
const path = require('node:path');
const { BACKENDS, findCompiler } = require('./compile.cjs');

const root = path.join(__dirname, '..');
const build = path.join(root, 'build');
const addon = path.join(build, 'Release', 'evio.node');
const stamp = path.join(build, 'evio.stamp');

/** Runs a command quietly and gives back what it printed. */
function run(command, args, input = '') {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    input,
    maxBuffer: 1 << 28,
  });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}` };
}

const runs = (command) => run(command, ['--version']).ok;

/** What the addon is made of, as text: it changes whenever there is something to build. */
function inputs() {
  const sources = readdirSync(__dirname).filter((name) => /\.(cc|h)$/.test(name));
  const files = [
    'CMakeLists.txt',
    'binding.gyp',
    'native/sources.txt',
    ...sources.map((name) => `native/${name}`),
  ];
  const lines = files.map((file) => {
    const { mtimeMs, size } = statSync(path.join(root, file));
    return `${file} ${mtimeMs} ${size}`;
  });
  return [root, process.platform, process.arch, ...lines].join('\n');
}

const upToDate = (now) => existsSync(addon) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now;

function missingSources() {
  const listed = readFileSync(path.join(__dirname, 'sources.txt'), 'utf8').trim().split(/\s+/);
  return listed.filter((file) => !existsSync(path.join(root, file)));
}

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

// Both builders answer one of: built, cannot (a tool is missing, or does not work), broken (the source does not compile).

function buildWithCmake() {
  if (!runs('cmake')) return { result: 'cannot', why: 'no cmake' };
  if (!runs('ninja') && !runs('make')) return { result: 'cannot', why: 'neither make nor ninja' };
  let cmakeJs;
  try {
    cmakeJs = path.join(path.dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  } catch {
    return { result: 'cannot', why: 'no cmake-js' };
  }
  const configure = () => run(process.execPath, [cmakeJs, 'configure']);
  const compile = () =>
    run(process.execPath, [cmakeJs, 'build', '--parallel', String(availableParallelism())]);
  const cached = cmakeCacheIsOurs();
  if (!cached) rmSync(build, { recursive: true, force: true });
  if (!cached && !configure().ok) {
    rmSync(build, { recursive: true, force: true }); // a half-written cache would look configured next time
    return { result: 'cannot', why: 'cmake does not configure' };
  }
  const { ok, output } = compile();
  return ok ? { result: 'built' } : { result: 'broken', output };
}

/** A cache of another folder, another generator's tool, or a node-gyp tree cannot be built on. */
function cmakeCacheIsOurs() {
  const cache = path.join(build, 'CMakeCache.txt');
  if (!existsSync(cache) || existsSync(path.join(build, 'config.gypi'))) return false;
  const text = readFileSync(cache, 'utf8');
  const value = (name) => new RegExp(`^${name}:\\w+=(.*)$`, 'm').exec(text)?.[1] ?? '';
  const tools = [value('CMAKE_MAKE_PROGRAM'), value('CMAKE_CXX_COMPILER')];
  return path.relative(value('CMAKE_HOME_DIRECTORY'), root) === '' && tools.every((tool) => existsSync(tool));
}

function buildWithGyp() {
  if (!runs('make') && !runs('gmake')) return { result: 'cannot', why: 'no make' };
  const configure = nodeGyp('configure');
  if (!configure) return { result: 'cannot', why: 'no node-gyp' };
  if (existsSync(path.join(build, 'CMakeCache.txt'))) rmSync(build, { recursive: true, force: true });
  if (!run(process.execPath, configure).ok) return { result: 'cannot', why: 'node-gyp does not configure' };
  const { ok, output } = run(process.execPath, nodeGyp('build', '--jobs=max'));
  return ok ? { result: 'built' } : { result: 'broken', output };
}

function withoutNative(why) {
  console.log(`evio: the native poller could not be built (${why}); evio runs on the \`net\` poller.`);
}

function fail(output) {
  process.stderr.write(`${output.trimEnd()}\nevio: the native poller does not compile.\n`);
  process.exitCode = 1;
}

function main() {
  if (process.env.EVIO_SKIP_NATIVE) return;
  if (!BACKENDS.has(process.platform)) return withoutNative(`it is not made for ${process.platform} yet`);
  const now = inputs(); // taken before the build: a file saved meanwhile is built next time
  if (upToDate(now)) return;
  const missing = missingSources();
  if (missing.length > 0) return fail(`native/sources.txt lists what does not exist: ${missing.join(', ')}`);
  if (findCompiler() === undefined) return withoutNative('no C++17 compiler');

  let attempt = buildWithCmake();
  if (attempt.result === 'cannot') {
    const { why } = attempt;
    attempt = buildWithGyp();
    if (attempt.result === 'cannot') return withoutNative(`${why}, ${attempt.why}`);
    if (attempt.result === 'built') console.log(`evio: ${why}; the native poller was built with node-gyp.`);
  }
  if (attempt.result === 'broken') return fail(attempt.output);
  mkdirSync(build, { recursive: true });
  writeFileSync(stamp, now);
}

main();
