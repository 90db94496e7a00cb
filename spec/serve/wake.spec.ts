// Rule 8: wake calls handle with nothing, once for however many, and never a stranger.

import { expect } from 'chai';

import { overPollers } from '../support/pollers.js';
import { destroyPeers } from '../support/peer.js';
import { Serving, stopServings } from './serving.js';

/** What handle was given for that client, one text per call. */
function handled(serving: Serving, id: number): string[] {
  const start = `handle ${id} `;
  return serving.calls.filter((call) => call.startsWith(start)).map((call) => call.slice(start.length));
}

overPollers('serve: rule 8: wake', (poller) => {
  afterEach(destroyPeers);
  afterEach(stopServings);

  it('calls handle with nothing, and what that returns is sent', async () => {
    const serving = await Serving.start(poller, {
      handle: (_id, data) => [data.length === 0 ? 'woken' : data, true],
    });
    const peer = await serving.connect();
    await serving.called('accept 1');
    serving.wakes.get(1)?.();
    await peer.receives('woken');
    expect(handled(serving, 1)).to.deep.equal(['']);
  });

  it('never calls handle before it returns', async () => {
    const serving = await Serving.start(poller);
    await serving.connect();
    await serving.called('accept 1');
    serving.wakes.get(1)?.();
    expect(handled(serving, 1)).to.deep.equal([]);
    await serving.called('handle 1 ');
  });

  it('inside accept calls handle after accept, once', async () => {
    const serving = await Serving.start(poller, {
      accept: (_id, _addr, wake) => {
        wake();
        wake();
        return ['banner,', true];
      },
      handle: (_id, data) => [data.length === 0 ? 'woken,' : data, true],
    });
    const peer = await serving.connect();
    await peer.receives('banner,woken,');
    peer.send('x');
    await peer.receives('banner,woken,x');
    expect(serving.calls).to.deep.equal(['accept 1', 'handle 1 ', 'handle 1 x']);
  });

  it('inside a refusing accept does nothing', async () => {
    const serving = await Serving.start(poller, {
      accept: (_id, _addr, wake) => {
        wake();
        return ['no', false];
      },
    });
    const peer = await serving.connect();
    await peer.over();
    peer.fin();
    const next = await serving.connect();
    await next.over();
    expect(serving.calls).to.deep.equal(['accept 1', 'accept 2']);
  });

  it('inside handle calls handle again, in a turn of its own', async () => {
    let turns = 0;
    const serving = await Serving.start(poller, {
      handle: (id, data) => {
        if (data.length > 0 || turns++ < 3) serving.wakes.get(id)?.();
        return [null, true];
      },
    });
    const peer = await serving.connect();
    peer.send('x');
    await serving.until(() => handled(serving, 1).length === 5);
    expect(handled(serving, 1)).to.deep.equal(['x', '', '', '', '']);
    expect(serving.nested).to.equal(false);
  });

  it('inside a handle that ends the connection does nothing', async () => {
    const serving = await Serving.start(poller, {
      handle: (id) => {
        serving.wakes.get(id)?.();
        return [null, false];
      },
    });
    const peer = await serving.connect();
    peer.send('x');
    await peer.over();
    peer.fin();
    await serving.called('closed 1');
    expect(handled(serving, 1)).to.deep.equal(['x']);
  });

  it('coalesces: a thousand wakes are one call', async () => {
    const serving = await Serving.start(poller);
    await serving.connect();
    await serving.called('accept 1');
    for (let i = 0; i < 1000; i++) serving.wakes.get(1)?.();
    await serving.called('handle 1 ');
    await new Promise(setImmediate);
    expect(handled(serving, 1)).to.deep.equal(['']);
    serving.wakes.get(1)?.();
    await serving.until(() => handled(serving, 1).length === 2);
  });

  it('coalesces for each client apart', async () => {
    const serving = await Serving.start(poller);
    for (const id of [1, 2, 3]) {
      await serving.connect();
      await serving.called(`accept ${id}`);
    }
    for (let i = 0; i < 100; i++) for (const wake of serving.wakes.values()) wake();
    await serving.until(() => serving.calls.length === 6);
    expect(serving.calls.slice(3)).to.have.members(['handle 1 ', 'handle 2 ', 'handle 3 ']);
  });

  it('in a storm, handle by handle, starves neither other clients nor timers', async () => {
    const serving = await Serving.start(poller, {
      handle: (id, data) => {
        if (id === 1) serving.wakes.get(1)?.();
        return [data, true];
      },
    });
    const [stormy, calm] = [await serving.connect(), await serving.connect()];
    stormy.send('go');
    await serving.called('handle 1 go');
    calm.send('hello');
    await calm.receives('hello');
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(handled(serving, 1).length).to.be.greaterThan(2);
  });

  it('after the connection has closed does nothing, whoever came since', async () => {
    const serving = await Serving.start(poller);
    const first = await serving.connect();
    await serving.called('accept 1');
    first.fin();
    await serving.called('closed 1');
    const second = await serving.connect();
    await serving.called('accept 2');
    serving.wakes.get(1)?.();
    second.send('x');
    await second.receives('x');
    expect(serving.calls).to.deep.equal(['accept 1', 'closed 1', 'accept 2', 'handle 2 x']);
  });

  it('inside closed does nothing', async () => {
    const serving = await Serving.start(poller, { closed: (id) => serving.wakes.get(id)?.() });
    (await serving.connect()).fin();
    await serving.called('closed 1');
    const next = await serving.connect();
    next.send('x');
    await next.receives('x');
    expect(handled(serving, 1)).to.deep.equal([]);
  });

  it('after the end of serve does nothing', async () => {
    const serving = await Serving.start(poller);
    await serving.connect();
    await serving.called('accept 1');
    await serving.stop();
    const calls = [...serving.calls];
    serving.wakes.get(1)?.();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(serving.calls).to.deep.equal(calls);
  });
});
