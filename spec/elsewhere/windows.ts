// `npm run test:windows [-- streams serve]`: the specs over the poller net in Node for Windows, under wine.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

import { except, type Exception } from './exceptions.js';
import { folder, here, nodeBinary, Problem, type System, versionIn } from './packages.js';
import { main, runSpecs, WITHOUT_NODE } from './suite.js';

const TARGET: System = { os: 'win32', cpu: 'x64' };
const NODE = '20';
const PREFIX = path.join(folder, 'wine');
const ENVIRONMENT = { WINEPREFIX: PREFIX, WINEARCH: 'win64', WINEDEBUG: '-all', EVIO_SPEC_POLLERS: 'net' };
/** Specs get that many times their time. */
const SLOWNESS = 3;

const EXCEPTIONS: readonly Exception[] = [
  ...except('it starts a program that Windows has not: sh, ls, sleep', [
    'evio doctor',
    'evio with anything it does not know',
    'evio --help and --version',
    'a child process (net)',
    'with too few descriptors (net)',
  ]),
  ...except('kill() on Windows ends a program at once, whatever the signal', [
    'closes everything at SIGINT',
    'closes everything at SIGTERM',
    'closes everything at Ctrl-C',
    'brings the data back after SIGTERM',
    'goes on serving when nobody reads its output any more',
    'gracefulShutdown() (net) lets what is in flight be answered',
    'gracefulShutdown() (net) cuts off what is left',
    'gracefulShutdown() (net) does not wait after a second signal',
    'a process with a server at SIGTERM (net)',
    'told to end, lets a stream go on to its end',
  ]),
  ...except('a unix socket is a pipe on Windows: it has no file, and a file is none', [
    'takes the place of a file that a killed server has left',
    'does not take the place of an ordinary file',
    "the file of a server that was killed is in nobody's way",
    'a path that is no socket is left alone',
    'a path that is too long',
    'an async accept that throws closes its client',
    'an async handle that throws closes its client',
  ]),
  ...except('wine 8 lets two servers listen on one pipe, on node:net itself too', [
    'does not take the place of a server that lives',
    'a path where somebody listens is refused',
  ]),
  ...except(
    'wine drops what is queued for a peer that sends FIN and nothing before it, on node:net itself too',
    [
      'output queued, FIN alone',
      'the peer’s FIN alone (net) with output queued',
      'reads a part, sends FIN and goes',
      'to one that has gone loses nothing that the one that is read has still to send',
    ],
  ),
  ...except('wine makes an end of a reset right after accepting, on node:net itself too', [
    'with whenFull: drop resets those beyond it',
    'drops those beyond it, and lets in others when one has left',
  ]),
  ...except('wine tells of a reset and not of the FIN before it', [
    'a client that reads FIN before the reset',
  ]),
  ...except('wine takes a link to a folder for the folder itself', ['the test kit runs under']),
  ...except('descriptors are counted in /proc, which shows those of wine', [
    'many connections (net)',
    'leaves no descriptor',
    'a worker thread is terminated (net)',
  ]),
  ...except('the compiler of TypeScript is not that of Windows', [
    'the code of README.md',
    'the code of docs/callbacks.md',
    'the code of docs/deployment.md',
    'the code of docs/streams-and-backpressure.md',
  ]),
  ...except('there is no addon for Windows', [
    'epoll by name is unavailable, and says which file',
    'naming an addon for another poller',
    'does not matter to a poller of another system',
    'naming several addons',
    'EVIO_NATIVE that is empty',
    'EVIO_POLLER stands in for the option',
    'over faulty system calls',
  ]),
  ...except('Windows has neither user ids nor privileged ports', ['a privileged port']),
  ...except('Windows has another code for a folder that is opened as a file', ['why it cannot be opened']),
];

await main(async (args) => {
  if (here.os === 'win32') throw new Problem('this is Windows: npm test');
  if (spawnSync('wine', ['--version']).error !== undefined)
    throw new Problem("no wine: install Debian's wine64 and wine");
  const binary = nodeBinary(NODE, TARGET);
  prepareWindows();
  const version = versionIn(path.join(binary, '../..'));
  // Of this prefix only. It would stay for a while, and with it whatever a spec has left behind.
  process.once('exit', () => wine('wineserver', '--kill'));
  const run = {
    where: `Node ${version} for Windows (wine)`,
    command: ['wine', binary],
    env: ENVIRONMENT,
    only: args,
    without: WITHOUT_NODE,
    exceptions: EXCEPTIONS,
    slowness: SLOWNESS,
  };
  return [await runSpecs(run)];
});

/** A Windows of our own: Node refuses the version that wine shows by default. */
function prepareWindows(): void {
  if (existsSync(path.join(PREFIX, 'system.reg'))) return;
  console.log('preparing wine');
  mkdirSync(PREFIX, { recursive: true });
  wine('wine', 'winecfg', '-v', 'win10');
  wine('wineserver', '--wait'); // the registry is written when the last program has ended
}

function wine(command: string, ...args: readonly string[]): void {
  spawnSync(command, args, { env: { ...process.env, ...ENVIRONMENT }, stdio: 'ignore' });
}
