// How a process ends: what keeps it alive, what does not, and what still reaches the peers.

import { expect } from 'chai';

import { overPollers } from '../../support/pollers.js';
import { runModule } from '../../support/programs.js';
import type { Finished } from '../../support/programs.js';

/** What every program starts with; `peer(port)` is a client in the same process that does not keep it alive. */
const PRELUDE = `
  import { connect } from 'node:net';
  import { once } from 'node:events';
  import { listen } from 'evio';
  const poller = process.argv.at(-1);
  const server = listen('tcp://127.0.0.1:0', { poller });
  await server.ready;
  const { port } = server.addresses[0];
  const peer = async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  const say = (...words) => console.log(...words);
  process.on('exit', (code) => say('exit', code));
`;

interface Program {
  readonly title: string;
  readonly source: string;
  readonly says: string;
  readonly code?: number;
}

const programs: readonly Program[] = [
  {
    title: 'ends by itself when its only server closes',
    source: `await server.close(); say('closed');`,
    says: 'closed\nexit 0\n',
  },
  {
    title: 'ends by itself when the last of its servers closes',
    source: `
      const other = listen('tcp://127.0.0.1:0', { poller });
      await other.ready;
      await server.close();
      setTimeout(() => { say('still here'); void other.close(); }, 20).unref();`,
    says: 'still here\nexit 0\n',
  },
  {
    title: 'goes on while a server listens, whoever subscribes',
    source: `setTimeout(() => { say('still here'); void server.close(); }, 20).unref();`,
    says: 'still here\nexit 0\n',
  },
  {
    title: 'does not go on for a server that is unref()ed',
    source: `server.unref(); setTimeout(() => say('never'), 5000).unref();`,
    says: 'exit 0\n',
  },
  {
    title: 'goes on after unref() and ref()',
    source: `server.unref(); server.ref(); setTimeout(() => { say('still here'); void server.close(); }, 20).unref();`,
    says: 'still here\nexit 0\n',
  },
  {
    title: 'goes on for an open connection of an unref()ed server',
    source: `
      server.unref();
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      server.connections$.subscribe((connection) => {
        socket.unref();
        setTimeout(() => { say('still here'); connection.destroy(); }, 20).unref();
      });`,
    says: 'still here\nexit 0\n',
  },
  {
    title: 'goes on for a connection that says nothing, of an unref()ed server whose input alone is wanted',
    source: `
      server.unref();
      server.data$.subscribe();
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      while (server.connections.size < 1) await new Promise(setImmediate);
      socket.unref();
      setTimeout(() => {
        say('still here', server.connections.size);
        for (const connection of server.connections.values()) connection.destroy();
      }, 20).unref();`,
    says: 'still here 1\nexit 0\n',
  },
  {
    title: 'goes on for an open connection of an unref()ed server that is read',
    source: `
      server.unref();
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      server.connections$.subscribe((connection) => {
        socket.unref();
        connection.data$.subscribe(connection);
        setTimeout(() => { say('still here'); connection.destroy(); }, 20).unref();
      });`,
    says: 'still here\nexit 0\n',
  },
  {
    title: 'waits for a close() that drains',
    source: `
      server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
      const socket = await peer();
      socket.write('x');
      await once(socket, 'data');
      void server.close().then((outcome) => say(JSON.stringify(outcome)));`,
    says: '{"drained":1,"forced":0}\nexit 0\n',
  },
  {
    title: 'ends with the code it was given, and a server and a connection open',
    source: `
      server.connections$.subscribe(() => process.exit(3));
      await peer();`,
    says: 'exit 3\n',
    code: 3,
  },
  {
    title: 'ends with 0 when an aborted signal closes everything',
    source: `
      const controller = new AbortController();
      const other = listen('tcp://127.0.0.1:0', { poller, signal: controller.signal });
      await other.ready;
      await server.close();
      controller.abort();`,
    says: 'exit 0\n',
  },
  {
    title: 'ends when a top-level await using goes out of scope',
    source: `
      {
        const other = listen('tcp://127.0.0.1:0', { poller });
        await other.ready;
        await other[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      }`,
    says: 'exit 0\n',
  },
];

/** Programs that exit after a write; the parent is the peer, so that only the exit can send. */
const lastWords: readonly Omit<Program, 'says'>[] = [
  {
    title: 'process.exit() right after write()',
    source: `connection.write('last words'); process.exit(0);`,
  },
  {
    title: 'process.exit() after write() in a timer',
    source: `setTimeout(() => { connection.write('last words'); process.exit(0); });`,
  },
  {
    title: 'process.exit() after write() in a data callback',
    source: `connection.data$.subscribe(() => { connection.write('last words'); process.exit(0); });`,
  },
  {
    title: 'process.exit() after write() in a promise',
    source: `void Promise.resolve().then(() => { connection.write('last words'); process.exit(0); });`,
  },
  {
    title: 'write() inside an exit handler',
    source: `process.on('exit', () => connection.write('last words')); setImmediate(() => process.exit(0));`,
  },
  {
    title: 'write() in an exit handler, after process.exit() in a data callback',
    source: `
      process.on('exit', () => connection.write(' words'));
      connection.data$.subscribe(() => { connection.write('last'); process.exit(0); });`,
  },
  {
    title: 'end() and exit',
    source: `connection.end('last words'); process.exit(0);`,
  },
  {
    title: 'an uncaught exception after write()',
    source: `setTimeout(() => { connection.write('last words'); throw new Error('on purpose'); });`,
    code: 1,
  },
];

/** A child whose server serves one client: a grandchild, which prints what it got. */
const withClient = (source: string): string => `
  import { spawn } from 'node:child_process';
  ${PRELUDE}
  server.connections$.subscribe((connection) => { ${source} });
  spawn(process.execPath, ['-e', \`
    const socket = require('node:net').connect(\${port}, '127.0.0.1', () => socket.write('go'));
    socket.on('data', (data) => process.stdout.write(data));
    socket.on('error', () => {});
  \`], { stdio: ['ignore', 'inherit', 'inherit'] });
`;

function expectEnd(finished: Finished, code = 0): void {
  if (code === 0) expect(finished.stderr).to.equal('');
  expect([finished.code, finished.signal]).to.deep.equal([code, null]);
}

overPollers('a process with a server', (poller) => {
  for (const { title, source, says, code } of programs) {
    it(title, async () => {
      const finished = await runModule(PRELUDE + source, { args: [poller] });
      expect(finished.stdout).to.equal(says);
      expectEnd(finished, code);
    });
  }

  for (const { title, source, code } of lastWords) {
    it(`sends what was written before it ends: ${title}`, async () => {
      const finished = await runModule(withClient(source), { args: [poller] });
      expect(finished.stdout.replace(/exit \d\n/, '')).to.equal('last words');
      expectEnd(finished, code);
    });
  }
});
