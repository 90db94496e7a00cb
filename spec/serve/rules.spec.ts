// evio's contract of July 2017, rule by rule (features.md 1.2, with the adaptations of design.md 4): rules 1 to 7.

import { expect } from 'chai';

import { overPollers } from '../support/pollers.js';
import { destroyPeers } from '../support/peer.js';
import { Serving, stopServings } from './serving.js';

overPollers('serve: rules of callbacks and ids', (poller) => {
  afterEach(destroyPeers);
  afterEach(stopServings);

  it('rule 1: one call serves until the end, and callbacks never run inside one another', async () => {
    let shutdown = false;
    const serving = await Serving.start(poller, {
      handle: (_id, data) => {
        if (String(data) === 'shutdown') shutdown = true;
        return [data, true];
      },
      accept: (_id, _addr, wake) => {
        wake();
        return ['hello', true];
      },
      ticker: () => !shutdown,
    });
    const peers = await Promise.all(Array.from({ length: 5 }, () => serving.connect()));
    await serving.until(() => serving.calls.filter((call) => /^handle \d $/.test(call)).length === 5);
    peers[0]?.send('x');
    await peers[0]?.receives('hellox');
    peers[1]?.reset();
    peers[2]?.fin();
    await serving.until(() => serving.errors.size === 2);
    peers[0]?.send('shutdown');
    expect(await serving.done).to.equal(undefined);
    expect(serving.errors.size).to.equal(5);
    expect(serving.nested).to.equal(false);
  });

  it('rule 1: ctx is passed through untouched, the same value every time', async () => {
    const ctx = Object.freeze({ mine: true });
    const serving = await Serving.start(poller, { ctx });
    const peer = await serving.connect();
    peer.send('x');
    await peer.receives('x');
    peer.fin();
    await serving.called('closed 1');
    expect(serving.ticks).to.be.at.least(1);
    expect([...serving.contexts]).to.have.members([ctx]);
    expect([...serving.contexts][0]).to.equal(ctx);
  });

  for (const ctx of [undefined, null, 0, '', Number.NaN]) {
    it(`rule 1: ctx may be ${JSON.stringify(ctx) ?? 'undefined'}`, async () => {
      const serving = await Serving.start<unknown>(poller, { ctx });
      const peer = await serving.connect();
      peer.fin('x');
      await serving.called('closed 1');
      expect([...serving.contexts]).to.deep.equal([ctx]);
    });
  }

  it('rule 2: ids are 1, 2, 3 per call, and never used again', async () => {
    const [serving, other] = [await Serving.start(poller), await Serving.start(poller)];
    for (const id of [1, 2, 3]) {
      const peer = await serving.connect();
      await serving.called(`accept ${id}`);
      peer.fin();
      await serving.called(`closed ${id}`);
    }
    await other.connect();
    await other.called('accept 1');
    expect(serving.calls).to.deep.equal([1, 2, 3].flatMap((id) => [`accept ${id}`, `closed ${id}`]));
  });

  it('rule 2: a refused client consumes an id', async () => {
    const serving = await Serving.start(poller, { accept: (id) => [null, id !== 1] });
    const refused = await serving.connect();
    expect((await refused.over()).ended).to.equal(true);
    await serving.connect();
    await serving.called('accept 2');
  });

  it('rule 3: the ticker is called once before anybody is accepted', async () => {
    const order: string[] = [];
    const serving = await Serving.start(poller, {
      ticker: () => {
        order.push('ticker');
        return true;
      },
      accept: () => {
        order.push('accept');
        return [null, true];
      },
    });
    expect(order).to.deep.equal(['ticker']);
    await serving.connect();
    await serving.called('accept 1');
    expect(order[0]).to.equal('ticker');
  });

  it('rule 3: a ticker that says false first ends it: nobody is accepted, nothing is closed', async () => {
    const serving = await Serving.start(poller, { ticker: () => false });
    await serving.done;
    expect(serving.ticks).to.equal(1);
    expect(serving.calls).to.deep.equal([]);
  });

  it('rule 4: accept, its send written, handle, closed exactly once', async () => {
    const serving = await Serving.start(poller, {
      accept: () => ['banner ', true],
      handle: (_id, data) => [data, true],
    });
    const peer = await serving.connect();
    // The banner comes first although the client has not waited for it.
    peer.send('one');
    await peer.receives('banner one');
    peer.fin('two');
    expect((await peer.over()).received.toString()).to.equal('banner onetwo');
    await serving.called('closed 1');
    expect(serving.calls[0]).to.equal('accept 1');
    expect(serving.calls.slice(1, -1).join('').replaceAll('handle 1 ', '')).to.equal('onetwo');
    expect(serving.calls.at(-1)).to.equal('closed 1');
    expect(serving.calls.filter((call) => call.startsWith('closed'))).to.have.length(1);
  });
});

overPollers('serve: rules of the end of a client', (poller) => {
  afterEach(destroyPeers);
  afterEach(stopServings);

  it('rule 5: a refusing accept has its send written, then the connection is closed, and closed is not called', async () => {
    const serving = await Serving.start(poller, { accept: () => ['go away', false] });
    const peer = await serving.connect();
    const { received, ended, error } = await peer.over();
    expect(received.toString()).to.equal('go away');
    expect({ ended, error }).to.deep.equal({ ended: true, error: undefined });
    peer.fin();
    await serving.stop();
    expect(serving.calls).to.deep.equal(['accept 1']);
  });

  it('rule 5: a refused client that goes on sending still gets the send, and is never handled', async () => {
    const serving = await Serving.start(poller, { accept: () => ['go away', false] });
    const peer = await serving.connect();
    peer.send(Buffer.alloc(256 * 1024));
    const { received, ended } = await peer.over();
    expect(received.toString()).to.equal('go away');
    expect(ended).to.equal(true);
    await serving.stop();
    expect(serving.calls).to.deep.equal(['accept 1']);
  });

  it('rule 6: handle that ends the connection has its send written in full, then closed is told nothing', async () => {
    const serving = await Serving.start(poller, {
      handle: (_id, data) => [`${String(data)} and good bye`, false],
    });
    const peer = await serving.connect();
    peer.send('quit');
    const { received, ended, error } = await peer.over();
    expect(received.toString()).to.equal('quit and good bye');
    expect({ ended, error }).to.deep.equal({ ended: true, error: undefined });
    peer.fin();
    await serving.called('closed 1');
    expect(serving.calls).to.deep.equal(['accept 1', 'handle 1 quit', 'closed 1']);
  });

  it('rule 6: input behind the one that ended the connection is not handled', async () => {
    const serving = await Serving.start(poller, { handle: () => ['bye', false] });
    const peer = await serving.connect();
    peer.send('one');
    await peer.over();
    peer.send('two');
    peer.fin('three');
    await serving.called('closed 1');
    expect(serving.calls).to.deep.equal(['accept 1', 'handle 1 one', 'closed 1']);
  });

  it('rule 6: a client that keeps its side open is cut off a while after the send', async () => {
    const serving = await Serving.start(poller, { handle: () => ['bye', false] });
    const peer = await serving.connect();
    peer.send('quit');
    await peer.over();
    await serving.called('closed 1');
    expect(serving.errors.get(1)).to.equal(undefined);
  });

  it('rule 6: a client that resets after it has got everything was closed here, without an error', async () => {
    const serving = await Serving.start(poller, { handle: () => ['bye', false] });
    const peer = await serving.connect();
    peer.send('quit');
    await peer.over();
    peer.reset();
    await serving.until(() => serving.errors.size === 1);
    expect(serving.calls).to.deep.equal(['accept 1', 'handle 1 quit', 'closed 1']);
  });

  it('rule 7: closed is told nothing after the FIN of a client', async () => {
    const serving = await Serving.start(poller);
    const peer = await serving.connect();
    peer.fin();
    await serving.called('closed 1');
    expect(serving.errors).to.deep.equal(new Map([[1, undefined]]));
  });

  it('rule 7: closed is told the errno of a reset', async () => {
    const serving = await Serving.start(poller);
    const peer = await serving.connect();
    await serving.called('accept 1');
    peer.reset();
    await serving.until(() => serving.errors.has(1));
    const error = serving.errors.get(1) as NodeJS.ErrnoException;
    expect(error).to.be.an.instanceOf(Error);
    expect(error).to.include({ code: 'ECONNRESET', syscall: 'read' });
    expect(error.errno).to.be.a('number').below(0);
  });

  it('rule 7: closed is told nothing at shutdown', async () => {
    const serving = await Serving.start(poller);
    await serving.connect();
    await serving.called('accept 1');
    await serving.stop();
    expect(serving.errors).to.deep.equal(new Map([[1, undefined]]));
  });
});
