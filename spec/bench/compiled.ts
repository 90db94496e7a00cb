// The programs of this folder that are C++: compiled when they are first needed, again when their text changes.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { find, root } from './programs.js';

export interface Program {
  readonly name: string;
  /** The first is compiled, the others are included in it. */
  readonly sources: readonly string[];
  readonly flags: readonly string[];
}

export const LOAD_GENERATOR: Program = {
  name: 'load-generator',
  sources: ['load-generator.cc', 'client.h', 'histogram.h', 'script.h', 'system.h'],
  flags: ['-O2'],
};

export const FLOOR_SERVER: Program = {
  name: 'floor-server',
  sources: ['floor-server.cc', 'floor-resp.h'],
  flags: ['-O3'],
};

export const MEMORY_PROBE: Program = {
  name: 'memory-probe.so',
  sources: ['memory-probe.cc'],
  flags: ['-O2', '-shared', '-fPIC', '-pthread'],
};

/** Why nothing can be compiled here. */
export function compileObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux (epoll)';
  return compiler() === undefined ? 'it is C++17 and there is no C++ compiler' : undefined;
}

/** Where the program is, compiled if need be. Throws what a reader can act on. */
export function compiled({ name, sources, flags }: Program): string {
  const files = sources.map((file) => path.join(root, 'spec/bench', file));
  const hash = createHash('sha256').update(flags.join(' '));
  for (const file of files) hash.update(readFileSync(file));
  const binary = path.join(root, '.out/bench', `${name}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(binary)) return binary;
  const reason = compileObstacle();
  const [source = ''] = files;
  if (reason !== undefined) throw new Error(`${name}: ${reason}`);
  mkdirSync(path.dirname(binary), { recursive: true });
  const unfinished = `${binary}.${process.pid}`; // never a half of one under the name that counts
  const { status, stderr } = spawnSync(
    compiler() ?? 'c++',
    [...flags, '-std=c++17', '-o', unfinished, source],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`${name} does not compile:\n${stderr}`);
  renameSync(unfinished, binary);
  return binary;
}

function compiler(): string | undefined {
  return process.env['CXX'] ?? ['c++', 'g++', 'clang++'].find((name) => find(name) !== undefined);
}
