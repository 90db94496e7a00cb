// What goes wrong in a callback of serve: a client's failure is that client's, the server's is the server's.

import { once } from 'node:events';

import { expect } from 'chai';
import type { Reply } from 'evio';

import { turns } from '../support/connections.js';
import { overPollers } from '../support/pollers.js';
import { destroyPeers } from '../support/peer.js';
import { runModule } from '../support/programs.js';
import { Serving, stopServings } from './serving.js';

const mine = new Error('mine');

function fail(): never {
  throw mine;
}

/** The next warning of this process, which for once is not printed. */
async function nextWarning(): Promise<Error & { detail?: string }> {
  const printers = process.listeners('warning');
  process.removeAllListeners('warning');
  const [warning] = (await once(process, 'warning')) as [Error & { detail?: string }];
  for (const printer of printers) process.on('warning', printer);
  return warning;
}

/** What a careless user returns instead of `[send, keepopen]`, and how the message calls it. */
const WRONG_REPLIES: readonly [unknown, RegExp][] = [
  [undefined, /undefined/],
  [null, /null/],
  ['text', /"text"/],
  [true, /true/],
  [[], /an array/],
  [['text'], /an array/],
  [['text', true, 1], /an array/],
  [['text', 1], /an array/],
  [['text', undefined], /an array/],
  [[1, true], /an array/],
  [[{}, true], /an array/],
  [[[1, 2], true], /an array/],
  [{ send: 'text', keepopen: true }, /Object/],
  [Promise.resolve(['text', true]), /a promise/],
];

function titleOf(value: unknown): string {
  return value instanceof Promise ? 'a promise' : (JSON.stringify(value) ?? 'undefined');
}

for (const name of ['accept', 'handle'] as const) {
  overPollers(`serve: failures in ${name}`, (poller) => {
    afterEach(destroyPeers);
    afterEach(stopServings);

    /** Fails with the first client, and serves the second: the failure is nobody else's. */
    async function failsWith(callback: () => Reply): Promise<Error | undefined> {
      const first = (id: number): Reply => (id === 1 ? callback() : ['served', true]);
      const serving = await Serving.start(poller, { [name]: first });
      const peer = await serving.connect();
      peer.send('x');
      expect((await peer.over()).received.length).to.equal(0);
      const other = await serving.connect();
      other.send('y');
      await other.receives('served');
      await serving.stop();
      const calls = serving.calls.filter((call) => call.includes(' 1'));
      expect(calls.filter((call) => call.startsWith('closed'))).to.have.length(1);
      expect(calls.at(-1)).to.match(/^closed/);
      return serving.errors.get(1);
    }

    it('a throw closes that client, and closed is told the error itself', async () => {
      expect(await failsWith(fail)).to.equal(mine);
    });

    it('a throw of something that is no Error is wrapped', async () => {
      const error = await failsWith(() => {
        // oxlint-disable-next-line typescript/only-throw-error -- the point of this spec
        throw 'just text';
      });
      expect(error).to.be.an.instanceOf(Error);
      expect(error?.message).to.include('just text');
      expect(error?.cause).to.equal('just text');
    });

    for (const [value, called] of WRONG_REPLIES) {
      it(`returning ${titleOf(value)} is a TypeError that says so`, async () => {
        const error = await failsWith(() => value as Reply);
        expect(error).to.be.an.instanceOf(TypeError);
        expect(error).to.include({ code: 'ERR_INVALID_RETURN_VALUE' });
        expect(error?.message).to.include(name).and.to.include('[send, keepopen]').and.to.match(called);
      });
    }

    for (const send of [null, undefined, '', Buffer.alloc(0)]) {
      it(`[${titleOf(send)}, true] sends nothing and goes on`, async () => {
        const serving = await Serving.start(poller, { [name]: () => [send, true] });
        const peer = await serving.connect();
        peer.fin('x');
        const { received, ended } = await peer.over();
        expect({ received: received.length, ended }).to.deep.equal({
          received: name === 'accept' ? 1 : 0,
          ended: true,
        });
        await serving.called('closed 1');
      });
    }

    it('is a warning with its stack when nobody listens by closed', async () => {
      const serving = await Serving.start(poller, { [name]: fail, closed: null });
      const warned = nextWarning();
      const peer = await serving.connect();
      peer.send('x');
      const warning = await warned;
      expect(warning.name).to.equal('EvioWarning');
      expect(warning.message).to.include(name).and.to.include('mine').and.to.include('client 1');
      expect(warning.detail).to.include('failures.spec');
    });
  });
}

overPollers('serve: failures in closed and ticker', (poller) => {
  afterEach(destroyPeers);
  afterEach(stopServings);

  function rejection(serving: Serving): Promise<unknown> {
    return serving.done.then(
      () => expect.fail('serve resolved'),
      (reason: unknown) => reason,
    );
  }

  it('a throw in closed stops the server and rejects; the others are closed', async () => {
    const serving = await Serving.start(poller, { closed: (id) => (id === 2 ? fail() : undefined) });
    const peers = [await serving.connect(), await serving.connect(), await serving.connect()];
    await serving.until(() => serving.addrs.size === 3);
    peers[1]?.fin();
    expect(await rejection(serving)).to.equal(mine);
    expect(serving.errors).to.have.keys([1, 2, 3]);
    for (const peer of peers) await peer.over();
  });

  it('when closed throws for everybody, the first error counts, and everybody is told', async () => {
    const serving = await Serving.start(poller, {
      closed: (id) => {
        throw new Error(`of ${id}`);
      },
    });
    const peer = await serving.connect();
    await serving.connect();
    await serving.until(() => serving.addrs.size === 2);
    peer.fin();
    expect(await rejection(serving))
      .to.be.an.instanceOf(Error)
      .with.property('message', 'of 1');
    expect(serving.errors).to.have.keys([1, 2]);
  });

  it('a promise returned by closed is a TypeError', async () => {
    const serving = await Serving.start(poller, { closed: () => Promise.resolve() as unknown as undefined });
    (await serving.connect()).fin();
    expect(await rejection(serving)).to.include({ code: 'ERR_INVALID_RETURN_VALUE' });
  });

  it('a throw in the first call of the ticker rejects, and nobody is accepted', async () => {
    const serving = await Serving.start(poller, { ticker: fail });
    expect(await rejection(serving)).to.equal(mine);
    expect(serving.calls).to.deep.equal([]);
  });

  it('a throw in a later call of the ticker rejects; every client is closed without an error', async () => {
    let well = true;
    const serving = await Serving.start(poller, { ticker: () => well || fail() });
    const peer = await serving.connect();
    await serving.called('accept 1');
    well = false;
    peer.send('x');
    expect(await rejection(serving)).to.equal(mine);
    expect(serving.errors).to.deep.equal(new Map([[1, undefined]]));
  });

  for (const value of [undefined, null, 0, 1, '', 'yes', {}, Promise.resolve(true)]) {
    it(`a ticker that returns ${titleOf(value)} is a TypeError that says so`, async () => {
      const serving = await Serving.start(poller, { ticker: () => value as boolean });
      await serving.until(() => serving.ticks > 0);
      const error = await Promise.race([rejection(serving), turns(100)]);
      expect(error, 'rejection').to.be.an.instanceOf(TypeError);
      expect(error).to.include({ code: 'ERR_INVALID_RETURN_VALUE' });
      expect((error as Error).message)
        .to.include('ticker')
        .and.to.include('boolean');
    });
  }
});

overPollers('serve: failures in async callbacks', (poller) => {
  for (const name of ['accept', 'handle'] as const) {
    it(`an async ${name} that throws closes its client, and the process lives`, async () => {
      const callbacks = name === 'accept' ? 'null, fail' : 'fail, null';
      const { code, stderr, stdout } = await runModule(`
        import { connect } from 'node:net';
        import { mkdtempSync } from 'node:fs';
        import { serve } from 'evio';
        const path = mkdtempSync('/tmp/evio-') + '/s';
        const over = new AbortController();
        const fail = async () => { throw new Error('mine'); };
        const done = serve('unix', path, ${callbacks}, (id, error) => {
          console.log(error.message);
          setTimeout(() => over.abort(), 20);
        }, () => { client ??= connect(path).on('error', () => {}); client.write('x'); return true; }, undefined,
          { poller: '${poller}', signal: over.signal });
        let client;
        await done;
        client.destroy();
        console.log('alive');
      `);
      expect(stdout).to.match(/a promise: callbacks are synchronous\nalive/);
      expect({ code, stderr: stderr.includes('UnhandledRejection') }).to.deep.equal({
        code: 0,
        stderr: false,
      });
    });
  }
});
