// Answers arrive whole: large ones, to clients that go on sending, and to clients that have ended their side.

import { expect } from 'chai';

import { MIB, hash, pattern } from '../support/bytes.js';
import { overPollers } from '../support/pollers.js';
import { destroyPeers } from '../support/peer.js';
import type { Peer } from '../support/peer.js';
import { endProcesses, run } from '../support/processes.js';
import { needs } from '../support/tools.js';
import { Serving, stopServings } from './serving.js';

const LARGE = pattern(8 * MIB);
const LARGE_HASH = hash(LARGE);

async function expectLarge(peer: Peer): Promise<void> {
  const { received, ended, error } = await peer.over();
  expect(received.length).to.equal(LARGE.length);
  expect(hash(received)).to.equal(LARGE_HASH);
  expect({ ended, error }).to.deep.equal({ ended: true, error: undefined });
}

/** Sends until told to stop, as fast as the server takes it. */
function sendsOnAndOn(peer: Peer): () => void {
  const chunk = Buffer.alloc(16 * 1024, 'more');
  const pump = (): void => {
    while (!peer.socket.destroyed && peer.socket.write(chunk));
  };
  peer.socket.on('drain', pump);
  pump();
  return () => peer.socket.off('drain', pump);
}

overPollers('serve: answers arrive whole', (poller) => {
  afterEach(destroyPeers);
  afterEach(stopServings);
  afterEach(endProcesses);

  it('8 MiB from a handle that ends the connection', async () => {
    const serving = await Serving.start(poller, { handle: () => [LARGE, false] });
    const peer = await serving.connect();
    peer.send('x');
    await expectLarge(peer);
    peer.fin();
    await serving.called('closed 1');
  });

  it('8 MiB from a handle that ends the connection, while the client goes on sending', async () => {
    const serving = await Serving.start(poller, { handle: () => [LARGE, false] });
    const peer = await serving.connect();
    const stop = sendsOnAndOn(peer);
    await expectLarge(peer);
    stop();
    peer.fin();
    await serving.until(() => serving.errors.size === 1);
    expect(serving.calls.filter((call) => call.startsWith('handle'))).to.have.length(1);
  });

  it('2 MiB from a handle that ends the connection, to a client that sends on and reads late', async () => {
    const answer = LARGE.subarray(0, 2 * MIB);
    const serving = await Serving.start(poller, { handle: () => [answer, false] });
    const peer = await serving.connect();
    peer.stopReading();
    // Longer than a silent client is waited for.
    for (let i = 0; i < 25; i++) {
      peer.send('more');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    peer.readAgain();
    const { received, ended, error } = await peer.over();
    expect([received.length, ended, error]).to.deep.equal([answer.length, true, undefined]);
    peer.fin();
    await serving.until(() => serving.errors.size === 1);
  });

  it('8 MiB from a refusing accept, while the client goes on sending', async () => {
    const serving = await Serving.start(poller, { accept: () => [LARGE, false] });
    const peer = await serving.connect();
    const stop = sendsOnAndOn(peer);
    await expectLarge(peer);
    stop();
    peer.fin();
    await serving.stop();
    expect(serving.calls).to.deep.equal(['accept 1']);
  });

  it('8 MiB as the banner of an accept that stays open', async () => {
    const serving = await Serving.start(poller, { accept: () => [LARGE, true] });
    const peer = await serving.connect();
    peer.fin();
    await expectLarge(peer);
    await serving.called('closed 1');
  });

  it('8 MiB to a client that begins to read late', async () => {
    const serving = await Serving.start(poller, { handle: () => [LARGE, false] });
    const peer = await serving.connect();
    peer.stopReading();
    peer.send('x');
    await serving.called('handle 1 x');
    // Longer than the time after which a client is cut off that has got everything.
    await serving.until(() => serving.ticks >= 3);
    peer.readAgain();
    await expectLarge(peer);
  });

  it('8 MiB each to four clients at once', async () => {
    const serving = await Serving.start(poller, { handle: () => [LARGE, false] });
    const peers = await Promise.all([1, 2, 3, 4].map(() => serving.connect()));
    for (const peer of peers) peer.send('x');
    for (const peer of peers) await expectLarge(peer);
  });

  it('8 MiB echoed in both directions at once', async () => {
    const serving = await Serving.start(poller);
    const peer = await serving.connect();
    peer.fin(LARGE);
    await expectLarge(peer);
    await serving.called('closed 1');
  });

  it('a client that ends its side with its question gets its answer', async () => {
    const serving = await Serving.start(poller, { handle: (_id, data) => [`got ${String(data)}`, true] });
    const peer = await serving.connect();
    peer.fin('x');
    const { received, ended } = await peer.over();
    expect(received.toString()).to.equal('got x');
    expect(ended).to.equal(true);
    await serving.called('closed 1');
  });

  it('a client that ends its side with its question gets its answer, and the connection ended by handle', async () => {
    const serving = await Serving.start(poller, { handle: (_id, data) => [`got ${String(data)}`, false] });
    const peer = await serving.connect();
    peer.fin('x');
    expect((await peer.over()).received.toString()).to.equal('got x');
    await serving.called('closed 1');
    expect(serving.calls).to.deep.equal(['accept 1', 'handle 1 x', 'closed 1']);
  });

  it('a client that ends its side without a word is closed, and may get a banner', async () => {
    const serving = await Serving.start(poller, { accept: () => ['banner', true] });
    const peer = await serving.connect();
    peer.fin();
    expect((await peer.over()).received.toString()).to.equal('banner');
    await serving.called('closed 1');
    expect(serving.calls).to.deep.equal(['accept 1', 'closed 1']);
  });

  it('printf x | nc -N gets its answer', async function () {
    needs(this, 'nc');
    const serving = await Serving.start(poller, { handle: (_id, data) => [`got ${String(data)}`, true] });
    const { code, stdout } = await run('nc', ['-N', '127.0.0.1', String(serving.port)], 'x');
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: 'got x' });
    await serving.called('closed 1');
  });
});
