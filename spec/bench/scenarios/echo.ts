// Echoes: the networking, and nothing else.

import { requests } from '../loads.js';
import {
  type Bar,
  CLIENT_BOUND,
  cpuBar,
  LATENCY_COLUMNS,
  MAIN,
  REQUEST_COLUMNS,
  type Scenario,
} from '../scenario.js';

interface Details {
  readonly bars?: readonly Bar[];
  readonly rivals?: readonly string[];
}

function echo(name: string, connections: number, bytes: number, size: string, details: Details): Scenario {
  const promisesLatency = details.bars?.some(({ measure }) => measure === 'p99') === true;
  return {
    name: `echo-${name}`,
    about:
      connections === 1
        ? `one connection, one message of ${size}`
        : `${connections.toLocaleString('en')} connections, one message of ${size} in flight on each`,
    speaks: 'echo',
    load: requests(connections, { echo: bytes }),
    columns: promisesLatency ? LATENCY_COLUMNS : REQUEST_COLUMNS,
    note: connections === 1 ? 'Wake-up times dominate: under 25 % is not a difference here.' : CLIENT_BOUND,
    ...details,
  };
}

export const echoes: readonly Scenario[] = [
  echo('50x64', 50, 64, '64 B', { bars: [cpuBar(1.05)] }),
  echo('1x64', 1, 64, '64 B', { rivals: [...MAIN, 'bun', 'deno'] }),
  echo('1000x64', 1000, 64, '64 B', {
    bars: [cpuBar(1.05), { rival: 'evio-streams', measure: 'p99', against: 'c-epoll', bound: 1.3 }],
    rivals: [...MAIN, 'evio-server-data', 'evio-serve', 'bun', 'deno'],
  }),
  echo('50x16k', 50, 16 * 1024, '16 KiB', {
    bars: [cpuBar(1.1), cpuBar(1.35, 'evio-operator')],
    rivals: [...MAIN, 'evio-operator', 'evio-reuse', 'evio-serve', 'bun', 'deno'],
  }),
];
