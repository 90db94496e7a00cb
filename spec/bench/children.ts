// Child processes: pinned to a CPU of their own, and gone when the harness goes.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { find } from './programs.js';

/** The server, the client and the harness each keep to one CPU, so that none takes another's time. */
export type Role = 'server' | 'client' | 'harness';

const children = new Set<ChildProcess>();
const cpus = allowedCpus();
const taskset = cpus.length > 1 ? find('taskset') : undefined;
const setpriv = find('setpriv');

/** Which CPU does what, or why nothing is pinned. */
export const pinning: string =
  taskset === undefined
    ? `not pinned (${cpus.length > 1 ? 'no taskset' : 'one CPU'}): figures mix the server's and the client's time`
    : `server on CPU ${cpuOf('server')}, client on CPU ${cpuOf('client')}`;

/** Keeps the harness itself off the server's CPU. */
export function pinHarness(): void {
  if (taskset === undefined) return;
  spawnSync(taskset, ['--all-tasks', '--cpu-list', '--pid', String(cpuOf('harness')), String(process.pid)]);
}

/** Starts a command; what comes before it turns into it, so the process id is the command's own. */
export function start(role: Role, command: readonly string[], env = process.env): ChildProcess {
  const pin = taskset === undefined ? [] : [taskset, '--cpu-list', String(cpuOf(role))];
  const tie = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL']; // not even our own SIGKILL leaves it behind
  const [program = '', ...args] = [...pin, ...tie, ...command];
  // Detached: a group of its own, so that a command which is a shell ends together with what it started.
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  children.add(child);
  child.once('error', () => children.delete(child)); // it could not be started: its output just ends
  child.once('exit', () => children.delete(child));
  child.stdin.on('error', () => {}); // EPIPE: the exit is noticed by whoever awaits an answer
  return child;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (!children.has(child)) return;
  const exited = once(child, 'exit');
  kill(child);
  await exited;
}

export function stopAll(): void {
  for (const child of children) kill(child);
}

function kill({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: it has just ended by itself.
  }
}

function cpuOf(role: Role): number {
  const [server = 0, client = server, ...others] = cpus;
  return { server, client, harness: others.at(-1) ?? client }[role];
}

/** A container may own CPUs 4 and 5 only. */
function allowedCpus(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '0';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
