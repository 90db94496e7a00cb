// Commands of `sh` blocks, checked without running them: scripts, options, examples, packages and files that they name exist.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { ROOT } from './markdown.js';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Manifest;
/** Not ours: nothing is known of their arguments. */
const PROGRAMS = new Set([
  ...['cd', 'cp', 'env', 'git', 'kill', 'nc', 'node', 'redis-cli', 'socat', 'ulimit'],
  ...['apt-get', 'brew', 'docker', 'sudo', 'systemctl', 'systemd-analyze', 'ss', 'cmake', 'ctest'],
]);
/** Of mocha, which takes the arguments of `npm test`. */
const MOCHA = new Set(['--grep', '--forbid-only']);
/** npm's own commands without arguments of ours. */
const NPM = new Set(['ci', 'pack', 'rebuild', 'install-scripts']);

/** Commands of a block, without comments. */
export function commandsOf(block: string): string[] {
  return block
    .replace(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/&&|\|/))
    .map((command) => command.trim())
    .filter((command) => command !== '');
}

/** Why a command cannot be right; undefined if nothing speaks against it. */
export function faultOf(command: string): string | undefined {
  const words = command
    .replace(/"[^"]*"|'[^']*'/g, 'TEXT')
    .split(/\s+/)
    .filter((word) => !/^[A-Z_]+=/.test(word));
  const [program = '', ...rest] = words[0] === 'sudo' ? words.slice(1) : words;
  if (program === 'npm') return faultOfNpm(rest);
  if (program === 'npx') return faultOfBin(rest);
  if (program === 'sysctl') return faultOfSysctl(rest);
  if (program.includes('/')) return existsSync(path.join(ROOT, program)) ? undefined : `no file ${program}`;
  return PROGRAMS.has(program) ? undefined : `unknown program ${program}`;
}

function faultOfNpm([command = '', ...rest]: readonly string[]): string | undefined {
  if (NPM.has(command)) return undefined;
  if (command === 'install' || command === 'i') {
    const { name, version, peerDependencies, devDependencies } = manifest;
    const known = new Set([name, ...Object.keys(peerDependencies), ...Object.keys(devDependencies)]);
    const unknown = rest.find(
      (word) => !word.startsWith('-') && !known.has(word) && !word.endsWith(`/${name}-${version}.tgz`),
    );
    return unknown === undefined ? undefined : `unknown package ${unknown}`;
  }
  const named = command === 'run' ? rest : [command, ...rest];
  const [script = '', ...args] = named.filter((word) => word !== '--' && word !== '--silent');
  const line = manifest.scripts[script];
  return line === undefined ? `no script ${script}` : faultOfArguments(script, line, args);
}

function faultOfArguments(script: string, line: string, args: readonly string[]): string | undefined {
  let [, file = ''] = /node (?:--\S+ )*(\S+\.[cm]?js)/.exec(line) ?? [];
  if (script === 'example') {
    file = `.out/examples/${args[0]}.js`;
    if (!existsSync(path.join(ROOT, file))) return `no example ${args[0]}`;
  }
  const options = args.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0] ?? '');
  const known = line === 'mocha' ? MOCHA : undefined;
  const unknown = options.find((option) => !(known?.has(option) ?? takes(file, option)));
  return unknown === undefined ? undefined : `${script} does not take ${unknown}`;
}

const helps = new Map<string, string>();

/** Whether a program says so in its help or, without one, in its source. */
function takes(file: string, option: string): boolean {
  if (file === '' || option === '--help') return file !== '';
  const source = path.join(ROOT, file.replace(/^\.out\/(.*)\.js$/, '$1.ts'));
  const reads = new RegExp(`(?:^|[\\s{,])'?${option.slice(2)}'?: \\{`);
  if (existsSync(source) && reads.test(readFileSync(source, 'utf8'))) return true;
  if (!helps.has(file)) helps.set(file, output([path.join(ROOT, file), '--help']));
  return new RegExp(`(^|\\s)${option}\\b`, 'm').test(helps.get(file) ?? '');
}

function faultOfBin([name = '', command = '']: readonly string[]): string | undefined {
  const file = manifest.bin[name];
  if (file === undefined) return `no command ${name}`;
  const usage = output([path.join(ROOT, file), '--help']);
  return usage.includes(`${name} ${command}`) ? undefined : `${name} has no ${command}`;
}

/** Other systems have other names, or none. */
function faultOfSysctl(words: readonly string[]): string | undefined {
  const [name = ''] = (words.find((word) => word.includes('.')) ?? '').split('=');
  if (process.platform !== 'linux' || !name.startsWith('net.')) return undefined;
  return existsSync(path.join('/proc/sys', name.replaceAll('.', '/'))) ? undefined : `no sysctl ${name}`;
}

function output(args: readonly string[]): string {
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? stdout : '';
}
