import { expect } from 'chai';
import { destroyPeers } from '../support/peer.js';
import { overPollers } from '../support/pollers.js';
import { endProcesses, run, type Running } from '../support/processes.js';
import { needs } from '../support/tools.js';
import { answer, dial } from './dialogue.js';
import { example, freePort, startServer } from './processes.js';

const BANNER =
  "Welcome to the echo server!\nEnter 'quit' to close your connection or 'shutdown' to close the server.\n";

/** `serve` has no word for the port it got: it is given one that was free a moment ago. */
async function startCallbacks(args: readonly string[]): Promise<{ server: Running; port: number }> {
  for (;;) {
    const port = await freePort();
    const server = example('echo-server-callbacks', ['--port', String(port), ...args]);
    try {
      await server.prints(/try: .*\n/);
      return { server, port };
    } catch (error) {
      if (!server.stderr.includes('EADDRINUSE')) throw error;
    }
  }
}

const servers = [
  { name: 'echo-server', start: (args: readonly string[]) => startServer('echo-server', args) },
  { name: 'echo-server-callbacks', start: startCallbacks },
];

for (const { name, start } of servers) {
  overPollers(`examples: ${name}`, (poller) => {
    let server: Running;
    let port: number;

    afterEach(destroyPeers);

    describe('while it serves', () => {
      before(async () => ({ server, port } = await start(['--poller', poller])));
      after(endProcesses);

      it('greets and echoes', async () => {
        const client = await dial(port);
        await client.receives(BANNER);
        const text = 'x'.repeat(300_000);
        client.send(text);
        await client.receives(BANNER + text);
      });

      it('closes the connection that says quit, and no other', async () => {
        const [first, second] = [await dial(port), await dial(port)];
        first.send('quit\r\n');
        expect(await answer(first)).to.equal(`${BANNER}quit\r\n`);
        second.send('still here\n');
        await second.receives(`${BANNER}still here\n`);
      });

      it('knows a command that comes letter by letter, and no other line that contains one', async () => {
        const client = await dial(port);
        client.send('please quit\nquit now\n');
        for (const letters of ['q', 'qu', 'qui', 'quit']) {
          client.send(letters.slice(-1));
          await client.receives(`${BANNER}please quit\nquit now\n${letters}`);
        }
        client.send('\n');
        expect(await answer(client)).to.equal(`${BANNER}please quit\nquit now\nquit\n`);
      });

      it('echoes what a client sends before it ends its output (nc)', async function () {
        needs(this, 'nc');
        const { stdout } = await run('nc', ['-N', '127.0.0.1', String(port)], 'x');
        expect(stdout).to.equal(`${BANNER}x`);
      });
    });

    describe('at its end', () => {
      beforeEach(async () => ({ server, port } = await start(['--poller', poller])));
      afterEach(endProcesses);

      it('closes everything at shutdown', async () => {
        const [first, second] = [await dial(port), await dial(port)];
        await second.receives(BANNER);
        first.send('shutdown\n');
        expect(await answer(first)).to.equal(`${BANNER}shutdown\n`);
        expect(await answer(second)).to.equal(BANNER);
        expect(await server.ended).to.deep.include({ code: 0, signal: null, stderr: '' });
      });

      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        it(`closes everything at ${signal}`, async () => {
          const client = await dial(port);
          await client.receives(BANNER);
          server.child.kill(signal);
          expect(await answer(client)).to.equal(BANNER);
          expect(await server.ended).to.deep.include({ code: 0, signal: null, stderr: '' });
        });
      }
    });
  });
}
