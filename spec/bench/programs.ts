// What is installed on this machine.

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository: this file runs from .out/spec/bench. */
export const root: string = fileURLToPath(new URL('../../../', import.meta.url));

/** Where a program is, in PATH or among the packages installed here. */
export function find(program: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    path.join(root, 'node_modules/.bin'),
  ];
  return folders.map((folder) => path.join(folder, program)).find(isExecutable);
}

/** What a command prints, or '' when it fails. */
export function output(program: string, ...args: string[]): string {
  const { status, stdout } = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : '';
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
