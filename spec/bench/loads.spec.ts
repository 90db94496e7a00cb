// That the loads see what they are made to see: memory that a connection costs, who was not told, and a queue that grows.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { compileObstacle } from './compiled.js';
import type { Load, Values } from './measurement.js';
import { idle } from './memory-loads.js';
import { type Protocol, type Rival, rivals } from './rivals.js';
import { ServerProcess } from './server-process.js';
import { fanOut, slowReaders } from './stream-loads.js';
import { Turns } from './turns.js';

const EFFORT = { quick: true, warmUp: 0.1, window: 0.2 };
const MIB = 2 ** 20;

describe('bench: loads', function () {
  this.timeout(60_000); // something may have to be compiled
  const folder = mkdtempSync(path.join(tmpdir(), 'evio-bench-'));
  let server: ServerProcess | undefined;
  before(function () {
    if (compileObstacle() !== undefined) this.skip();
  });
  afterEach(() => server?.stop());
  after(() => rmSync(folder, { recursive: true }));

  async function measure(load: Load, rival: Rival, protocol: Protocol): Promise<Values> {
    server = await ServerProcess.start(rival, protocol);
    const turns = new Turns();
    const measured = server;
    return turns.take(() => load(measured, EFFORT, turns));
  }

  /** A server of that program, which has `onSocket` to define. */
  function planted(name: string, onSocket: string): Rival {
    const file = path.join(folder, `${name}.mjs`);
    const harness = new URL('./servers/harness.js', import.meta.url).href;
    writeFileSync(
      file,
      `import net from 'node:net';
       import { answer, commandLine } from ${JSON.stringify(harness)};
       const all = new Set();
       ${onSocket}
       answer(() => ({}));
       net.createServer((socket) => {
         socket.on('error', () => {}).once('close', () => all.delete(socket));
         all.add(socket);
         onSocket(socket);
       }).listen(commandLine().port, '127.0.0.1');`,
    );
    return {
      name,
      about: name,
      weighs: true,
      command: (_, port) => [process.execPath, file, '--port', String(port)],
    };
  }

  function known(name: string): Rival {
    const rival = rivals.find((each) => each.name === name);
    if (rival === undefined) throw new Error(`no rival ${name}`);
    return rival;
  }

  const ECHO = 'socket.on("data", (data) => socket.write(data));';

  it('weigh what a connection holds in native memory, and what in the heap', async () => {
    const load = idle(2000, { echo: 64 });
    const plain = await measure(
      load,
      planted('plain', `const onSocket = (socket) => { ${ECHO} };`),
      'weighed',
    );
    await server?.stop();
    const hoarding = `const onSocket = (socket) => {
      socket.native = Buffer.allocUnsafeSlow(5000);
      socket.heap = new Array(500).fill(socket);
      ${ECHO}
    };`;
    const hoard = await measure(load, planted('hoard', hoarding), 'weighed');
    const more = (key: string): number => (hoard[key] ?? Number.NaN) - (plain[key] ?? Number.NaN);
    expect(hoard['connections']).to.equal(200);
    // Beside the bytes themselves: their objects, and malloc's own.
    expect(more('native')).to.be.within(4900, 5600);
    expect(more('heap')).to.be.within(3900, 4800);
    expect(more('user')).to.be.closeTo(more('native') + more('heap'), 1);
    expect(more('usedUser')).to.be.within(8800, 10_400);
  });

  it('count a message to all as often as it is heard, and do not take another one', async () => {
    const load = fanOut(100, { echo: 64 });
    const speaking = (bytes: string): string =>
      `const onSocket = (socket) => socket.on('data', (data) => { for (const each of all) each.write(${bytes}); });`;
    const fair = await measure(load, planted('fair', speaking('data')), 'fan-out');
    expect(fair['requests']).to.be.greaterThan(0);
    expect((fair['requests'] ?? 1) % 100).to.equal(0);
    await server?.stop();
    const garbling = speaking('each === socket ? data : Buffer.from(data).fill(0, 63)');
    const refused = await measure(load, planted('garbling', garbling), 'fan-out').then(String, String);
    expect(refused).to.match(/Error: a wrong reply/);
  });

  it('tell a server whose queues grow with clients that do not read from one that stops reading', async () => {
    const load = slowReaders(10, 16 * MIB, 5, { echo: 64 });
    const naive = await measure(load, planted('naive', `const onSocket = (socket) => { ${ECHO} };`), 'echo');
    await server?.stop();
    const careful = await measure(load, known('evio-streams'), 'echo');
    const sent = (values: Values): number => values['flooded'] ?? Number.NaN;
    expect(sent(naive)).to.equal(10 * 4 * MIB); // a quick run's part: it took all
    expect(naive['growth']).to.be.greaterThan(sent(naive) / 4); // the kernel has the rest
    expect(careful['growth']).to.be.lessThan((naive['growth'] ?? 0) / 2);
    expect(careful['requests']).to.be.greaterThan(0);
  });
});
