// Large input that its reader keeps: a poller may read it into memory of its own instead of the window (`keep` of PollerStream). It
// comes and goes with who reads, and nobody can tell but by the memory.

import { expect } from 'chai';
import type { Connection, Server } from 'evio';
import { fixedLength, inPlace, lines } from 'evio/protocols';
import { filter, map } from 'rxjs';
import type { Observable } from 'rxjs';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { Inbox, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

const ways: Readonly<Record<string, (server: Server, connection: Connection) => Observable<Buffer>>> = {
  'connection.data$': (_, connection) => connection.data$,
  'server.data$': (server, one) =>
    server.data$.pipe(
      filter(({ connection }) => connection === one),
      map(({ data }) => data),
    ),
};

conformance('large input that is kept', (harness) => {
  for (const [name, inputOf] of Object.entries(ways)) {
    it(`stays as it came, in memory of its own, through ${name}`, async () => {
      const server = await harness.listening();
      const { peer, connection } = await harness.pair(server);
      const inbox = new Inbox(inputOf(server, connection));
      const bytes = pattern(16 * MIB, 71);
      peer.fin(bytes);
      await inbox.until(bytes.length);
      expect(hash(Buffer.concat(inbox.chunks))).to.equal(hash(bytes));
      // Whoever writes into one writes into no other.
      for (const chunk of inbox.chunks) chunk.fill(0);
      expect(inbox.chunks.every((chunk) => chunk.every((byte) => byte === 0))).to.equal(true);
      const large = inbox.chunks.filter(({ length }) => length >= 64 * KIB);
      expect(new Set(large.map(({ buffer }) => buffer)).size).to.equal(large.length);
    });

    it(`may be given away to another thread, through ${name}`, async () => {
      const server = await harness.listening();
      const { peer, connection } = await harness.pair(server);
      const given: Buffer[] = [];
      let length = 0;
      inputOf(server, connection).subscribe((data) => {
        length += data.length;
        const transfer = data.length < 64 * KIB ? [] : [data.buffer as ArrayBuffer];
        given.push(Buffer.from(structuredClone<Uint8Array>(data, { transfer })));
        if (transfer.length > 0) expect(data.length).to.equal(0);
      });
      const bytes = pattern(16 * MIB, 72);
      peer.fin(bytes);
      await harness.until(() => length === bytes.length);
      expect(hash(Buffer.concat(given))).to.equal(hash(bytes));
    });
  }

  it('is whole and in order when its readers change in the middle', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const { peer, connection } = await harness.pair(server);
    const bytes = Buffer.from(pattern(24 * MIB, 73).toString('base64'));
    peer.fin(bytes);
    const got: Buffer[] = [];
    const keepUntil = async (length: number): Promise<void> => {
      const inbox = new Inbox(connection.data$);
      await harness.until(() => connection.bytesRead >= length || connection.bytesRead === bytes.length);
      inbox.unsubscribe();
      got.push(...inbox.chunks);
    };
    await keepUntil(6 * MIB);
    const before = connection.bytesRead;
    const relayed = connection.data$.subscribe(connection);
    await harness.until(() => connection.bytesRead >= 12 * MIB);
    relayed.unsubscribe();
    const echoed = connection.bytesRead - before;
    await keepUntil(18 * MIB);
    const parsed = connection.data$.pipe(inPlace()).subscribe((data) => got.push(Buffer.from(data)));
    await harness.until(() => connection.bytesRead >= 24 * MIB);
    parsed.unsubscribe();
    await keepUntil(bytes.length);
    await peer.until(({ receivedBytes }) => receivedBytes === echoed);
    const kept = Buffer.concat(got);
    const whole = Buffer.concat([kept.subarray(0, before), peer.received, kept.subarray(before)]);
    expect([whole.length, hash(whole)]).to.deep.equal([bytes.length, hash(bytes)]);
  });

  it('goes to framing operators beside those who keep it', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const inbox = new Inbox(connection.data$);
    let count = 0;
    let length = 0;
    connection.data$.pipe(lines()).subscribe((line) => {
      count += 1;
      length += line.length;
    });
    const bytes = Buffer.from(`${'x'.repeat(999)}\n`.repeat(12_000));
    peer.fin(bytes);
    await inbox.ended;
    expect([count, length]).to.deep.equal([12_000, 12_000 * 999]);
    expect(hash(Buffer.concat(inbox.chunks))).to.equal(hash(bytes));
  });

  it('is not shared by those who keep it and those who parse it', async () => {
    const text = Buffer.from(`${'x'.repeat(99)}\n`.repeat(120_000));
    const spoil: Readonly<Record<string, (data: Buffer) => void>> = {
      'written into': (data) => data.fill(0),
      'given away': (data) => {
        if (data.length >= 64 * KIB) structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
      },
    };
    for (const [how, spoiled] of Object.entries(spoil)) {
      for (const [name, inputOf] of Object.entries(ways)) {
        const server = await harness.listening();
        const { peer, connection } = await harness.pair(server);
        inputOf(server, connection).subscribe(spoiled);
        const parsed = valuesOf(connection.data$.pipe(lines()));
        inputOf(server, connection).subscribe(spoiled);
        const { ended } = new Inbox(connection.data$.pipe(inPlace()));
        peer.fin(text);
        await ended;
        expect([parsed.length, new Set(parsed).size], `${how}, ${name}`).to.deep.equal([120_000, 1]);
      }
    }
  });

  it('is not changed by who changes what he has cut out of it', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const seen = new Inbox(server.data$.pipe(map(({ data }) => data)));
    connection.data$.pipe(fixedLength(1000)).subscribe((frame) => frame.fill(9));
    const bytes = pattern(12_000_000, 77);
    peer.fin(bytes);
    await seen.until(bytes.length);
    expect(hash(Buffer.concat(seen.chunks))).to.equal(hash(bytes));
  });

  it('is not lost when it comes to a connection that pauses', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    let paused = 0;
    const inbox = new Inbox(connection.data$, (data) => {
      if (data.length < 64 * KIB) return;
      connection.pause();
      paused += 1;
      void harness.turns(1).then(() => connection.resume());
    });
    const bytes = pattern(12 * MIB, 74);
    peer.fin(bytes);
    await inbox.until(bytes.length);
    expect(hash(Buffer.concat(inbox.chunks))).to.equal(hash(bytes));
    expect(paused).to.be.greaterThan(0);
  });

  it('goes down with a connection that is closed in the middle, and with no other', async () => {
    const server = await harness.listening();
    const first = await harness.pair(server);
    const second = await harness.pair(server);
    const inbox = new Inbox(second.connection.data$);
    let length = 0;
    first.connection.data$.subscribe((data) => {
      length += data.length;
      if (length > 4 * MIB) first.connection.destroy();
    });
    const bytes = pattern(12 * MIB, 75);
    first.peer.send(pattern(12 * MIB, 76));
    second.peer.fin(bytes);
    await inbox.until(bytes.length);
    expect(hash(Buffer.concat(inbox.chunks))).to.equal(hash(bytes));
  });
});
