// gracefulShutdown(): a signal closes in good order, a second one at once, and the process ends by itself.

import { expect } from 'chai';
import { gracefulShutdown } from 'evio';

import { overPollers } from '../../support/pollers.js';
import { runModule } from '../../support/programs.js';
import { listening } from '../../support/servers.js';

const PROGRAM = (options: string, script: string): string => `
  import { once } from 'node:events';
  import { connect } from 'node:net';
  import { gracefulShutdown, listen } from 'evio';
  const poller = process.argv.at(-1);
  const server = await listen('tcp://127.0.0.1:0', { poller }).ready;
  server.connections$.subscribe((connection) => {
    connection.data$.subscribe((data) => setTimeout(() => connection.write('answer to ' + data), 50));
    server.closing$.subscribe(() => console.log('closing'));
  });
  const client = connect({ port: server.addresses[0].port, host: '127.0.0.1', allowHalfOpen: true });
  client.setEncoding('utf8').on('error', () => {});
  client.on('data', (text) => console.log(text));
  client.write('question');
  await new Promise((resolve) => { server.connections$.subscribe(resolve); if (server.connections.size > 0) resolve(); });
  const outcome = gracefulShutdown(server, ${options});
  ${script}
  console.log(JSON.stringify(await outcome));
`;

overPollers('gracefulShutdown()', (poller) => {
  it('lets what is in flight be answered, and tells handlers', async () => {
    const { code, stdout } = await runModule(
      PROGRAM('{}', "process.kill(process.pid, 'SIGTERM'); client.once('end', () => client.end());"),
      { args: [poller] },
    );
    const lines = stdout.trimEnd().split('\n');
    expect(code).to.equal(0);
    expect(lines).to.include('closing');
    expect(lines.at(-1)).to.equal('{"drained":1,"forced":0,"signal":"SIGTERM"}');
  });

  it('cuts off what is left when the time is up', async () => {
    const { code, stdout } = await runModule(
      PROGRAM('{ timeout: 30 }', "process.kill(process.pid, 'SIGINT');"),
      {
        args: [poller],
      },
    );
    expect(code).to.equal(0);
    expect(stdout).to.match(/\{"drained":0,"forced":1,"signal":"SIGINT"\}\n$/);
  });

  it('does not wait after a second signal', async () => {
    const { code, stdout } = await runModule(
      PROGRAM(
        '{ timeout: 1e9 }',
        "process.kill(process.pid, 'SIGINT'); await once(client, 'end'); process.kill(process.pid, 'SIGINT');",
      ),
      { args: [poller] },
    );
    expect(code).to.equal(0);
    expect(stdout).to.match(/\{"drained":0,"forced":1,"signal":"SIGINT"\}\n$/);
  });

  it('lets go of the signals when somebody else closes the server', async () => {
    const before = process.listenerCount('SIGTERM') + process.listenerCount('SIGINT');
    const server = await listening(poller);
    const outcome = gracefulShutdown(server);
    expect(process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')).to.equal(before + 2);
    await server.close();
    expect(await outcome).to.deep.equal({ drained: 0, forced: 0 });
    expect(process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')).to.equal(before);
  });

  it('refuses a timeout and signals that are none', async () => {
    const server = await listening(poller);
    for (const wrong of [{ timeout: -1 }, { timeout: Number.NaN }, { signals: [] }, { signals: 'SIGTERM' }]) {
      const error: unknown = await gracefulShutdown(server, wrong as never).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).to.be.instanceOf(TypeError);
    }
    await server.close();
  });
});
