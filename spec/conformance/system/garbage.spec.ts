// What has closed and is forgotten can be collected; what is open and forgotten goes on.

import { expect } from 'chai';

import { overPollers } from '../../support/pollers.js';
import { runModule } from '../../support/programs.js';

const PRELUDE = `
  import { connect } from 'node:net';
  import { once } from 'node:events';
  import { Subscription, delay, firstValueFrom, map } from 'rxjs';
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
  const pair = async (server) => {
    const accepted = firstValueFrom(server.connections$);
    const socket = connect(server.addresses[0].port, '127.0.0.1');
    return { socket, connection: await accepted };
  };
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
  'observers of a connection that is open, once they have unsubscribed': `
    const server = await serve().ready;
    const { connection, socket } = await pair(server);
    const refs = [];
    const use = async () => {
      const held = { bytes: 0 };
      refs.push(new WeakRef(held));
      const all = new Subscription();
      all.add(connection.data$.subscribe(({ length }) => { held.bytes += length; }));
      all.add(connection.closed$.subscribe(() => { held.bytes = 0; }));
      all.add(connection.drained$.subscribe(() => { held.bytes = 0; }));
      all.add(connection.send('y').subscribe(() => { held.bytes = 0; }));
      all.add(server.ticks$.subscribe(() => { held.bytes = 0; }));
      socket.write('x');
      await once(socket, 'data');
      all.unsubscribe();
    };
    for (let i = 0; i < 8; i++) await use();
    console.log(await collected(refs));
    socket.destroy();
    await server.close({ timeout: 0 });`,
  'what was written, once it is sent': `
    const server = await serve().ready;
    const { connection, socket } = await pair(server);
    const refs = [];
    const use = async () => {
      const bytes = new Uint8Array(new ArrayBuffer(200_000));
      refs.push(new WeakRef(bytes));
      connection.write(bytes);
      for (let got = 0; got < bytes.length;) got += (await once(socket, 'data'))[0].length;
    };
    for (let i = 0; i < 8; i++) await use();
    console.log(await collected(refs));
    socket.destroy();
    await server.close({ timeout: 0 });`,
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

/** Functions that leave nothing but a port behind: whoever connects there is to get back what he sends. */
const forgotten: Readonly<Record<string, string>> = {
  'a server whose connections$ is subscribed to': `
    const server = serve();
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    return server.ready.then(({ addresses: [{ port }] }) => port);`,
  'a server whose data$ is subscribed to': `
    const server = serve();
    server.data$.subscribe(({ connection, data }) => connection.write(data));
    return server.ready.then(({ addresses: [{ port }] }) => port);`,
  'a server with a protocol': `
    const server = serve();
    server.connections$.pipe(serveEach((data$) => data$)).subscribe();
    return server.ready.then(({ addresses: [{ port }] }) => port);`,
  'a connection whose chain of operators ends in itself': `
    const server = serve();
    server.connections$.subscribe((connection) => {
      connection.data$.pipe(map((data) => data), delay(1)).subscribe(connection);
    });
    return server.ready.then(({ addresses: [{ port }] }) => port);`,
  'a connection that is answered from a promise': `
    const server = serve();
    server.connections$.subscribe((connection) => {
      connection.data$.subscribe(async (data) => {
        await turns();
        connection.write(data);
      });
    });
    return server.ready.then(({ addresses: [{ port }] }) => port);`,
};

const SERVED = `
  const port = await leave();
  const clients = [];
  for (let round = 0; round < 4; round++) {
    clients.push(connect(port, '127.0.0.1'));
    for (let i = 0; i < 5; i++) {
      await turns();
      gc();
    }
    for (const socket of clients) {
      const answered = once(socket, 'data');
      socket.write('round ' + round);
      console.log(String((await answered)[0]));
    }
  }
  process.exit();`;

overPollers('the garbage collector leaves', (poller) => {
  for (const [title, source] of Object.entries(forgotten)) {
    it(title, async () => {
      const { stdout, stderr } = await runModule(`${PRELUDE} const leave = () => {${source}}; ${SERVED}`, {
        args: [poller],
        nodeArgs: ['--expose-gc'],
      });
      expect(stderr).to.equal('');
      const answers = [0, 1, 2, 3].flatMap((round) =>
        Array.from({ length: round + 1 }, () => `round ${round}\n`),
      );
      expect(stdout).to.equal(answers.join(''));
    });
  }
});
