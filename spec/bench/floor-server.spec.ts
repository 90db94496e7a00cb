// That the floor which others are compared with does its work: it answers, in order, and keeps what cannot be sent yet.

import { once } from 'node:events';
import net from 'node:net';
import { expect } from 'chai';
import { start, stop } from './children.js';
import { compiled, compileObstacle, FLOOR_SERVER } from './compiled.js';
import { FLOOR, type Protocol, rivals } from './rivals.js';
import { ServerProcess } from './server-process.js';

describe('bench: the floor server', function () {
  this.timeout(60_000); // it may have to be compiled
  let server: ServerProcess | undefined;
  before(function () {
    if (compileObstacle() !== undefined) this.skip();
  });
  afterEach(() => server?.stop());

  async function serve(protocol: Protocol): Promise<ServerProcess> {
    const rival = rivals.find(({ name }) => name === FLOOR);
    if (rival === undefined) throw new Error('there is no floor');
    server = await ServerProcess.start(rival, protocol);
    return server;
  }

  it('echoes 8 MB to a client that reads only after it has sent all', async () => {
    const { port } = await serve('echo');
    const sent = Buffer.from(Uint32Array.from({ length: 2_000_000 }, (_, i) => i).buffer);
    const socket = await connected(port);
    socket.pause();
    socket.end(sent);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const received = await everything(socket);
    expect(received.equals(sent)).to.equal(true);
  });

  it('answers RESP, pipelined, cut anywhere, inline and unknown', async () => {
    const { port } = await serve('resp');
    const requests =
      '*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$12\r\nhello\r\nworld\r\n*2\r\n$3\r\nget\r\n$3\r\nkey\r\nPING\r\n' +
      '*2\r\n$3\r\nGET\r\n$2\r\nno\r\n*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\nsave\r\nFLY\r\n';
    const replies =
      '+OK\r\n$12\r\nhello\r\nworld\r\n+PONG\r\n$-1\r\n*2\r\n$4\r\nsave\r\n$0\r\n\r\n-ERR unknown command\r\n';
    const whole = await connected(port);
    whole.end(requests);
    expect((await everything(whole)).toString()).to.equal(replies);
    const cut = await connected(port);
    for (const byte of requests) {
      cut.write(byte);
      await new Promise(setImmediate); // so that most arrive alone
    }
    cut.end();
    expect((await everything(cut)).toString()).to.equal(replies);
  });

  it('keeps 10,000 keys apart', async () => {
    const { port } = await serve('resp');
    const socket = await connected(port);
    const keys = Array.from({ length: 10_000 }, (_, i) => `key:${i}`);
    const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
    for (const key of keys) socket.write(`*3\r\n$3\r\nSET\r\n${bulk(key)}${bulk(`of ${key}`)}`);
    for (const key of keys) socket.write(`*2\r\n$3\r\nGET\r\n${bulk(key)}`);
    socket.end();
    const expected = '+OK\r\n'.repeat(keys.length) + keys.map((key) => bulk(`of ${key}`)).join('');
    expect((await everything(socket)).toString()).to.equal(expected);
  });

  it('closes a connection that sends no requests', async () => {
    const { port } = await serve('resp');
    const socket = await connected(port);
    socket.write('*1\r\n?4\r\nPING\r\n');
    expect((await everything(socket)).length).to.equal(0);
  });

  it('counts what has begun and ended', async () => {
    const counted = await serve('counted');
    const socket = await connected(counted.port);
    socket.end('x');
    await everything(socket);
    const counts = await counted.report<Record<string, number>>();
    expect(counts).to.include({ opened: 2, closed: 2, repeated: 0 }); // the first one asked whether it listens
    expect(counts['held']).to.be.greaterThan(0);
  });

  it('says how it is used', async () => {
    const child = start('server', [compiled(FLOOR_SERVER), '--port', '1', '--protocol', 'gopher']);
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).to.equal(2);
    await stop(child);
  });
});

async function connected(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

async function everything(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
