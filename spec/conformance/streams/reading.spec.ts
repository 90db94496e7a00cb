// Reading follows subscription to data$: nothing is lost before it, nothing is read without it, nothing comes twice.

import { createRequire } from 'node:module';

import { expect } from 'chai';
import type * as RxJS from 'rxjs';
import { firstValueFrom, take, toArray } from 'rxjs';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { Inbox, pieces } from '../../support/connections.js';
import { conformance } from '../conformance.js';

/** RxJS once more, as when two packages bring a copy each: its classes are strangers to ours. */
function otherRxJS(): typeof RxJS {
  const require = createRequire(import.meta.url);
  for (const file of Object.keys(require.cache)) {
    if (file.includes('/rxjs/')) Reflect.deleteProperty(require.cache, file);
  }
  return require('rxjs') as typeof RxJS;
}

conformance('data$', (harness) => {
  it('loses nothing that came before the first subscription', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    peer.send('before ');
    await harness.settle();
    expect(connection.bytesRead).to.equal(0);
    const inbox = new Inbox(connection.data$);
    peer.send('and after');
    await inbox.until(16);
    expect(inbox.text).to.equal('before and after');
    expect(connection.bytesRead).to.equal(16);
  });

  it('has the bytes of a peer that has left before the first subscription', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    peer.fin('last words');
    await harness.settle();
    const inbox = new Inbox(connection.data$);
    await inbox.ended;
    expect(inbox.text).to.equal('last words');
  });

  it('pushes back on a peer while nobody subscribes', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(64 * MIB);
    peer.send(bytes);
    await harness.steady(() => peer.unsent);
    expect([connection.bytesRead, peer.unsent > 0]).to.deep.equal([0, true]);
    const inbox = new Inbox(connection.data$);
    await inbox.until(bytes.length);
    expect(hash(inbox.chunks)).to.equal(hash(bytes));
  });

  it('stops reading when its last subscriber leaves, and goes on without loss or doubling', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(64 * MIB, 2);
    const chunks: Buffer[] = [];
    const collect = (data: Buffer): void => void chunks.push(data);
    let subscription = connection.data$.subscribe(collect);
    peer.send(bytes);
    while (connection.bytesRead < 4 * MIB) await harness.turns(1);
    subscription.unsubscribe();
    const read = connection.bytesRead;
    await harness.steady(() => peer.unsent);
    expect(connection.bytesRead).to.equal(read);
    expect(peer.unsent).to.be.above(0);
    subscription = connection.data$.subscribe(collect);
    while (connection.bytesRead < bytes.length) await harness.turns(1);
    expect(hash(chunks)).to.equal(hash(bytes));
  });

  it('survives being left and taken inside every callback', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(8 * MIB, 3);
    const chunks: Buffer[] = [];
    let read = 0;
    const again = (): void => {
      const subscription: RxJS.Subscription = connection.data$.subscribe((data) => {
        chunks.push(data);
        read += data.length;
        subscription.unsubscribe();
        if (chunks.length % 3 === 0) void harness.turns(1).then(again);
        else if (chunks.length % 3 === 1) queueMicrotask(again);
        else again();
      });
    };
    again();
    peer.send(bytes);
    while (read < bytes.length) await harness.turns(1);
    expect(hash(chunks)).to.equal(hash(bytes));
  });

  it('gives each firstValueFrom the next bytes', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(2 * MIB, 4);
    peer.send(bytes);
    const chunks: Buffer[] = [];
    for (let read = 0; read < bytes.length;) {
      const data = await firstValueFrom(connection.data$);
      chunks.push(data);
      read += data.length;
    }
    expect(hash(chunks)).to.equal(hash(bytes));
  });

  it('shows the same bytes to all who subscribe in one turn', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    peer.send('x'.repeat(1000));
    await harness.settle();
    const inboxes = [1, 2, 3].map(() => new Inbox(connection.data$));
    for (const inbox of inboxes) await inbox.until(1000);
    for (const inbox of inboxes) expect(inbox.bytes).to.equal(1000);
  });

  it('does not replay: whoever comes later sees what comes later', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const early = new Inbox(connection.data$);
    peer.send('one');
    await early.until(3);
    const late = new Inbox(connection.data$);
    peer.send('two');
    await late.until(3);
    expect([early.text, late.text]).to.deep.equal(['onetwo', 'two']);
  });

  it('goes on for those who stay when one leaves, also inside a callback', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const first = connection.data$.pipe(take(1), toArray());
    const left = firstValueFrom(first);
    const stays = new Inbox(connection.data$);
    peer.send('one');
    await left;
    peer.send('two');
    await stays.until(6);
    expect(stays.text).to.equal('onetwo');
  });

  it('does not tell a subscriber that has left in the middle of a delivery', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const first = new Inbox(connection.data$, () => second.unsubscribe());
    const second = new Inbox(connection.data$);
    peer.send('one');
    await first.until(3);
    expect(second.bytes).to.equal(0);
  });

  it('keeps the order of a stream that comes in pieces of every size', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(512 * KIB, 5);
    const inbox = new Inbox(connection.data$);
    for (const size of [1, 7, 100, 1460, 65_536]) {
      for (const piece of pieces(bytes.subarray(0, size * 100), size)) peer.send(piece);
    }
    const sent = [1, 7, 100, 1460, 65_536].map((size) => bytes.subarray(0, size * 100));
    await inbox.until(sent.reduce((sum, { length }) => sum + length, 0));
    expect(hash(inbox.chunks)).to.equal(hash(sent));
  });

  it('is left for good by an operator of another copy of RxJS, too', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    peer.send('one');
    expect(String(await otherRxJS().firstValueFrom(connection.data$))).to.equal('one');
    peer.send('two');
    await harness.settle();
    const inbox = new Inbox(connection.data$);
    await inbox.until(3);
    expect(inbox.text).to.equal('two');
  });

  it('is the same Observable every time, and never errors', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    expect(connection.data$).to.equal(connection.data$);
    const told: string[] = [];
    connection.data$.subscribe({
      error: () => told.push('error'),
      complete: () => told.push('complete'),
    });
    await harness.turns();
    const closed = firstValueFrom(connection.closed$);
    peer.reset();
    expect((await closed).error).to.include({ code: 'ECONNRESET' });
    connection.data$.subscribe({ complete: () => told.push('complete later') });
    expect(told).to.deep.equal(['complete', 'complete later']);
  });
});

conformance('bytes that a subscriber is given', (harness) => {
  for (const size of [1, 100, 5000, 65_536]) {
    it(`are its own to keep: ${size} B at a time`, async () => {
      const server = await harness.listening();
      const both = await harness.pairs(server, 2);
      const inboxes = both.map(({ connection }) => new Inbox(connection.data$));
      const bytes = both.map((_, i) => pattern(size * 16, i + size));
      for (let at = 0; at < size * 16; at += size) {
        both.forEach(({ peer }, i) => peer.send(bytes[i]?.subarray(at, at + size) ?? ''));
        for (const inbox of inboxes) await inbox.until(at + size);
      }
      inboxes.forEach(({ chunks }, i) => expect(hash(chunks)).to.equal(hash(bytes[i] ?? Buffer.alloc(0))));
    });
  }

  it('keep no more memory alive than a pool of Node, or eight times their length', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const { chunks } = new Inbox(connection.data$);
    const pool = Buffer.allocUnsafe(1).buffer.byteLength;
    for (const size of [1, 1000, 4095, 4096, 5000, 8191, 8192, 20_000]) {
      peer.send(pattern(size));
      await harness.settle();
    }
    expect(chunks.length).to.be.at.least(8);
    for (const { buffer, length } of chunks)
      expect(buffer.byteLength).to.be.at.most(Math.max(pool, 8 * length));
  });

  it('share no memory that a transfer of one to another thread would take from the others', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const inbox = new Inbox(connection.data$);
    const bytes = pattern(40_000, 3);
    for (let at = 0; at < bytes.length; at += 5000) {
      peer.send(bytes.subarray(at, at + 5000));
      await inbox.until(at + 5000);
    }
    const others = inbox.chunks.splice(2); // one of the two has its memory in common with some of these, if any has
    const before = Buffer.concat(others);
    expect(before.length).to.be.at.least(20_000);
    for (const { buffer } of inbox.chunks) {
      try {
        structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
      } catch {
        // Refused by newer versions of Node, copied by older ones.
      }
    }
    expect(Buffer.concat(others).equals(before)).to.equal(true);
  });

  it('with reuseInputBuffer are a window that later turns overwrite', async () => {
    const server = await harness.listening({ reuseInputBuffer: true });
    const { peer, connection } = await harness.pair(server);
    const inbox = new Inbox(connection.data$);
    const seen: string[] = [];
    connection.data$.subscribe((data) => seen.push(String(data)));
    peer.send('first');
    await inbox.until(5);
    peer.send('other');
    await inbox.until(10);
    expect(seen).to.deep.equal(['first', 'other']);
    const [first, other] = inbox.chunks;
    if (harness.name !== 'net') {
      expect(first?.buffer).to.equal(other?.buffer);
      expect(String(first)).to.equal('other');
    }
  });
});
