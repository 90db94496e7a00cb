// A machine as a newcomer has it: an empty home, and on its PATH Node, npm and a shell; with a C++ compiler, or without.

import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';

/** How long one command may take, in milliseconds, on a machine that is busy. */
const PATIENCE = 300_000;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Machine {
  /** Of everything that ran here, in seconds of a processor. */
  work = 0;
  readonly env: NodeJS.ProcessEnv;
  readonly #times: string;

  /** `folder` is empty, and gets its programs and its home. */
  constructor(
    folder: string,
    tools: { readonly compiler: boolean; readonly node?: string; readonly npm?: string },
  ) {
    const bin = path.join(folder, 'bin');
    const home = path.join(folder, 'home');
    for (const place of [bin, home]) mkdirSync(place, { recursive: true });
    symlinkSync(tools.node ?? process.execPath, path.join(bin, 'node'));
    symlinkSync(tools.npm ?? realpathSync(found('npm')), path.join(bin, 'npm'));
    // pnpm's starters of programs call the last three.
    for (const name of ['sh', 'sed', 'dirname', 'uname']) symlinkSync(found(name), path.join(bin, name));
    if (tools.compiler) {
      // The compiler looks beside its own name for its parts, and on PATH for these two.
      writeFileSync(path.join(bin, 'c++'), `#!/bin/sh\nexec ${found('c++')} "$@"\n`, { mode: 0o755 });
      for (const name of ['as', 'ld']) symlinkSync(found(name), path.join(bin, name));
    }
    this.#times = path.join(folder, 'times');
    this.env = { PATH: bin, HOME: home, TMPDIR: folder, CI: 'true' };
  }

  /** Adds a program. */
  add(name: string, program: string): void {
    symlinkSync(program, path.join(this.env['PATH'] ?? '', name));
  }

  /** Runs a command to its end. */
  async run(
    cwd: string,
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Finished> {
    // The shell knows what its children cost.
    const script = `"$@"; code=$?; times > '${this.#times}'; exit $code`;
    const finished = await new Promise<Finished>((resolve) => {
      const child = execFile(
        '/bin/sh',
        ['-c', script, 'sh', command, ...args],
        { cwd, env: { ...this.env, ...env }, timeout: PATIENCE, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 },
        (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
      );
    });
    const [, children = ''] = readFileSync(this.#times, 'utf8').trim().split('\n');
    for (const [, minutes, seconds] of children.matchAll(/(\d+)m([\d.]+)s/g)) {
      this.work += Number(minutes) * 60 + Number(seconds);
    }
    return finished;
  }

  /** Runs a command that must succeed. */
  async must(
    cwd: string,
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Finished> {
    const finished = await this.run(cwd, command, args, env);
    if (finished.code === 0) return finished;
    const said = `${finished.stdout}${finished.stderr}`.trim();
    throw new Error(`${[command, ...args].join(' ')} ended with ${finished.code}: ${said}`);
  }
}

/** A program of this machine, by the PATH of the specs. */
function found(name: string): string {
  const files = (process.env['PATH'] ?? '').split(path.delimiter).map((folder) => path.join(folder, name));
  const file = files.find(isProgram);
  if (file === undefined) throw new Error(`not installed: ${name}`);
  return file;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
