// Runs the compiled specs in some other Node, and counts.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { StringDecoder } from 'node:string_decoder';

import { ELSEWHERE, type Elsewhere, type Exception } from './exceptions.js';
import { folder, Problem, root } from './packages.js';

/** What came of one run. */
export interface Outcome {
  readonly where: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly ok: boolean;
}

export interface Run {
  /** In the table at the end: `Node 22.23.3`. */
  readonly where: string;
  /** What starts this Node. */
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Names of folders of specs, or of specs; all of them when there is none. */
  readonly only?: readonly string[];
  /** Names of folders of specs that are left out. */
  readonly without?: readonly string[];
  readonly exceptions?: readonly Exception[];
  /** How many times slower than a machine of its own kind; specs get that much more time. */
  readonly slowness?: number;
}

/**
 * Folders of specs that are the same wherever Node runs: the native half's own tests know none, and what is packed is
 * compiled and installed alike. `npm test` runs them.
 */
export const WITHOUT_NODE: readonly string[] = ['native', 'package'];

/** What ends the specs together with the script that runs them. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const require = createRequire(import.meta.url);
const mocha = path.join(path.dirname(require.resolve('mocha/package.json')), 'bin/mocha.js');
const config = JSON.parse(readFileSync(path.join(root, '.mocharc.json'), 'utf8')) as {
  readonly timeout: number;
  readonly require: readonly string[];
  readonly 'node-option': readonly string[];
};

/** The files of specs below folders of that name, or of that name themselves; all of them when there is no name. */
function specsNamed(names: readonly string[], without: readonly string[]): string[] {
  const specs = readdirSync(path.join(root, '.out/spec'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.spec.js'))
    .map((file) => file.replaceAll(path.sep, '/'))
    .filter((file) => !without.some((folder) => file.startsWith(`${folder}/`)))
    .sort();
  if (names.length === 0) return specs;
  const placed = specs.map((file) => ({ file, places: file.replace(/\.spec\.js$/, '').split('/') }));
  return names.flatMap((name) => {
    const meant = placed.filter(({ places }) => places.includes(name));
    if (meant.length === 0) throw new Problem(`no specs '${name}' in spec/`);
    return meant.map(({ file }) => file);
  });
}

/** The arguments of Node, with paths from the root of the project. */
export function argumentsOf(run: Run): string[] {
  return [
    ...config['node-option'].map((option) => `--${option}`),
    mocha,
    '--no-config', // its list of specs would be added to ours, and its options of Node would cost one more process
    ...[...config.require, '.out/spec/elsewhere/exceptions.js'].map((file) => `--require=${file}`),
    '--reporter=.out/spec/elsewhere/group-reporter.js',
    // One more, so that nothing a spec asks for is taken for the default.
    `--timeout=${config.timeout * (run.slowness ?? 1) + 1}`,
    ...specsNamed(run.only ?? [], run.without ?? []).map((file) => `.out/spec/${file}`),
  ];
}

export function environmentOf({ env, only = [], exceptions = [], slowness = 1 }: Run): NodeJS.ProcessEnv {
  const elsewhere: Elsewhere = { exceptions, complete: only.length === 0 };
  const told = { EVIO_SPEC_SLOWNESS: String(slowness), [ELSEWHERE]: JSON.stringify(elsewhere) };
  return { ...process.env, ...env, ...told };
}

/** Runs the specs and shows what the reporter says; what specs themselves say only when something failed. */
export async function runSpecs(run: Run): Promise<Outcome> {
  console.log(`\n${run.where}`);
  const started = performance.now();
  const [command = '', ...first] = run.command;
  // Files and not pipes: Node under wine cannot write to the pipes of a program outside.
  const out = new Log('out');
  const err = new Log('err');
  const child = spawn(command, [...first, ...argumentsOf(run)], {
    cwd: root,
    env: environmentOf(run),
    stdio: ['ignore', out.file, err.file],
  });
  const stop = (): void => {
    child.kill();
    process.exit(1);
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  const progress = setInterval(() => process.stdout.write(out.read()), 500);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(progress);
  for (const signal of SIGNALS) process.off(signal, stop);
  process.stdout.write(out.read());
  const outcome = outcomeOf(run.where, out.text, code, (performance.now() - started) / 1000);
  if (!outcome.ok) console.error(`${err.read()}\n${run.where} ended with ${code ?? child.signalCode}`);
  out.close();
  err.close();
  return outcome;
}

/** A file that a child writes to, read as it grows. */
class Log {
  readonly file: number;
  readonly #decoder = new StringDecoder('utf8');
  text = '';
  #at = 0;

  constructor(name: string) {
    mkdirSync(folder, { recursive: true });
    this.file = openSync(path.join(folder, `specs.${name}`), 'w+');
  }

  /** What has come since. */
  read(): string {
    const { size } = fstatSync(this.file);
    const bytes = Buffer.alloc(size - this.#at);
    this.#at += readSync(this.file, bytes, 0, bytes.length, this.#at);
    const text = this.#decoder.write(bytes);
    this.text += text;
    return text;
  }

  close(): void {
    closeSync(this.file);
  }
}

/** Reads the last line. A run that does not end with a count, or that ran nothing, has failed. */
export function outcomeOf(where: string, said: string, code: number | null, seconds: number): Outcome {
  const count = /(\d+) passed, (\d+) failed, (\d+) skipped\s*$/.exec(said);
  const [passed = 0, failed = 0, skipped = 0] = (count ?? []).slice(1).map(Number);
  return { where, passed, failed, skipped, seconds, ok: code === 0 && failed === 0 && passed > 0 };
}

/** One line for each run. */
export function showTable(outcomes: readonly Outcome[]): void {
  console.log();
  for (const { where, passed, failed, skipped, seconds, ok } of outcomes) {
    const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`;
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${where}: ${counts}, ${Math.round(seconds)} s`);
  }
}

/** Runs the script; a problem is one line and exit code 1, and so is a run that failed. */
export async function main(script: (args: readonly string[]) => Promise<readonly Outcome[]>): Promise<void> {
  try {
    const outcomes = await script(process.argv.slice(2));
    showTable(outcomes);
    if (outcomes.length === 0 || outcomes.some(({ ok }) => !ok)) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
