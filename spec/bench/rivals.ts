// The rivals: who can be started as a server for which protocol.
//
// A new one is a new entry; one for a single run comes from the command line (`--rival mine='./server {port}'`).

import { existsSync } from 'node:fs';
import path from 'node:path';
import { compiled, compileObstacle, FLOOR_SERVER } from './compiled.js';
import { find, output, root } from './programs.js';

/** `counted` is an echo that answers on its standard input how many connections it has seen begin and end. */
export type Protocol = 'echo' | 'resp' | 'counted';

export interface Rival {
  readonly name: string;
  readonly about: string;
  /** Ours: a figure that must not be is a fault of the project. */
  readonly own?: boolean;
  /** It must say that it runs on a native poller: the slower one would be measured under its name. */
  readonly native?: boolean;
  /** Starts a server on 127.0.0.1 and that port; undefined when it does not speak the protocol. */
  readonly command: (protocol: Protocol, port: number) => readonly string[] | undefined;
  /** Why it cannot run here. */
  readonly obstacle?: () => string | undefined;
  readonly version?: () => string;
}

/** What ratios refer to: the least that a thread can do on this kernel, and what everybody has. */
export const FLOOR = 'c-epoll';
export const BASELINE = 'node-net';
export const REFERENCES: readonly Reference[] = [
  { rival: FLOOR, title: 'floor' },
  { rival: BASELINE, title: BASELINE },
];

interface Reference {
  readonly rival: string;
  readonly title: string;
}

const node = (file: string, port: number, ...options: string[]): string[] => [
  process.execPath,
  path.join(root, '.out', file),
  '--port',
  String(port),
  ...options,
];
const server = (name: string): string => `spec/bench/servers/${name}.js`;

const needsEvio = (): string | undefined =>
  existsSync(path.join(root, 'dist/index.js')) ? undefined : 'dist/index.js is missing: npm run build';
const needs = (program: string) => (): string | undefined =>
  find(program) === undefined ? `${program} is not installed` : undefined;

/** evio with the streams of a connection, on one poller. */
function streams(name: string, about: string, poller: string): Rival {
  const files: Readonly<Record<Protocol, string>> = {
    echo: server('evio-streams'),
    counted: server('evio-counted'),
    resp: 'examples/redis-server.js',
  };
  return {
    name,
    about,
    own: true,
    native: poller !== 'net',
    command: (protocol, port) => node(files[protocol], port, '--poller', poller),
    obstacle: needsEvio,
  };
}

/** evio by another of its doors, as an echo only. */
function echoOnly(name: string, about: string): Rival {
  return {
    name,
    about,
    own: true,
    command: (protocol, port) => (protocol === 'echo' ? node(server(name), port) : undefined),
    obstacle: needsEvio,
  };
}

export const rivals: readonly Rival[] = [
  streams('evio-streams', 'evio, default settings: connection.data$.subscribe(connection)', 'auto'),
  echoOnly('evio-server-data', 'evio, one subscription: server.data$, connection.write(data)'),
  echoOnly('evio-serve', 'evio, the classic callbacks: serve(net, addr, handle, …)'),
  streams('evio-net', 'evio-streams on the poller `net`', 'net'),
  {
    name: FLOOR,
    about: 'the floor: our own C++ on epoll, one thread (floor-server.cc)',
    command: (protocol, port) => [compiled(FLOOR_SERVER), '--port', String(port), '--protocol', protocol],
    obstacle: compileObstacle,
  },
  {
    name: BASELINE,
    about: 'Node’s own net, as everybody writes it, with noDelay: what ratios refer to',
    command: (protocol, port) => node(server('node-net'), port, '--protocol', protocol),
    version: () => process.version,
  },
  {
    name: 'bun',
    about: 'Bun.listen',
    command: (protocol, port) => {
      const [, ...rest] = node(server('bun'), port, '--protocol', protocol);
      return protocol === 'counted' ? undefined : [find('bun') ?? 'bun', ...rest];
    },
    obstacle: needs('bun'),
    version: () => output(find('bun') ?? 'bun', '--version'),
  },
  {
    name: 'redis-server',
    about: 'Redis, without persistence',
    command: (protocol, port) => (protocol === 'resp' ? redisServer(port) : undefined),
    obstacle: needs('redis-server'),
    version: () => /v=(\S+)/.exec(output(find('redis-server') ?? 'redis-server', '--version'))?.[1] ?? '',
  },
];

function redisServer(port: number): string[] {
  const options = {
    port: String(port),
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    'protected-mode': 'no',
  };
  return [
    find('redis-server') ?? 'redis-server',
    ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
  ];
}

/** The rivals with these names, in their order; `name=command` makes one of its own. Throws when there is none. */
export function chooseRivals(names: readonly string[]): Rival[] {
  if (names.length === 0) return rivals.filter(({ obstacle }) => obstacle?.() === undefined);
  return names.map((name) => {
    const rival = name.includes('=') ? custom(name) : rivals.find((known) => known.name === name);
    if (rival === undefined) {
      throw new Error(`no rival '${name}': ${rivals.map((known) => known.name).join(', ')}, or name=command`);
    }
    const reason = rival.obstacle?.();
    if (reason !== undefined) throw new Error(`${name} cannot run: ${reason}`);
    return rival;
  });
}

function custom(definition: string): Rival {
  const at = definition.indexOf('=');
  const name = definition.slice(0, at);
  const line = definition.slice(at + 1);
  if (name === '' || !line.includes('{port}')) {
    throw new Error(`a rival of your own is name=command with {port} in the command, not '${definition}'`);
  }
  const fill = (protocol: Protocol, port: number): string =>
    line.replaceAll('{port}', String(port)).replaceAll('{protocol}', protocol);
  // `exec`: the CPU time that is read is that of this process, which must not be a shell.
  return { name, about: line, command: (...target) => ['sh', '-c', `exec ${fill(...target)}`] };
}
