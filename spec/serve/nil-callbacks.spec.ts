// Rule 11: each callback may be null or undefined.

import { expect } from 'chai';
import { serve } from 'evio';

import { overPollers } from '../support/pollers.js';
import { destroyPeers } from '../support/peer.js';
import { Serving, stopServings } from './serving.js';

overPollers('serve: rule 11: callbacks that are null', (poller) => {
  afterEach(destroyPeers);
  afterEach(stopServings);

  it('handle: input is read and dropped, and the end behind it is seen', async () => {
    const serving = await Serving.start(poller, { handle: null });
    const peer = await serving.connect();
    peer.fin(Buffer.alloc(1_000_000));
    expect((await peer.over()).received.length).to.equal(0);
    await serving.called('closed 1');
    expect(serving.calls).to.deep.equal(['accept 1', 'closed 1']);
  });

  it('handle: a wake is harmless', async () => {
    const serving = await Serving.start(poller, {
      handle: null,
      accept: (_id, _addr, wake) => (wake(), ['hi', true]),
    });
    const peer = await serving.connect();
    await peer.receives('hi');
    serving.wakes.get(1)?.();
    peer.fin();
    await serving.called('closed 1');
  });

  it('accept: everybody is accepted', async () => {
    const serving = await Serving.start(poller, { accept: null });
    const peer = await serving.connect();
    peer.fin('x');
    expect((await peer.over()).received.toString()).to.equal('x');
    await serving.called('closed 1');
    expect(serving.calls).to.deep.equal(['handle 1 x', 'closed 1']);
  });

  it('closed: nobody is told', async () => {
    const serving = await Serving.start(poller, { closed: null });
    const [first, second] = [await serving.connect(), await serving.connect()];
    first.fin();
    await first.over();
    second.send('x');
    await second.receives('x');
  });

  it('ticker: it serves until it is told otherwise', async () => {
    const serving = await Serving.start(poller, { ticker: null });
    const peer = await serving.connect();
    peer.send('x');
    await peer.receives('x');
    await serving.stop();
    expect(serving.ticks).to.equal(0);
    expect(serving.calls).to.deep.equal(['accept 1', 'handle 1 x', 'closed 1']);
  });

  it('all of them: it still reads, and still ends', async () => {
    const nothing = { handle: null, accept: null, closed: null, ticker: null };
    const serving = await Serving.start(poller, nothing);
    const peer = await serving.connect();
    peer.fin('into the void');
    expect((await peer.over()).received.length).to.equal(0);
    await serving.stop();
    expect(serving.calls).to.deep.equal([]);
  });

  it('undefined is as good as null', async () => {
    const over = new AbortController();
    const options = { poller, signal: over.signal };
    const done = serve('tcp', '127.0.0.1:0', undefined, undefined, undefined, undefined, undefined, options);
    setImmediate(() => over.abort());
    expect(await done).to.equal(undefined);
  });
});
