// The rivals: who can be started as a server for which protocol.
//
// A new one is a new entry; one for a single run comes from the command line (`--rival mine='./server {port}'`).

import { existsSync } from 'node:fs';
import path from 'node:path';
import { compiled, compileObstacle, FLOOR_SERVER } from './compiled.js';
import { find, output, root } from './programs.js';

/**
 * What a server does. `counted`: an echo that answers on its standard input how many connections it has seen begin and
 * end; `weighed`: one that answers what it holds; `stream`: one that stops reading while it cannot send. `sink` only
 * reads, `source` only sends, `fan-out` sends to all what one has said.
 */
export type Protocol = 'echo' | 'resp' | 'counted' | 'weighed' | 'stream' | 'sink' | 'source' | 'fan-out';

export interface Rival {
  readonly name: string;
  readonly about: string;
  /** Ours: a figure that must not be is a fault of the project. */
  readonly own?: boolean;
  /** It takes its native memory from malloc, and answers `weighed` what JavaScript holds. */
  readonly weighs?: boolean;
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

const ECHOES: readonly Protocol[] = ['echo', 'stream'];
const REDIS = 'examples/redis-server.js';

/** evio with the streams of a connection, on one poller. */
function streams(name: string, about: string, poller: string): Rival {
  const files: Partial<Record<Protocol, string>> = {
    counted: server('evio-counted'),
    resp: REDIS,
  };
  return {
    name,
    about,
    own: true,
    native: poller !== 'net',
    weighs: true,
    command: (protocol, port) => {
      const file = files[protocol];
      if (file !== undefined) return node(file, port, '--poller', poller);
      return node(server('evio-streams'), port, '--poller', poller, '--protocol', protocol);
    },
    obstacle: needsEvio,
  };
}

/** evio by another of its doors, for some of the protocols. */
function door(
  name: string,
  about: string,
  protocols: readonly Protocol[],
  file: string = name,
  ...options: string[]
): Rival {
  return {
    name,
    about,
    own: true,
    weighs: true,
    command: (protocol, port) =>
      protocols.includes(protocol) ? node(server(file), port, '--protocol', protocol, ...options) : undefined,
    obstacle: needsEvio,
  };
}

/** Another runtime, which runs its own script. */
function runtime(name: string, about: string, without: readonly Protocol[], ...options: string[]): Rival {
  return {
    name,
    about,
    command: (protocol, port) => {
      const [, ...rest] = node(server(name), port, '--protocol', protocol);
      return without.includes(protocol) ? undefined : [find(name) ?? name, ...options, ...rest];
    },
    obstacle: needs(name),
    version: () => /\d+\.\d+\.\d+/.exec(output(find(name) ?? name, '--version'))?.[0] ?? '',
  };
}

export const rivals: readonly Rival[] = [
  streams('evio-streams', 'evio, default settings: connection.data$.subscribe(connection)', 'auto'),
  door(
    'evio-operator',
    'evio, an operator of the user’s: connection.data$.pipe(map(…)).subscribe(connection)',
    [...ECHOES, 'resp'],
  ),
  door('evio-reuse', 'the same with reuseInputBuffer', ECHOES, 'evio-operator', '--reuse'),
  door('evio-server-data', 'evio, one subscription: server.data$, connection.write(data)', [
    'echo',
    'weighed',
  ]),
  door('evio-serve', 'evio, the classic callbacks: serve(net, addr, handle, …)', ['echo']),
  streams('evio-net', 'evio-streams on the poller `net`', 'net'),
  {
    name: FLOOR,
    about: 'the floor: our own C++ on epoll, one thread (floor-server.cc)',
    weighs: true,
    command: (protocol, port) => [compiled(FLOOR_SERVER), '--port', String(port), '--protocol', protocol],
    obstacle: compileObstacle,
  },
  {
    name: BASELINE,
    about: 'Node’s own net, as everybody writes it, with noDelay',
    weighs: true,
    command: (protocol, port) => node(server('node-net'), port, '--protocol', protocol),
    version: () => process.version,
  },
  runtime('bun', 'Bun.listen', ['counted']),
  runtime(
    'deno',
    'Deno.listen, one asynchronous loop per connection',
    ['counted', 'source', 'fan-out'],
    'run',
    '--allow-all',
    '--quiet',
  ),
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
  return {
    name,
    about: line,
    command: (protocol, port) => {
      // A stranger's echo is an echo for the scenarios that would ask it more; the rest it must know by name.
      const said = protocol === 'weighed' || protocol === 'stream' ? 'echo' : protocol;
      const knows = said === 'echo' || said === 'resp' || line.includes('{protocol}');
      return knows ? ['sh', '-c', `exec ${fill(said, port)}`] : undefined;
    },
  };
}
