// How serve ends: by its ticker, by a signal, by an address that cannot be bound.

import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { expect } from 'chai';
import { serve } from 'evio';

import { overPollers } from '../support/pollers.js';
import { destroyPeers } from '../support/peer.js';
import { runModule } from '../support/programs.js';
import { Serving, stopServings } from './serving.js';

overPollers('serve: stopping', (poller) => {
  afterEach(destroyPeers);
  afterEach(stopServings);

  it('by the ticker at once after start, with a client on its way: who was accepted is closed', async () => {
    let ticks = 0;
    const serving = await Serving.start(poller, { ticker: () => ticks++ === 0 });
    const peer = await serving.connect();
    await serving.done;
    await peer.over();
    expect(serving.calls.filter((call) => call.startsWith('accept')).length).to.be.at.most(1);
    expect(serving.errors.size).to.equal(serving.addrs.size);
  });

  it('by a signal: every client is closed without an error, and it resolves', async () => {
    const serving = await Serving.start(poller);
    const peers = [await serving.connect(), await serving.connect()];
    await serving.until(() => serving.addrs.size === 2);
    serving.abort();
    expect(await serving.done).to.equal(undefined);
    expect(serving.errors).to.deep.equal(
      new Map([
        [1, undefined],
        [2, undefined],
      ]),
    );
    for (const peer of peers) await peer.over();
  });

  for (const name of ['accept', 'handle', 'closed', 'ticker'] as const) {
    it(`by a signal inside ${name}: each client is closed once, and nothing is called behind the end`, async () => {
      const signal = new AbortController();
      let aborted = false;
      const abort = (): void => {
        aborted = true;
        signal.abort();
      };
      let started = false;
      const serving = await Serving.start(poller, {
        options: { signal: signal.signal },
        accept: () => (name === 'accept' && abort(), ['hi', true]),
        handle: (_id, data) => (name === 'handle' && abort(), [data, true]),
        closed: () => void (name === 'closed' && abort()),
        ticker: () => (name === 'ticker' && started && abort(), true),
      });
      started = true;
      // The second may find that nobody listens any more.
      const dialled = await Promise.allSettled([serving.connect(), serving.connect()]);
      const peers = dialled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      for (const peer of peers) peer.fin('x');
      await serving.done;
      expect(aborted).to.equal(true);
      const calls = [...serving.calls];
      for (const id of serving.addrs.keys()) {
        expect(calls.filter((call) => call.startsWith(`closed ${id}`))).to.have.length(1);
      }
      for (const peer of peers) await peer.over();
      expect(serving.calls).to.deep.equal(calls);
    });
  }

  it('by a signal that is aborted before it listens: it resolves on every poller, and calls nobody', async () => {
    const calls: string[] = [];
    const over = new AbortController();
    const done = serve(
      'tcp',
      'localhost:0', // a name takes a while on every poller
      null,
      null,
      () => void calls.push('closed'),
      () => calls.push('ticker') > 0,
      undefined,
      { poller, signal: over.signal },
    );
    over.abort();
    expect(await done).to.equal(undefined);
    expect(calls).to.deep.equal([]);
  });

  it('by a signal that is aborted already: it resolves, and calls nobody', async () => {
    const calls: string[] = [];
    const ticker = (): boolean => calls.push('ticker') > 0;
    const options = { poller, signal: AbortSignal.abort() };
    expect(await serve('tcp', '127.0.0.1:0', null, null, null, ticker, undefined, options)).to.equal(
      undefined,
    );
    expect(calls).to.deep.equal([]);
  });

  it('by a signal right behind the call: it resolves whether it listens already or not', async () => {
    const over = new AbortController();
    const options = { poller, signal: over.signal };
    const done = serve('tcp', '127.0.0.1:0', null, null, null, null, undefined, options);
    over.abort();
    expect(await done).to.equal(undefined);
  });

  it('cuts off answers that a client does not read', async () => {
    const serving = await Serving.start(poller, { handle: () => [Buffer.alloc(8_000_000), true] });
    const peer = await serving.connect();
    peer.stopReading();
    peer.send('x');
    await serving.called('handle 1 x');
    await serving.stop();
    expect(serving.calls.at(-1)).to.equal('closed 1');
  });

  it('leaves its address free at once', async () => {
    const serving = await Serving.start(poller);
    const { port } = serving;
    const peer = await serving.connect();
    peer.send('x');
    await peer.receives('x');
    await serving.stop();
    const again = await Serving.start(poller, { addr: `127.0.0.1:${port}` });
    expect(again.port).to.equal(port);
  });

  it('rejects when the address is in use, with code, address and port, and calls nobody', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as AddressInfo;
    const calls: string[] = [];
    const ticker = (): boolean => calls.push('ticker') > 0;
    const error = await serve('tcp', `127.0.0.1:${port}`, null, null, null, ticker, undefined, {
      poller,
    }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    await new Promise((resolve) => holder.close(resolve));
    expect(error).to.include({ code: 'EADDRINUSE', syscall: 'listen', address: '127.0.0.1', port });
    expect((error as Error).message).to.include(`127.0.0.1:${port}`);
    expect(calls).to.deep.equal([]);
  });

  it('lets the process end by itself', async () => {
    const { code, stdout, stderr } = await runModule(`
      import { serve } from 'evio';
      let ticks = 0;
      await serve('tcp', '127.0.0.1:0', null, null, null, () => ++ticks < 2, undefined, { poller: '${poller}' });
      console.log('served', ticks);
    `);
    expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: 'served 2\n', stderr: '' });
  });

  it('keeps the process alive while it serves', async () => {
    const { code, stdout } = await runModule(`
      import { serve } from 'evio';
      let ticks = 0;
      const ticker = () => ++ticks < 3;
      serve('tcp', '127.0.0.1:0', null, null, null, ticker, undefined, { poller: '${poller}' })
        .then(() => console.log('served', ticks));
    `);
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: 'served 3\n' });
  });
});
