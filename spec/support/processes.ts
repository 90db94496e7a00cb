// Programs and tools as child processes that end with the spec that started them, whatever happens to it.

import { type ChildProcess, spawn } from 'node:child_process';

import { SLOWNESS } from './slowness.js';

/** How long a child may take to do anything at all, in milliseconds. */
const PATIENCE = 25_000 * SLOWNESS;

const running = new Set<ChildProcess>();

/** For `afterEach`: nothing survives a spec. */
export async function endProcesses(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      return gone;
    }),
  );
}

// When the specs themselves are interrupted there is no `afterEach`.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running child. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    this.child = child;
    running.add(child);
    child.stdin?.on('error', () => {}); // it may end before it has read everything
    child.stdout?.setEncoding('latin1').on('data', (text: string) => (this.stdout += text));
    child.stderr?.setEncoding('latin1').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        running.delete(child);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** The first output that matches. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match !== null) return match;
      await Promise.race([
        new Promise((resolve) => this.child.stdout?.once('data', resolve)),
        new Promise((resolve) => this.child.stderr?.once('data', resolve)),
        this.ended.then((ended) => {
          if (pattern.test(ended.stdout) || pattern.test(ended.stderr)) return;
          throw new Error(
            `ended with ${ended.code ?? ended.signal} before ${pattern}: ${ended.stdout}${ended.stderr}`,
          );
        }),
        new Promise((_, reject) => {
          deadline.addEventListener('abort', () =>
            reject(new Error(`no ${pattern} in: ${this.stdout}${this.stderr}`)),
          );
        }),
      ]);
    }
  }
}

/** Runs a command to its end. */
export async function run(command: string, args: readonly string[], input = ''): Promise<Ended> {
  const running = new Running(command, args);
  running.child.stdin?.end(input, 'latin1');
  const timer = setTimeout(() => running.child.kill('SIGKILL'), PATIENCE);
  try {
    return await running.ended;
  } finally {
    clearTimeout(timer);
  }
}
