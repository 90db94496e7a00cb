// The contract of src/poller/poller.ts, asked of the pollers themselves.

import { expect } from 'chai';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { withUncaught } from '../../support/uncaught.js';
import { Direct } from './direct.js';
import { conformance } from '../conformance.js';
import type { Peer } from '../harness.js';

conformance('the contract', (harness) => {
  let direct: Direct;
  beforeEach(async () => {
    direct = new Direct(harness);
    await direct.listen();
  });
  afterEach(() => {
    direct.close();
    expect(direct.offences).to.deep.equal([]);
  });

  /** Waits for an event of the journal. */
  const noted = async (event: string): Promise<void> => {
    while (!direct.journal.includes(event)) await harness.turns(1);
  };
  const client = async (): Promise<Peer> => {
    direct.listener.accept(true);
    const number = direct.streams.length;
    const peer = await direct.connect(harness);
    await noted(`${number} accepted`);
    return peer;
  };

  it('accepts only when told, reads only when told', async () => {
    const peer = await direct.connect(harness);
    peer.send('hello');
    await harness.settle();
    expect(direct.journal).to.deep.equal([]);
    direct.listener.accept(true);
    await noted('0 accepted');
    await harness.settle();
    expect(direct.journal).to.deep.equal(['0 accepted']);
    direct.streams[0]?.read(true);
    await noted('0 data');
    expect(String(direct.received[0])).to.equal('hello');
  });

  it('reports the end after the last byte, once, and then nothing', async () => {
    const peer = await client();
    const bytes = pattern(3 * MIB);
    direct.streams[0]?.read(true);
    peer.fin(bytes);
    await noted('0 ended');
    direct.streams[0]?.read(false);
    direct.streams[0]?.read(true);
    await harness.turns();
    expect(hash(direct.received[0] ?? Buffer.alloc(0))).to.equal(hash(bytes));
    expect(direct.journal.indexOf('0 ended')).to.equal(direct.journal.length - 1);
  });

  it('counts what the kernel has taken, exactly', async () => {
    const peer = await client();
    const stream = direct.streams[0];
    const sizes = [1, 100, 70 * KIB, 1, MIB, 20_000];
    for (const size of sizes) stream?.write(pattern(size), 0, size);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    await peer.until(({ receivedBytes }) => receivedBytes === total);
    await harness.turns();
    expect([direct.flushed[0], stream?.queued()]).to.deep.equal([total, 0]);
  });

  it('tells what is queued, offering the kernel what is pending first', async () => {
    const peer = await client();
    const stream = direct.streams[0];
    stream?.write(pattern(100), 0, 100);
    expect(stream?.queued()).to.equal(0);
    peer.stopReading();
    const bytes = pattern(48 * MIB);
    stream?.write(bytes, 0, bytes.length);
    expect(stream?.queued()).to.be.within(MIB, bytes.length);
    peer.readAgain();
    await peer.until(({ receivedBytes }) => receivedBytes === bytes.length + 100);
    await harness.turns();
    expect([stream?.queued(), direct.flushed[0]]).to.deep.equal([0, bytes.length + 100]);
  });

  it('writes a part of a buffer', async () => {
    const peer = await client();
    direct.streams[0]?.write(Buffer.from('0123456789'), 3, 6);
    await peer.receives('345');
  });

  it('says nothing of a stream after close() or reset(), and takes nothing for it', async () => {
    for (const end of ['close', 'reset'] as const) {
      const number = direct.streams.length;
      const peer = await client();
      const stream = direct.streams[number];
      stream?.read(true);
      peer.send('x');
      await noted(`${number} data`);
      stream?.write(pattern(8 * MIB), 0, 8 * MIB);
      stream?.[end]();
      const said = direct.journal.length;
      stream?.write(pattern(10), 0, 10);
      stream?.read(true);
      stream?.shutdown();
      stream?.close();
      stream?.reset();
      expect(stream?.queued()).to.equal(0);
      peer.destroy();
      await harness.turns();
      expect(direct.journal.slice(said)).to.deep.equal([]);
    }
  });

  it('lets a stale stream do nothing to the one that has got its descriptor', async () => {
    for (let i = 0; i < 6; i += 2) {
      const old = await client();
      if (i === 2) old.reset();
      else direct.streams[i]?.close();
      direct.streams[i]?.read(true);
      await harness.turns();
      const young = await client();
      const [stale, stream] = [direct.streams[i], direct.streams[i + 1]];
      stream?.read(true);
      stale?.write(pattern(100), 0, 100);
      stale?.write(pattern(MIB), 0, MIB);
      stale?.read(false);
      stale?.shutdown();
      stale?.reset();
      await harness.turns();
      expect(stale?.queued()).to.equal(0);
      young.send('untouched');
      await noted(`${i + 1} data`);
      stream?.write(Buffer.from('as well'), 0, 7);
      await young.receives('as well');
    }
  });

  it('says nothing of a stream that was closed inside an event of another, in the same turn', async () => {
    const peers = [];
    for (let i = 0; i < 30; i++) peers.push(await client());
    for (const stream of direct.streams) stream.read(true);
    const closed = new Set<number>();
    const late: string[] = [];
    for (let i = 0; i < 30; i++) {
      direct.inside.set(`${i} data`, () => {
        if (closed.has(i)) late.push(`${i}`);
        for (let other = 0; other < 30; other++) {
          if (other === i) continue;
          closed.add(other);
          direct.streams[other]?.close();
        }
      });
    }
    for (const peer of peers) peer.fin('x');
    while (direct.journal.filter((event) => event.endsWith('ended')).length < 1) await harness.turns(1);
    await harness.turns();
    expect(late).to.deep.equal([]);
    expect(direct.journal.filter((event) => event.endsWith('data'))).to.have.length(1);
  });

  it('says nothing and accepts nobody after a listener was closed', async () => {
    direct.listener.accept(true);
    direct.listener.close();
    direct.listener.close();
    direct.listener.accept(true);
    direct.listener.ref(false);
    direct.listener.ref(true);
    const error = await direct.connect(harness).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'ECONNREFUSED' });
    expect(direct.journal).to.deep.equal([]);
  });

  it('fails a stream once after a reset, and then nothing', async () => {
    const peer = await client();
    const stream = direct.streams[0];
    stream?.read(true);
    await harness.turns();
    peer.reset();
    await noted('0 failed ECONNRESET');
    stream?.write(pattern(10), 0, 10);
    stream?.read(false);
    stream?.close();
    await harness.turns();
    expect(direct.journal.at(-1)).to.equal('0 failed ECONNRESET');
  });

  it('sends FIN behind what is queued', async () => {
    const peer = await client();
    peer.stopReading();
    const bytes = pattern(16 * MIB);
    direct.streams[0]?.write(bytes, 0, bytes.length);
    direct.streams[0]?.shutdown();
    await harness.steady(() => direct.flushed[0] ?? 0);
    peer.readAgain();
    const { received, ended } = await peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
  });

  it('takes operations inside every event', async () => {
    const says = (text: string) => () => direct.streams[0]?.write(Buffer.from(text), 0, text.length);
    direct.inside.set('0 accepted', () => {
      says('accepted ')();
      direct.streams[0]?.read(true);
    });
    direct.inside.set('0 data', says('data '));
    direct.inside.set('0 ended', () => {
      says('ended')();
      direct.streams[0]?.shutdown();
    });
    const peer = await client();
    peer.fin('x');
    expect(String((await peer.over()).received)).to.equal('accepted data ended');
  });

  it('gives a turn when asked, from outside and from inside of one', async () => {
    let begun = 0;
    direct.inside.set('turnBegin', () => {
      begun += 1;
      if (begun < 5) direct.poller.schedule();
    });
    direct.poller.schedule();
    await harness.until(() => begun === 5);
    await harness.turns();
    expect(begun).to.equal(5);
  });

  it('gives a turn at the time asked for, the latest wish counts, and Infinity is none', async () => {
    const times: number[] = [];
    direct.inside.set('turnBegin', () => times.push(direct.poller.now()));
    const at = direct.poller.now() + 30;
    direct.poller.alarm(at - 25);
    direct.poller.alarm(at);
    await harness.until(() => times.some((time) => time >= at)); // one before it does no harm
    await harness.clock.advance(10);
    const turnsSoFar = times.length;
    direct.poller.alarm(direct.poller.now() + 5);
    direct.poller.alarm(Infinity);
    await harness.clock.advance(20);
    expect(times.length).to.equal(turnsSoFar);
  });

  it('goes on with the turn when one call throws, and the process hears of it', async () => {
    const peers = [await client(), await client(), await client()];
    for (const stream of direct.streams) stream.read(true);
    const heard: string[] = [];
    const fails = (what: string) => () => {
      throw new Error(what);
    };
    for (const what of ['0 data', '1 data', '0 ended', '2 flushed']) direct.inside.set(what, fails(what));
    await withUncaught(async (errors) => {
      direct.streams[2]?.write(Buffer.from('x'), 0, 1);
      for (const peer of peers) peer.fin('x');
      await Promise.all(['0 ended', '1 ended', '2 ended', '2 flushed'].map(noted));
      await harness.until(() => errors.length >= 4);
      heard.push(...errors.map(({ message }) => message));
    });
    expect(heard.sort()).to.deep.equal(['0 data', '0 ended', '1 data', '2 flushed']);
  });
});
