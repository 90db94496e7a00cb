'use strict';
// Makes prebuilds/<system>/evio.node, which go into the package: `node native/prebuild.cjs [linux-x64 linux-arm64 …]`. Named systems have
// to be made; without names, those that this machine has a compiler for are. What is newer than its sources stays as it is.

const { spawnSync } = require('node:child_process');
const { existsSync, mkdirSync, readdirSync, rmSync, statSync } = require('node:fs');
const path = require('node:path');
const { BACKENDS, compile, CompileError, findCompiler } = require('./compile.cjs');

const root = path.join(__dirname, '..');
const folder = path.join(root, 'prebuilds');

/** The newest symbols that a prebuild for glibc may need: those of Debian 10 and RHEL 8, below any system that runs Node.js 20. */
const FLOOR = { GLIBC: '2.28', GLIBCXX: '3.4.25', CXXABI: '1.3.11' };

const musl = process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
const here = `${process.platform}-${process.arch}${musl ? '-musl' : ''}`;

/** Compilers for other systems than this one, as Debian and Apple call them. */
const CROSS = {
  linux: { 'linux-arm64': ['aarch64-linux-gnu-g++'], 'linux-x64': ['x86_64-linux-gnu-g++'] },
  darwin: { 'darwin-arm64': ['c++', '-arch', 'arm64'], 'darwin-x64': ['c++', '-arch', 'x86_64'] },
};

function systemsHere() {
  return [...new Set([here, ...Object.keys(CROSS[process.platform] ?? {})])];
}

/** The words of a compiler's command, or undefined. */
function compilerFor(system) {
  if (system === here) return findCompiler();
  const command = CROSS[process.platform]?.[system];
  return command && spawnSync(command[0], ['--version']).status === 0 ? command : undefined;
}

const fileOf = (system) => path.join(folder, system, 'evio.node');

function isUpToDate(file) {
  if (!existsSync(file)) return false;
  const sources = readdirSync(__dirname).map((name) => path.join(__dirname, name));
  return sources.every((source) => statSync(source).mtimeMs <= statSync(file).mtimeMs);
}

/** Versions of symbols above the floor, as in GLIBC_2.34. */
function aboveFloor(file) {
  const { status, stdout } = spawnSync('readelf', ['--version-info', '--wide', file], { encoding: 'utf8' });
  if (status !== 0) throw new CompileError('readelf, of binutils, does not tell which symbols it needs');
  const needed = new Set([...stdout.matchAll(/\b(GLIBC|GLIBCXX|CXXABI)_([\d.]+)/g)].map(([name]) => name));
  if (needed.size === 0) throw new CompileError('readelf shows no versions of symbols');
  return [...needed].filter((symbol) => {
    const [library, version] = symbol.split('_');
    return version.localeCompare(FLOOR[library], 'en', { numeric: true }) > 0;
  });
}

async function make(system, compiler) {
  const file = fileOf(system);
  mkdirSync(path.dirname(file), { recursive: true });
  await compile(compiler, file);
  if (!/^linux-\w+$/.test(system)) return;
  const above = aboveFloor(file);
  if (above.length === 0) return;
  rmSync(file);
  throw new CompileError(`it needs ${above.join(', ')}, which older systems lack: build it on an older one`);
}

async function prebuild(system, required) {
  const file = fileOf(system);
  if (isUpToDate(file)) return console.log(`evio: ${path.relative(root, file)} is up to date`);
  const compiler = compilerFor(system);
  if (compiler === undefined) {
    if (existsSync(file))
      throw new CompileError('it is older than its sources, and there is no compiler for it');
    if (required) throw new CompileError(`no compiler for it on ${here}`);
    return console.log(`evio: no prebuild for ${system}: no compiler for it here`);
  }
  await make(system, compiler);
  console.log(`evio: made ${path.relative(root, file)}, ${statSync(file).size} bytes`);
}

async function main(named) {
  const unknown = named.filter((system) => !BACKENDS.has(system.split('-')[0]));
  if (unknown.length > 0) throw new CompileError(`no native poller for ${unknown.join(', ')}`);
  const present = existsSync(folder) ? readdirSync(folder) : [];
  const systems = named.length > 0 ? named : [...new Set([...systemsHere(), ...present])];
  for (const system of systems) {
    try {
      await prebuild(system, named.length > 0);
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      process.exitCode = 1;
      console.error(`${error.output}evio: no prebuild for ${system}: ${error.message}`);
    }
  }
}

if (require.main === module) {
  main(process.argv.slice(2)).catch((error) => {
    process.exitCode = 1;
    console.error(error instanceof CompileError ? `evio: ${error.message}` : error);
  });
}

module.exports = { aboveFloor };
