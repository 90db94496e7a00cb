// What the kernel knows about a process: /proc/PID.

import { readdirSync, readFileSync } from 'node:fs';
import { output } from './programs.js';

const ticksPerSecond = Number(output('getconf', 'CLK_TCK')) || 100;

/**
 * User and system time of all its threads so far. To the nanosecond where the scheduler keeps statistics, right while
 * they sleep and up to a tick late while they run; else to a hundredth of a second.
 */
export function cpuSeconds(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const times = readdirSync(folder).map((task) => nanoseconds(`${folder}/${task}/schedstat`));
  if (times.every((time) => time !== undefined)) return times.reduce((sum, time) => sum + time, 0) / 1e9;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before it may hold spaces
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Time on a CPU: the first figure of a task's statistics. */
function nanoseconds(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || 0;
  } catch {
    return undefined; // a kernel without CONFIG_SCHED_INFO
  }
}

/** What all processes of this machine have used so far, and what its host took away. */
export function busySeconds(): number {
  const [total = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0, stolen = 0] = total
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + interrupts + soft + stolen) / ticksPerSecond;
}

export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

const ESTABLISHED = '01';

/** Connections of a server on IPv4 that it has accepted: until then they have no inode. */
export function acceptedConnections(port: number): number {
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1, -1);
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, address = '', , state, , , , , , inode]) => {
      return address.endsWith(local) && state === ESTABLISHED && inode !== '0';
    }).length;
}

/** How many descriptors a child may open. */
export function descriptorLimit(): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return hard === 'unlimited' ? Infinity : Number(hard);
}
