// Programs of specs: TypeScript of this folder run by a Node of its own, for what ends a process.

import { execFile } from 'node:child_process';

import { SLOWNESS } from './slowness.js';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an ES module given as text, in the folder of the specs so that it finds `evio`; ends it after 20 s. */
export function runModule(
  source: string,
  options: { readonly args?: readonly string[]; readonly nodeArgs?: readonly string[] } = {},
): Promise<Finished> {
  const args = [
    ...(options.nodeArgs ?? []),
    '--input-type=module',
    '--eval',
    source,
    '--',
    ...(options.args ?? []),
  ];
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      args,
      { cwd: import.meta.dirname, timeout: 20_000 * SLOWNESS, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr });
      },
    );
  });
}
