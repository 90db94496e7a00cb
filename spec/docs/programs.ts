// The programs of a page: blocks of code, each with what it prints or how one talks to it, written to a folder and run.
//
// A block `js` or `ts` is a file, which its first line names so that others can import it. Behind the language:
// - `mocha`: it is a file for mocha;
// - `server`: it serves until it is stopped;
// - `with FILE`: that server of the page runs meanwhile.
// A block `text` right behind one is what it prints, or a part of what it fails with; without one it must not fail. A block
// `console` right behind one says that it serves, and what is typed and shown meanwhile. Servers get a free port for 9999.

import { type ChildProcess, execFile, fork } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

import { SLOWNESS } from '../support/slowness.js';
import { ROOT } from './markdown.js';
import type { Block, Page } from './markdown.js';

const require = createRequire(import.meta.url);
const MOCHA = path.join(path.dirname(require.resolve('mocha/package.json')), 'bin/mocha.js');
const TSC = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin/tsc');
const REPORT_PORT = new URL('./report-port.js', import.meta.url).href;
const PORT = '9999';
const PATIENCE = 20_000 * SLOWNESS;

export interface Exchange {
  readonly command: string;
  readonly output: string;
}

export interface Program {
  /** Its source: `echo.ts`. */
  readonly file: string;
  readonly code: string;
  readonly heading: string;
  readonly mocha: boolean;
  readonly serves: boolean;
  readonly dialogue: readonly Exchange[];
  /** The server that it needs. */
  readonly server: string | undefined;
  readonly output: string | undefined;
}

/** @throws Error for a block of a program that the page does not explain. */
export function programsOf({ blocks }: Page): Program[] {
  const programs: Program[] = [];
  let last: Program | undefined;
  for (const block of blocks) {
    if (block.language === 'js' || block.language === 'ts') {
      programs.push((last = programOf(block)));
      continue;
    }
    if (block.language === 'text' || block.language === 'console') {
      if (last === undefined) throw new Error(`${block.language} of nothing below "${block.heading}"`);
      const told =
        block.language === 'text'
          ? { output: block.code.trimEnd() }
          : { serves: true, dialogue: exchangesOf(block.code) };
      programs[programs.indexOf(last)] = { ...last, ...told };
    }
    last = undefined;
  }
  return programs;
}

function programOf({ language, more, code, heading }: Block): Program {
  const [, file] = /^\/\/ ([\w-]+\.(?:js|ts))\n/.exec(code) ?? [];
  if (file === undefined || !file.endsWith(language)) {
    throw new Error(`a block ${language} below "${heading}" does not name its file`);
  }
  const [kind, server] = more;
  if (kind !== undefined && !['mocha', 'server', 'with'].includes(kind)) {
    throw new Error(`${file}: what is "${kind}"?`);
  }
  return {
    file,
    code,
    heading,
    mocha: kind === 'mocha',
    serves: kind === 'server',
    dialogue: [],
    server,
    output: undefined,
  };
}

function exchangesOf(text: string): Exchange[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((exchange) => {
      const [command = '', ...lines] = exchange.split('\n');
      return { command, output: lines.join('\n').trimEnd() };
    });
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The programs of one page in a folder of their own. */
export class Programs {
  readonly folder: string;
  readonly #programs: readonly Program[];
  #compiled: Promise<Outcome> | undefined;

  constructor(page: string, programs: readonly Program[]) {
    this.folder = path.join(ROOT, '.out', 'docs', path.basename(page, '.md').toLowerCase());
    this.#programs = programs;
  }

  /** Writes them all, once, and compiles those in TypeScript as strictly as this project itself. */
  compiled(): Promise<Outcome> {
    return (this.#compiled ??= this.#compile());
  }

  async #compile(): Promise<Outcome> {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
    for (const { file, code } of this.#programs) writeFileSync(path.join(this.folder, file), code);
    if (!this.#programs.some(({ file }) => file.endsWith('.ts'))) return { code: 0, stdout: '', stderr: '' };
    const options = {
      rootDir: '.',
      outDir: '.',
      declaration: false,
      declarationMap: false,
      incremental: false,
    };
    const config = {
      extends: path.join(ROOT, 'tsconfig.json'),
      compilerOptions: { ...options, isolatedDeclarations: false, tsBuildInfoFile: null },
      include: ['*.ts'],
      exclude: [], // else what is in `outDir`, which is all
    };
    writeFileSync(path.join(this.folder, 'tsconfig.json'), JSON.stringify(config));
    return execute(this.folder, [TSC, '-p', '.']);
  }

  /** Runs one that ends by itself, together with the server that it needs. */
  async run({ file, mocha, server }: Program): Promise<Outcome> {
    await this.compiled();
    const needed = server === undefined ? undefined : this.#programs.find((other) => other.file === server);
    if (server !== undefined && needed === undefined) throw new Error(`${file}: there is no ${server}`);
    const running = needed === undefined ? undefined : await this.serve(needed);
    try {
      if (running !== undefined) this.#replacePort(file, running.port);
      const script = scriptOf(file);
      const outcome = await execute(
        this.folder,
        mocha ? [MOCHA, '--no-config', '--no-package', script] : [script],
      );
      return outcome;
    } finally {
      await running?.stop();
    }
  }

  /** Starts one that serves, on a free port. */
  async serve({ file }: Program): Promise<Serving> {
    await this.compiled();
    this.#replacePort(file, 0);
    return Serving.start(path.join(this.folder, scriptOf(file)));
  }

  #replacePort(file: string, port: number): void {
    const script = path.join(this.folder, scriptOf(file));
    writeFileSync(script, readFileSync(script, 'utf8').replaceAll(`:${PORT}`, `:${port}`));
  }

  /** Types a command, as in a shell. */
  async type({ command }: Exchange, port: number): Promise<Outcome> {
    return execute(this.folder, ['-c', command.replaceAll(PORT, String(port))], 'sh');
  }
}

/** A program that serves. */
export class Serving {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Outcome>;

  private constructor(child: ChildProcess, ended: Promise<Outcome>, port: number) {
    this.#child = child;
    this.#ended = ended;
    this.port = port;
  }

  static async start(script: string): Promise<Serving> {
    const execArgv = ['--import', REPORT_PORT];
    const child = fork(script, { cwd: path.dirname(script), execArgv, silent: true });
    const output = { stdout: '', stderr: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    const ended = new Promise<Outcome>((resolve) => {
      child.once('close', (code) => resolve({ code, ...output }));
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    const port = await Promise.race([
      new Promise<number>((resolve) => {
        child.once('message', (message) => resolve((message as { readonly port: number }).port));
      }),
      ended.then(({ stdout, stderr }) => {
        throw new Error(`${path.basename(script)} has ended before it served: ${stdout}${stderr}`);
      }),
    ]);
    void ended.finally(() => clearTimeout(timer));
    return new Serving(child, ended, port);
  }

  /** @returns what it has printed. */
  async stop(): Promise<Outcome> {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }
}

function scriptOf(file: string): string {
  return file.replace(/\.ts$/, '.js');
}

function execute(cwd: string, args: readonly string[], command = process.execPath): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd, timeout: PATIENCE }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
    child.stdin?.end();
  });
}
