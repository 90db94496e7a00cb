// What is written arrives: whole, once and in order, from wherever and in whatever size it is written.

import { expect } from 'chai';
import type { Connection } from 'evio';
import { concatMap, firstValueFrom, from, interval, map, take } from 'rxjs';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { pieces } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Peer } from '../harness.js';

async function receivesExactly(peer: Peer, bytes: Buffer): Promise<void> {
  await peer.until(({ receivedBytes, isOver }) => receivedBytes >= bytes.length || isOver);
  expect(peer.receivedBytes).to.equal(bytes.length);
  expect(hash(peer.received)).to.equal(hash(bytes));
}

conformance('write()', (harness) => {
  for (const size of [1, 100, 16 * KIB, 65_535, 65_536, 65_537, 256 * KIB, MIB, 32 * MIB]) {
    it(`sends ${size} B whole`, async () => {
      const server = await harness.listening({ maxQueuedBytes: Infinity });
      const { peer, connection } = await harness.pair(server);
      const bytes = pattern(size, size);
      connection.write(bytes);
      await receivesExactly(peer, bytes);
      await harness.turns();
      expect([connection.bytesWritten, connection.bytesQueued]).to.deep.equal([size, 0]);
    });
  }

  it('sends many small ones of one turn in order', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(50_000, 9);
    for (const piece of pieces(bytes, 3)) connection.write(piece);
    await receivesExactly(peer, bytes);
  });

  it('sends many small ones to many connections in turn, in order', async () => {
    const server = await harness.listening();
    const both = [await harness.pair(server), await harness.pair(server), await harness.pair(server)];
    const bytes = pattern(60_000, 10);
    for (const piece of pieces(bytes, 7)) for (const { connection } of both) connection.write(piece);
    for (const { peer } of both) await receivesExactly(peer, bytes);
  });

  it('keeps the order of small and large ones, with a peer that reads late', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const { peer, connection } = await harness.pair(server);
    peer.stopReading();
    const sizes = [1, 2 * MIB, 10, 70_000, 100, 5 * MIB, 3, 65_536, 64 * KIB - 1, 4 * MIB, 1];
    const all = sizes.map((size, i) => pattern(size, i));
    for (const bytes of all) {
      connection.write(bytes);
      if (bytes.length < 100) await harness.turns(1);
    }
    await harness.clock.advance(10);
    peer.readAgain();
    await receivesExactly(peer, Buffer.concat(all));
  });

  it('sends strings as UTF-8', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.write('Grüße, ');
    connection.write('世界 🌍');
    connection.write('');
    await receivesExactly(peer, Buffer.from('Grüße, 世界 🌍'));
  });

  it('sends a part of a larger buffer, and views of every type of memory', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const large = pattern(1000);
    connection.write(large.subarray(10, 20));
    connection.write(new Uint8Array([1, 2, 3]));
    connection.write(new Uint8Array(new SharedArrayBuffer(4)).fill(7));
    await receivesExactly(peer, Buffer.concat([large.subarray(10, 20), Buffer.from([1, 2, 3, 7, 7, 7, 7])]));
  });

  it('takes nothing but bytes and strings', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    for (const wrong of [undefined, null, 1, {}, [1], new Uint16Array(2), new ArrayBuffer(2)]) {
      expect(() => connection.write(wrong as never))
        .to.throw(TypeError)
        .with.property('code', 'ERR_INVALID_ARG_TYPE');
    }
  });

  it('sends what an observable of its own says', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    interval(1)
      .pipe(
        take(5),
        map((i) => `${i} `),
      )
      .subscribe(connection);
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['0 1 2 3 4 ', true]);
  });

  it('echoes what is given back in the callback, byte for byte', async () => {
    const server = await harness.listening({ reuseInputBuffer: true });
    const { peer, connection } = await harness.pair(server);
    connection.data$.subscribe((data) => connection.write(data));
    const bytes = pattern(8 * MIB, 11);
    peer.send(bytes);
    await receivesExactly(peer, bytes);
  });

  it('after end() is false, and is told once on errors$ as ERR_EVIO_WRITE_AFTER_END', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    const codes: string[] = [];
    server.errors$.subscribe(({ error }) => codes.push((error as NodeJS.ErrnoException).code ?? ''));
    connection.end('bye');
    expect([connection.write('a'), connection.write('b')]).to.deep.equal([false, false]);
    expect(codes).to.deep.equal(['ERR_EVIO_WRITE_AFTER_END']);
  });
});

conformance('send()', (harness) => {
  it('is cold: each subscription sends, none sends nothing', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const hello$ = connection.send('hello ');
    await harness.turns();
    expect(connection.bytesWritten + connection.bytesQueued).to.equal(0);
    await firstValueFrom(hello$);
    await firstValueFrom(hello$);
    await peer.receives('hello hello ');
  });

  it('emits once and completes when the kernel has it all, not before', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const { peer, connection } = await harness.pair(server);
    peer.stopReading();
    const told: string[] = [];
    connection.send(pattern(48 * MIB)).subscribe({
      next: () => told.push('next'),
      complete: () => told.push(`complete ${connection.bytesQueued}`),
    });
    await harness.settle();
    expect(told).to.deep.equal([]);
    peer.readAgain();
    await peer.until(({ receivedBytes }) => receivedBytes === 48 * MIB);
    await harness.turns();
    expect(told).to.deep.equal(['next', 'complete 0']);
  });

  it('sends in order as concatMap(connection.send), one after the other', async () => {
    const server = await harness.listening({ maxQueuedBytes: 0, highWaterMark: 1 });
    const { peer, connection } = await harness.pair(server);
    const all = Array.from({ length: 24 }, (_, i) => pattern(512 * KIB + i, i));
    let most = 0;
    from(all)
      .pipe(
        concatMap((bytes) => {
          most = Math.max(most, connection.bytesQueued);
          return connection.send(bytes);
        }),
      )
      .subscribe({ complete: () => connection.end() });
    const { received } = await peer.over();
    expect(hash(received)).to.equal(hash(all));
    expect(most).to.equal(0);
  });

  it('completes each in the order of sending, between plain writes', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    const order: number[] = [];
    for (const i of [1, 2, 3]) {
      connection.send(pattern(100_000 * i)).subscribe(() => order.push(i));
      connection.write('between');
    }
    while (order.length < 3) await harness.turns(1);
    expect(order).to.deep.equal([1, 2, 3]);
  });

  it('of nothing completes', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    await firstValueFrom(connection.send(''));
  });

  it('may be abandoned: the bytes go on, the rest completes', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.send('abandoned ').subscribe().unsubscribe();
    await firstValueFrom(connection.send('kept'));
    await peer.receives('abandoned kept');
  });

  for (const [how, close, code] of [
    ['closed', (connection: Connection) => connection.destroy(), 'ERR_EVIO_CLOSED'],
    ['ended', (connection: Connection) => connection.end(), 'ERR_EVIO_WRITE_AFTER_END'],
  ] as const) {
    it(`errors when the connection is ${how}`, async () => {
      const server = await harness.listening();
      server.errors$.subscribe();
      const { connection } = await harness.pair(server);
      close(connection);
      const error = await firstValueFrom(connection.send('x')).catch((thrown: unknown) => thrown);
      expect(error).to.include({ code });
    });
  }

  it('errors when the peer resets before it is all sent', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const { peer, connection } = await harness.pair(server);
    connection.data$.subscribe();
    peer.stopReading();
    const sent = firstValueFrom(connection.send(pattern(48 * MIB))).catch((thrown: unknown) => thrown);
    await harness.turns();
    peer.reset();
    expect(await sent).to.include({ code: 'ERR_EVIO_CLOSED' });
  });

  it('errors for anything but bytes and strings', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    const error = await firstValueFrom(connection.send(1 as never)).catch((thrown: unknown) => thrown);
    expect(error).to.be.an.instanceof(TypeError).with.property('code', 'ERR_INVALID_ARG_TYPE');
  });
});
