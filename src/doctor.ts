// What `evio doctor` says: which poller serves here, why not another one, and the limits of this system that matter.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

import { settingsOf } from './options.js';
import { choosePoller, explainPollers } from './poller/choose.js';
import type { PollerAccount } from './poller/choose.js';

/** Fewer open files than this are few for a server. */
const FEW_FILES = 10_000;

/** What a person should read, line by line. */
export interface Diagnosis {
  readonly lines: readonly string[];
  /** The poller that was asked for can serve. */
  readonly healthy: boolean;
}

/**
 * Examines this process and this system; EVIO_POLLER and EVIO_NATIVE count as they do for a server.
 *
 * @param version - of this package
 */
export function diagnose(version: string): Diagnosis {
  const accounts = explainPollers();
  const { lines, healthy } = describeChoice(accounts);
  return {
    healthy,
    lines: [
      `evio ${version}, ${runtime()}, ${process.platform} ${process.arch}`,
      '',
      ...lines,
      ...accounts.flatMap(describeAccount),
      ...(healthy ? adviceOn(accounts) : []),
      '',
      ...describeLimits(),
    ],
  };
}

function runtime(): string {
  for (const name of ['bun', 'deno']) {
    const version = process.versions[name];
    if (version !== undefined) return `${name} ${version}`;
  }
  return `Node ${process.versions.node}`;
}

function describeChoice(accounts: readonly PollerAccount[]): { lines: string[]; healthy: boolean } {
  const asked = ['EVIO_POLLER', 'EVIO_NATIVE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined || value === '' ? [] : [`${name}=${value}`];
  });
  const why = asked.length === 0 ? '' : ` (${asked.join(', ')})`;
  try {
    const { name } = choosePoller(undefined);
    const file = accounts.find((account) => account.name === name)?.file;
    return { lines: [`poller: ${name}${file === undefined ? '' : `, from ${file}`}${why}`], healthy: true };
  } catch (error) {
    return { lines: [`poller: none${why}`, `  ${(error as Error).message.split('\n')[0]}`], healthy: false };
  }
}

function describeAccount({ name, file, reasons }: PollerAccount): string[] {
  const label = `  ${name.padEnd(8)}`;
  if (file !== undefined) return [`${label}runs here, from ${file}`];
  if (reasons === undefined) return [`${label}runs everywhere, at the speed of node:net`];
  const [first = '', ...others] = reasons;
  return [`${label}cannot run here: ${first}`, ...others.map((reason) => `${' '.repeat(27)}${reason}`)];
}

/** What to do where a native poller would be faster and is not there. */
function adviceOn(accounts: readonly PollerAccount[]): string[] {
  if (accounts.some(({ file }) => file !== undefined)) return [];
  if (process.versions['bun'] !== undefined || process.versions['deno'] !== undefined) return [];
  if (process.platform === 'win32') return [];
  return [
    '',
    'A native poller takes less CPU. With a C++17 compiler (g++ or clang++) this makes one:',
    '  npx evio build',
  ];
}

function describeLimits(): string[] {
  const lines = ['limits'];
  const files = openFiles();
  if (files !== undefined) {
    lines.push(`  open files      ${String(files).padEnd(10)}each connection takes one`);
    if (files !== 'unlimited' && files < FEW_FILES) {
      lines.push(
        '                  raise it: ulimit -n 65536, LimitNOFILE= of systemd, --ulimit nofile= of Docker',
      );
    }
  }
  const backlog = settingsOf(undefined).bind.backlog;
  const [name, longest] = longestBacklog() ?? [];
  if (name !== undefined && longest !== undefined) {
    lines.push(
      `  listen backlog  ${String(longest).padEnd(10)}${name}; the option backlog is ${backlog} unless given`,
    );
    if (longest < backlog) {
      lines.push(
        `                  connections that come in bursts may be refused: sysctl -w ${name}=${backlog}`,
      );
    }
  }
  return lines;
}

/** Descriptors that this process may open. Node raises the soft limit to the hard one when it starts. */
function openFiles(): number | 'unlimited' | undefined {
  const report = process.report?.getReport() as
    { userLimits?: { open_files?: { soft: number | 'unlimited' } } } | undefined;
  return report?.userLimits?.open_files?.soft;
}

/** What the kernel cuts the backlog of a listener to, and by which name. */
function longestBacklog(): [name: string, value: number] | undefined {
  if (process.platform === 'linux') {
    const name = 'net.core.somaxconn';
    return valued(name, () => readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  }
  for (const name of ['kern.ipc.soacceptqueue', 'kern.ipc.somaxconn', 'kern.somaxconn']) {
    const found = valued(name, () =>
      execFileSync('sysctl', ['-n', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function valued(name: string, read: () => string): [string, number] | undefined {
  try {
    const value = Number.parseInt(read(), 10);
    return Number.isNaN(value) ? undefined : [name, value];
  } catch {
    return undefined; // another system, or a sandbox that hides it
  }
}
