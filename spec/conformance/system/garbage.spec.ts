// What has closed and is forgotten can be collected.

import { expect } from 'chai';

import { overPollers } from '../../support/pollers.js';
import { runModule } from '../../support/programs.js';

const PRELUDE = `
  import { connect } from 'node:net';
  import { once } from 'node:events';
  import { firstValueFrom } from 'rxjs';
  import { listen, serveEach } from 'evio';
  const poller = process.argv.at(-1);
  const turns = async () => { for (let i = 0; i < 10; i++) await new Promise((done) => setImmediate(done)); };
  const collected = async (refs) => {
    for (let i = 0; i < 20 && refs.some((ref) => ref.deref() !== undefined); i++) {
      await turns();
      gc();
    }
    return refs.filter((ref) => ref.deref() === undefined).length + ' of ' + refs.length;
  };
  const serve = () => listen('tcp://127.0.0.1:0', { poller });
  const exchange = async (port) => {
    const socket = connect(port, '127.0.0.1');
    socket.write('x');
    await once(socket, 'data');
    socket.end();
    await once(socket, 'close');
  };
`;

const sources: Readonly<Record<string, string>> = {
  'closed connections, their server open': `
    const server = await serve().ready;
    const refs = [];
    server.connections$.subscribe((connection) => {
      refs.push(new WeakRef(connection));
      connection.data$.subscribe(connection);
      connection.closed$.subscribe(() => {});
    });
    for (let i = 0; i < 8; i++) await exchange(server.addresses[0].port);
    await turns();
    await exchange(server.addresses[0].port); // the window and the tables have moved on
    console.log(await collected(refs.slice(0, 8)));
    await server.close();`,
  'connections that a protocol served': `
    const server = await serve().ready;
    const refs = [];
    server.connections$.pipe(serveEach((data$, connection) => {
      refs.push(new WeakRef(connection));
      return data$;
    })).subscribe();
    for (let i = 0; i < 9; i++) await exchange(server.addresses[0].port);
    console.log(await collected(refs.slice(0, 8)));
    await server.close();`,
  'closed servers': `
    const refs = [];
    const use = async () => {
      const server = await serve().ready;
      refs.push(new WeakRef(server));
      server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
      server.ticks$.subscribe(() => {});
      server.disconnected$.subscribe(() => {});
      await exchange(server.addresses[0].port);
      await server.close();
    };
    for (let i = 0; i < 8; i++) await use();
    console.log(await collected(refs));`,
  'servers that could not bind': `
    const taken = await serve().ready;
    const refs = [];
    const use = async () => {
      const server = listen(String(taken.addresses[0]), { poller });
      refs.push(new WeakRef(server));
      await server.ready.catch(() => {});
    };
    for (let i = 0; i < 8; i++) await use();
    console.log(await collected(refs));
    await taken.close();`,
  'closed servers of an AbortSignal that goes on': `
    const { signal } = new AbortController();
    globalThis.kept = signal;
    const refs = [];
    const use = async () => {
      const server = await listen('tcp://127.0.0.1:0', { poller, signal }).ready;
      refs.push(new WeakRef(server));
      await server.close();
    };
    for (let i = 0; i < 8; i++) await use();
    console.log(await collected(refs));`,
};

overPollers('the garbage collector takes', (poller) => {
  for (const [title, source] of Object.entries(sources)) {
    it(title, async () => {
      const { stdout, stderr } = await runModule(PRELUDE + source, {
        args: [poller],
        nodeArgs: ['--expose-gc'],
      });
      expect(stderr).to.equal('');
      expect(stdout).to.equal('8 of 8\n');
    });
  }
});
