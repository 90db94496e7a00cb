// evio's contract of July 2017, rule by rule (features.md 1.2, with the adaptations of design.md 4): rules 9 to 14.

import { execFileSync } from 'node:child_process';

import { expect } from 'chai';

import { hash, pattern } from '../support/bytes.js';
import { overPollers } from '../support/pollers.js';
import { Peer, destroyPeers } from '../support/peer.js';
import { needs } from '../support/tools.js';
import { Serving, stopServings } from './serving.js';

overPollers('serve: rules of the ticker', (poller) => {
  afterEach(destroyPeers);
  afterEach(stopServings);

  it('rule 9: the ticker is called by traffic, within the second', async () => {
    const serving = await Serving.start(poller);
    const peer = await serving.connect();
    // Each answer is the next question; an idle server would take 10 seconds, which is the time-out.
    peer.socket.on('data', (data) => peer.send(data));
    peer.send('x');
    await serving.until(() => serving.ticks >= 11);
    peer.destroy();
  });

  it('rule 9: the ticker is called while nothing happens', async () => {
    const started = performance.now();
    const serving = await Serving.start(poller);
    await serving.until(() => serving.ticks === 2);
    expect(performance.now() - started).to.be.at.least(999);
  });

  it('rule 10: a ticker that says false later closes every client, each told once, and serve resolves', async () => {
    let serve = true;
    const serving = await Serving.start(poller, { ticker: () => serve });
    const peers = await Promise.all([1, 2, 3].map(() => serving.connect()));
    await serving.until(() => serving.addrs.size === 3);
    serve = false;
    expect(await serving.done).to.equal(undefined);
    for (const peer of peers) await peer.over();
    expect(serving.calls.slice(3)).to.have.members(['closed 1', 'closed 2', 'closed 3']);
    await Peer.toPort(serving.port).then(
      () => expect.fail('somebody still listens'),
      (error: NodeJS.ErrnoException) => expect(error.code).to.equal('ECONNREFUSED'),
    );
  });

  it('rule 10: input that waits when the ticker says false is lost, and nothing is handled behind closed', async () => {
    let serve = true;
    const serving = await Serving.start(poller, {
      ticker: () => serve,
      handle: () => {
        serve = false;
        return [null, true];
      },
    });
    const peers = await Promise.all([1, 2, 3, 4].map(() => serving.connect()));
    await serving.until(() => serving.addrs.size === 4);
    for (const peer of peers) peer.send(Buffer.alloc(64 * 1024));
    await serving.done;
    for (const id of [1, 2, 3, 4]) {
      const calls = serving.calls.filter((call) => call.split(' ')[1] === String(id));
      expect(calls.filter((call) => call.startsWith('closed'))).to.deep.equal([`closed ${id}`]);
      expect(calls.at(-1)).to.equal(`closed ${id}`);
    }
  });

  it('rule 10: what handle has sent is written, even if the ticker says false in the same turn', async () => {
    let serve = true;
    const serving = await Serving.start(poller, {
      ticker: () => serve,
      handle: () => {
        serve = false;
        // So slow that the next tick is due when this turn ends.
        const until = performance.now() + 20;
        while (performance.now() < until);
        return ['+OK\r\n', true];
      },
    });
    const peer = await serving.connect();
    peer.send('SHUTDOWN\r\n');
    await serving.done;
    expect((await peer.over()).received.toString()).to.equal('+OK\r\n');
  });

  it('rule 10: a flag that handle sets acts at the next tick', async () => {
    let serve = true;
    let refusals = 0;
    const serving = await Serving.start(poller, {
      ticker: () => {
        if (!serve) refusals += 1;
        return serve;
      },
      handle: () => {
        serve = false;
        return [null, true];
      },
    });
    const peer = await serving.connect();
    peer.send('x');
    await serving.done;
    expect(refusals).to.equal(1);
  });
});

overPollers('serve: rules of bytes', (poller) => {
  afterEach(destroyPeers);
  afterEach(stopServings);

  it('rule 12: data may be kept: it is a copy', async () => {
    const kept: Buffer[] = [];
    const serving = await Serving.start(poller, {
      handle: (_id, data) => {
        kept.push(data);
        return [data, true];
      },
    });
    const peer = await serving.connect();
    const sent = pattern(300_000);
    for (let at = 0; at < sent.length; at += 1000) {
      peer.send(sent.subarray(at, at + 1000));
      await peer.until(({ receivedBytes }) => receivedBytes >= at + 1000);
    }
    expect(hash(kept)).to.equal(hash(sent));
  });

  for (const reuseInputBuffer of [false, true]) {
    it(`rule 12: returning data itself is legal (reuseInputBuffer: ${reuseInputBuffer})`, async () => {
      const serving = await Serving.start(poller, { options: { reuseInputBuffer } });
      const sent = [pattern(200_000, 1), pattern(200_000, 2), pattern(200_000, 3)];
      const peers = await Promise.all(sent.map(() => serving.connect()));
      for (const [i, peer] of peers.entries()) peer.send(sent[i] as Buffer);
      for (const [i, peer] of peers.entries()) {
        await peer.until(({ receivedBytes, isOver }) => isOver || receivedBytes >= 200_000);
        expect(hash(peer.received)).to.equal(hash(sent[i] as Buffer));
      }
    });

    it(`rule 12: a part of data may be returned (reuseInputBuffer: ${reuseInputBuffer})`, async () => {
      const serving = await Serving.start(poller, {
        handle: (_id, data) => [data.subarray(1, -1), true],
        options: { reuseInputBuffer },
      });
      const peer = await serving.connect();
      peer.send('(inner)');
      await peer.receives('inner');
    });
  }

  it('rule 12: an empty data means woken: input itself is never empty', async () => {
    let empty = 0;
    const serving = await Serving.start(poller, {
      handle: (_id, data) => {
        if (data.length === 0) empty += 1;
        return [data, true];
      },
    });
    const peer = await serving.connect();
    peer.fin(pattern(100_000));
    expect((await peer.over()).received.length).to.equal(100_000);
    expect(empty).to.equal(0);
  });
});

overPollers('serve: rule 14: socket options', (poller) => {
  afterEach(destroyPeers);
  afterEach(stopServings);

  /** The keep-alive timer of the server's end of a connection in seconds, as the kernel tells it. */
  function keepAliveOf(server: number, peer: Peer): number | undefined {
    const text = execFileSync('ss', [
      '-tnoH',
      'state',
      'established',
      `( sport = :${server} and dport = :${peer.socket.localPort} )`,
    ]).toString();
    const [, minutes, seconds] = /timer:\(keepalive,(?:(\d+)min)?([\d.]+)?/.exec(text) ?? [];
    if (minutes === undefined && seconds === undefined) return undefined;
    return Number(minutes ?? 0) * 60 + Number.parseFloat(seconds ?? '0');
  }

  it('rule 14: keep-alive probes come after 500 s', async function () {
    needs(this, 'ss');
    const serving = await Serving.start(poller);
    const peer = await serving.connect();
    await serving.called('accept 1');
    expect(keepAliveOf(serving.port, peer)).to.be.within(400, 500);
  });

  it('rule 14: keepAlive: 0 turns that off', async function () {
    needs(this, 'ss');
    const serving = await Serving.start(poller, { options: { keepAlive: 0 } });
    const peer = await serving.connect();
    await serving.called('accept 1');
    expect(keepAliveOf(serving.port, peer)).to.equal(undefined);
  });
});
