// Rule 13: the networks: tcp, tcp4, tcp6, unix, each also with -compat on the poller `net`.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { overPollers } from '../support/pollers.js';
import { socketPath } from '../support/socket-path.js';
import { Peer, destroyPeers } from '../support/peer.js';
import { runModule } from '../support/programs.js';
import { Serving, stopServings } from './serving.js';

/** What of Node's keeps this process alive: `TCPServerWrap` and `PipeWrap` are how the poller `net` listens. */
function listenersOfNode(): number {
  return process.getActiveResourcesInfo().filter((name) => /^(TCPServer|PipeServer|Pipe)Wrap$/i.test(name))
    .length;
}

overPollers('serve: rule 13: networks', (poller) => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'evio-'))));
  afterEach(destroyPeers);
  afterEach(stopServings);
  afterEach(() => rmSync(folder, { recursive: true }));

  async function echoes(peer: Peer, serving: Serving): Promise<void> {
    peer.fin('through and through');
    expect((await peer.over()).received.toString()).to.equal('through and through');
    await serving.called('closed 1');
  }

  for (const net of ['tcp', 'tcp4', 'tcp-compat', 'tcp4-compat']) {
    it(`${net}: accept is told ip:port`, async () => {
      const serving = await Serving.start(poller, { net });
      const peer = await serving.connect();
      const port = peer.socket.localPort;
      await echoes(peer, serving);
      expect(serving.addrs.get(1)).to.equal(`127.0.0.1:${port}`);
    });
  }

  for (const net of ['tcp', 'tcp6', 'tcp6-compat']) {
    it(`${net} on ::1: accept is told [v6]:port`, async () => {
      const serving = await Serving.start(poller, { net, addr: '[::1]:0' });
      const peer = await serving.connect('::1');
      const port = peer.socket.localPort;
      await echoes(peer, serving);
      expect(serving.addrs.get(1)).to.equal(`[::1]:${port}`);
    });
  }

  it('tcp on a name: localhost', async () => {
    const serving = await Serving.start(poller, { net: 'tcp4', addr: 'localhost:0' });
    await echoes(await serving.connect(), serving);
  });

  for (const net of ['unix', 'unix-compat']) {
    it(`${net}: accept is told nothing, as the client has no name`, async () => {
      const path = socketPath(folder);
      const serving = await Serving.start(poller, { net, addr: path });
      await serving.until(() => serving.ticks > 0);
      await echoes(await Peer.connect({ path }), serving);
      expect(serving.addrs.get(1)).to.equal('');
      await serving.stop();
      expect(existsSync(path)).to.equal(false);
    });
  }

  it('unix: a path where somebody listens is refused', async () => {
    const path = socketPath(folder);
    await Serving.start(poller, { net: 'unix', addr: path }).then((serving) =>
      serving.until(() => serving.ticks > 0),
    );
    const second = await Serving.start(poller, { net: 'unix', addr: path });
    const error = await second.done.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.include({ code: 'EADDRINUSE', address: path });
    await Peer.connect({ path });
  });

  it("unix: the file of a server that was killed is in nobody's way", async () => {
    const path = socketPath(folder);
    const killed = await runModule(
      `import { createServer } from 'node:net';
       createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'));`,
      { args: [path] },
    );
    expect(killed.signal).to.equal('SIGKILL');
    expect(existsSync(path)).to.equal(true);
    const serving = await Serving.start(poller, { net: 'unix', addr: path });
    await serving.until(() => serving.ticks > 0);
    await echoes(await Peer.connect({ path }), serving);
  });

  it('-compat takes the poller net, and no suffix takes what was asked for', async () => {
    const before = listenersOfNode();
    await Serving.start(poller, { net: 'tcp-compat' });
    expect(listenersOfNode() - before).to.equal(1);
    await Serving.start(poller, { net: 'tcp' });
    expect(listenersOfNode() - before).to.equal(poller === 'net' ? 2 : 1);
  });
});
