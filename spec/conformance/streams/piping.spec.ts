// pipeTo(): two connections as a pair, and neither runs ahead of the other.

import { expect } from 'chai';
import type { Connection, Server } from 'evio';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { codeOf, journalOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Pair } from '../harness.js';

interface Joined {
  readonly server: Server;
  readonly left: Pair;
  readonly right: Pair;
}

/** Two clients of one server, whose connections a spec joins. */
async function two(harness: Harness, options = {}): Promise<Joined> {
  const server = await harness.listening(options);
  return { server, left: await harness.pair(server), right: await harness.pair(server) };
}

conformance('pipeTo()', (harness) => {
  it('carries every byte, and then the end', async () => {
    const { left, right } = await two(harness);
    left.connection.pipeTo(right.connection);
    const bytes = pattern(8 * MIB, 3);
    left.peer.fin(bytes);
    const { received, ended } = await right.peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
  });

  it('both ways is a proxy: each side’s end is the other’s, and both close', async () => {
    const { server, left, right } = await two(harness);
    left.connection.pipeTo(right.connection);
    right.connection.pipeTo(left.connection);
    const question = pattern(MIB, 1);
    const answer = pattern(2 * MIB, 2);
    left.peer.fin(question);
    await right.peer.over();
    expect(hash(right.peer.received)).to.equal(hash(question));
    right.peer.fin(answer);
    const { received, ended } = await left.peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(answer)]);
    await harness.until(() => server.connections.size === 0);
  });

  it('does not read the one while the other is full, and goes on when it has drained', async () => {
    const { left, right } = await two(harness, { highWaterMark: MIB });
    right.peer.stopReading();
    left.connection.pipeTo(right.connection);
    const bytes = pattern(64 * MIB, 4);
    left.peer.fin(bytes);
    const read = await harness.steady(() => left.connection.bytesRead);
    expect(read).to.be.within(MIB, 40 * MIB);
    expect(right.connection.bytesQueued).to.be.within(MIB, 3 * MIB);
    expect(left.peer.unsent).to.be.above(0);
    right.peer.readAgain();
    const { received, ended } = await right.peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
  }).timeout(60_000);

  it('goes on reading the other while that is full: its answer has somewhere to go', async () => {
    const { left, right } = await two(harness, { highWaterMark: MIB });
    right.peer.stopReading();
    left.connection.pipeTo(right.connection);
    right.connection.pipeTo(left.connection);
    left.peer.send(pattern(64 * MIB, 4));
    await harness.steady(() => left.connection.bytesRead);
    right.peer.send('an answer');
    await left.peer.receives('an answer');
  }).timeout(60_000);

  it('waits for one that something else has filled, before they were joined or since', async () => {
    for (const since of [false, true]) {
      const { left, right } = await two(harness, { highWaterMark: MIB, maxQueuedBytes: 2 * MIB });
      right.peer.stopReading();
      if (since) left.connection.pipeTo(right.connection);
      const filling = pattern(32 * MIB, 5);
      right.connection.write(filling);
      if (!since) left.connection.pipeTo(right.connection);
      left.peer.send('behind it');
      await harness.settle();
      expect(left.connection.bytesRead).to.equal(0);
      right.peer.readAgain();
      await right.peer.until(({ receivedBytes }) => receivedBytes >= filling.length + 9);
      expect(hash(right.peer.received)).to.equal(hash(Buffer.concat([filling, Buffer.from('behind it')])));
    }
  }).timeout(60_000);

  it('holds nobody else up', async () => {
    const { server, left, right } = await two(harness, { highWaterMark: MIB });
    right.peer.stopReading();
    left.connection.pipeTo(right.connection);
    left.peer.send(pattern(64 * MIB, 4));
    await harness.steady(() => left.connection.bytesRead);
    const other = await harness.pair(server);
    other.connection.data$.subscribe(other.connection);
    other.peer.send('alive');
    await other.peer.receives('alive');
  }).timeout(60_000);

  it('passes a failure on as a reset: a stream that was cut off does not look whole', async () => {
    const { left, right } = await two(harness);
    left.connection.pipeTo(right.connection);
    left.peer.send('the first half');
    await right.peer.receives('the first half');
    left.peer.reset();
    expect(codeOf((await right.peer.over()).error)).to.equal('ECONNRESET');
  });

  it('closes the one that is read when the other has gone', async () => {
    const { server, left, right } = await two(harness);
    const journal = journalOf(server, left.connection, { reading: false });
    left.connection.pipeTo(right.connection);
    right.connection.destroy(new Error('no room'));
    await journal.over;
    expect(journal.errors.map(codeOf)).to.deep.equal(['no room', 'no room']);
    await left.peer.over();
  });

  it('resets the one that is read when the other has failed, also before they were joined', async () => {
    const { left, right } = await two(harness);
    right.connection.destroy(new Error('no room'));
    left.connection.pipeTo(right.connection);
    expect(codeOf((await left.peer.over()).error)).to.equal('ECONNRESET');
  });

  it('to one that has gone loses nothing that the one that is read has still to send', async () => {
    const server = await harness.listening({ halfOpen: true, maxQueuedBytes: Infinity });
    const [one, gone] = (await harness.pairs(server, 2)) as [Pair, Pair];
    gone.connection.destroy();
    one.connection.data$.subscribe();
    one.peer.stopReading();
    one.peer.fin();
    const bytes = pattern(16 * MIB, 9);
    one.connection.end(bytes);
    await harness.settle();
    one.connection.pipeTo(gone.connection);
    one.peer.readAgain();
    const { received, ended } = await one.peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
  });

  it('with end: false leaves the other open', async () => {
    const { left, right } = await two(harness);
    left.connection.pipeTo(right.connection, { end: false });
    left.peer.fin('part one, ');
    await right.peer.receives('part one, ');
    await harness.settle();
    right.connection.end('part two');
    expect(String((await right.peer.over()).received)).to.equal('part one, part two');
  });

  it('is taken apart by unsubscribing, which closes neither and loses nothing', async () => {
    const { server, left, right } = await two(harness);
    const pipe = left.connection.pipeTo(right.connection);
    left.peer.send('piped');
    await right.peer.receives('piped');
    pipe.unsubscribe();
    left.peer.send('later');
    await harness.settle();
    expect([String(right.peer.received), server.connections.size]).to.deep.equal(['piped', 2]);
    const rest = valuesOf(left.connection.data$);
    await harness.until(() => rest.length > 0);
    expect(String(rest[0])).to.equal('later');
  });

  it('taken apart while it waits, lets the one be read again', async () => {
    const { left, right } = await two(harness, { highWaterMark: MIB });
    right.peer.stopReading();
    const pipe = left.connection.pipeTo(right.connection);
    left.peer.send(pattern(64 * MIB, 4));
    const stopped = await harness.steady(() => left.connection.bytesRead);
    pipe.unsubscribe();
    left.connection.data$.subscribe();
    await harness.until(() => left.connection.bytesRead > stopped + MIB);
  }).timeout(60_000);

  it('to several gives each every byte, at the pace of the slowest', async () => {
    const { server, left, right } = await two(harness, { highWaterMark: MIB });
    const third = await harness.pair(server);
    left.connection.pipeTo(right.connection);
    left.connection.pipeTo(third.connection);
    const bytes = pattern(32 * MIB, 6);
    right.peer.stopReading();
    left.peer.fin(bytes);
    await harness.steady(() => third.peer.receivedBytes);
    expect(third.peer.receivedBytes).to.be.below(bytes.length);
    right.peer.readAgain();
    for (const { peer } of [right, third]) {
      const { received, ended } = await peer.over();
      expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
    }
  }).timeout(60_000);

  it('refuses what is no other connection', async () => {
    const { left } = await two(harness);
    for (const wrong of [undefined, null, {}, left.connection]) {
      expect(() => left.connection.pipeTo(wrong as Connection)).to.throw(TypeError, 'pipeTo');
    }
  });
});
