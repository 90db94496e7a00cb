// Our own load generator, load-generator.cc: compiled when it is needed, driven by a line at a time.

import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { start, stop } from './children.js';
import type { Seen } from './measurement.js';
import { find, root } from './programs.js';

const binary = path.join(root, '.out/bench/load-generator');
const sources = ['load-generator.cc', 'histogram.h'].map((file) => path.join(root, 'spec/bench', file));

/** What every client sends, and what it must hear. Raw bytes in, the same bytes out: an echo. */
export type Talk =
  { readonly echo: number } | { readonly request: string; readonly reply: string; readonly depth: number };

/** Compiles the generator unless it is newer than its source. Throws what a reader can act on. */
export function compileLoadGenerator(): void {
  if (process.platform !== 'linux') throw new Error('the load generator needs Linux (epoll and /proc)');
  const modified = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (sources.every((source) => modified(source) < modified(binary))) return;
  const compiler = process.env['CXX'] ?? ['c++', 'g++', 'clang++'].find((name) => find(name) !== undefined);
  if (compiler === undefined)
    throw new Error('the load generator is C++17 and there is no C++ compiler here');
  mkdirSync(path.dirname(binary), { recursive: true });
  const [source = ''] = sources;
  const { status, stderr } = spawnSync(compiler, ['-O2', '-std=c++17', '-o', binary, source], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the load generator does not compile:\n${stderr}`);
}

export class LoadGenerator {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(port: number, connections: number, talk: Talk) {
    const what =
      'echo' in talk
        ? ['--echo', String(talk.echo)]
        : ['--request', talk.request, '--reply', talk.reply, '--depth', String(talk.depth)];
    const where = ['--port', String(port), '--connections', String(connections)];
    this.#child = start('client', [binary, ...where, ...what]);
    this.#lines = lines(this.#child);
  }

  /** Every client connects. */
  open(): Promise<Seen> {
    return this.#run('open');
  }

  /** Every client sends batch after batch for so many seconds; 0: one batch each. */
  exchange(seconds: number): Promise<Seen> {
    return this.#run(`exchange ${seconds}`);
  }

  /** Every client connects, exchanges one batch and closes, again and again. */
  churn(seconds: number): Promise<Seen> {
    return this.#run(`churn ${seconds}`);
  }

  /** Every client closes and waits until the server has closed too. */
  close(): Promise<Seen> {
    return this.#run('close');
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }

  async #run(command: string): Promise<Seen> {
    this.#child.stdin?.write(`${command}\n`);
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error('the load generator ended');
    const answer = JSON.parse(value) as Seen | { readonly error: string };
    if ('error' in answer) throw new Error(answer.error);
    return answer;
  }
}

function lines({ stdout }: ChildProcess): AsyncIterator<string> {
  if (stdout === null) throw new Error('the load generator has no output');
  return createInterface({ input: stdout })[Symbol.asyncIterator]();
}
