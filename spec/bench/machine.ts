// What the figures were measured on.

import os from 'node:os';
import { pinning } from './children.js';
import { output } from './programs.js';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  readonly revision: string;
  readonly date: string;
  readonly pinning: string;
}

export function machine(): Machine {
  const cpus = os.cpus();
  const changed = output('git', 'status', '--porcelain') !== '';
  const revision = output('git', 'rev-parse', '--short', 'HEAD') || 'no revision';
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown CPU',
    cores: cpus.length,
    kernel: `${os.type()} ${os.release().split('-')[0]}`, // not the name of somebody's build
    node: process.version,
    revision: changed ? `${revision} with changes` : revision,
    date: new Date().toISOString(),
    pinning,
  };
}

export function describe({ cpu, cores, kernel, node, revision, date, pinning }: Machine): string {
  return `${cpu}, ${cores} cores, ${kernel}, node ${node}, evio ${revision}, ${date}\n${pinning}`;
}
