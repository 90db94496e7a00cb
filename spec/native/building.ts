// Builds what spec/native/CMakeLists.txt describes, and runs it.

import { execFile, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Of the repository. This file runs from .out/spec/native. */
export const root: string = fileURLToPath(new URL('../../../', import.meta.url));
export const folder: string = path.join(root, 'spec', 'native');

/** In ms, of one variant from nothing on a busy machine. */
export const BUILD_TIME = 600_000;

/** Whether a program runs and finds nothing wrong. */
export function works(command: string, args: readonly string[], input = ''): boolean {
  return spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0;
}

export interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/**
 * Runs a program to its end.
 *
 * @param timeout - in ms; then it is killed
 */
export function run(command: string, args: readonly string[], timeout: number): Promise<Finished> {
  const options = {
    timeout,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 26,
    // The program's own defaults count, not those of whoever runs the specs.
    env: { ...process.env, ASAN_OPTIONS: '', LSAN_OPTIONS: '', TSAN_OPTIONS: '', UBSAN_OPTIONS: '' },
  } as const;
  return new Promise((resolve) => {
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const why =
        error === null ? '' : `\n${error.message.split('\n')[0]} (${child.signalCode ?? 'no signal'})`;
      resolve({ code: child.exitCode, output: `${stdout}${stderr}${why}` });
    });
  });
}

/** Configures and builds into that folder; `target` is all that is not left out, by default. */
export async function build(into: string, options: readonly string[], target = 'all'): Promise<Finished> {
  const configure = (): Promise<Finished> => run('cmake', ['-S', folder, '-B', into, ...options], BUILD_TIME);
  let configured = await configure();
  if (configured.code !== 0) {
    rmSync(into, { recursive: true, force: true }); // a cache of another folder or of tools that are gone
    configured = await configure();
  }
  if (configured.code !== 0) return configured;
  return run(
    'cmake',
    ['--build', into, '--target', target, '--parallel', String(availableParallelism())],
    BUILD_TIME,
  );
}
