// The memory that native code and JavaScript share, and the memory of users: neither can be pulled from under the other.

import { expect } from 'chai';
import { inPlace } from 'evio/protocols';
import { take } from 'rxjs';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { Inbox } from '../../support/connections.js';
import { conformance } from '../conformance.js';

conformance(
  'the window of reuseInputBuffer and inPlace()',
  (harness) => {
    it('cannot be taken away by a transfer to another thread', async () => {
      const server = await harness.listening({ reuseInputBuffer: true });
      const { peer, connection } = await harness.pair(server);
      const left: number[] = [];
      connection.data$.subscribe((data) => {
        try {
          structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
        } catch {
          // Newer versions of Node throw, older ones copy.
        }
        left.push(data.length);
        connection.write(data);
      });
      peer.send('still here');
      await peer.receives('still here');
      expect(left).to.deep.equal([10]);
    });

    it('may be written, sent, given back and relayed to others', async () => {
      const server = await harness.listening({ reuseInputBuffer: true });
      const one = await harness.pair(server);
      const two = await harness.pair(server);
      const relayed = new Inbox(two.connection.data$);
      one.connection.data$.subscribe((data) => {
        one.connection.send(data).subscribe();
        two.connection.write(data);
        two.connection.unread(data);
      });
      const bytes = pattern(MIB, 18);
      let sent = 0;
      while (sent < bytes.length) {
        one.peer.send(bytes.subarray(sent, (sent += 10_000)));
        await one.peer.until(({ receivedBytes }) => receivedBytes === Math.min(sent, bytes.length));
        await two.peer.until(({ receivedBytes }) => receivedBytes === Math.min(sent, bytes.length));
      }
      await relayed.until(bytes.length);
      for (const got of [one.peer.received, two.peer.received]) expect(hash(got)).to.equal(hash(bytes));
      expect(hash(Buffer.concat(relayed.chunks).sort())).to.equal(hash(Buffer.from(bytes).sort()));
    });

    it('may be written into: an echo beside it sends what has come', async () => {
      const server = await harness.listening({ reuseInputBuffer: true });
      const one = await harness.pair(server);
      one.connection.data$.subscribe(one.connection);
      one.connection.data$.subscribe((data) => data.fill(0));
      one.peer.send('as it came');
      await one.peer.receives('as it came');
      server.data$.subscribe(({ data }) => data.fill(0));
      const two = await harness.pair(server);
      two.connection.data$.subscribe(two.connection);
      two.peer.send('as it came');
      await two.peer.receives('as it came');
    });

    it('behind inPlace() may be written into too, and copies and an echo beside it are of what has come', async () => {
      const server = await harness.listening();
      const { peer, connection } = await harness.pair(server);
      connection.data$.subscribe(connection);
      const inbox = new Inbox(connection.data$);
      connection.data$.pipe(inPlace()).subscribe((data) => data.fill(0));
      peer.send('as it came');
      await peer.receives('as it came');
      expect(inbox.text).to.equal('as it came');
    });

    it('is handed out as Buffers, which are of the bytes that have come and no others', async () => {
      for (const reuseInputBuffer of [false, true]) {
        const server = await harness.listening({ reuseInputBuffer });
        const { peer, connection } = await harness.pair(server);
        const input$ = reuseInputBuffer ? connection.data$ : connection.data$.pipe(inPlace());
        let text = '';
        input$.subscribe((data) => {
          expect([Buffer.isBuffer(data), data.byteLength]).to.deep.equal([true, data.length]);
          expect(
            data.subarray(1).equals(Buffer.from(data.buffer, data.byteOffset + 1, data.length - 1)),
          ).to.equal(true);
          text += data.toString();
        });
        // Another one's bytes lie before and behind them.
        const other = await harness.pair(server);
        other.connection.data$.subscribe();
        for (const part of ['some', ' ', 'thing']) {
          other.peer.send('another');
          peer.send(part);
          other.peer.send('another');
          await harness.turns(2);
        }
        await harness.until(() => text.length === 10);
        expect(text).to.equal('some thing');
      }
    });

    it('behind inPlace() may be written and given back', async () => {
      const server = await harness.listening();
      const { peer, connection } = await harness.pair(server);
      connection.data$.pipe(inPlace(), take(1)).subscribe((data) => {
        connection.write(data.subarray(0, 4));
        connection.unread(data.subarray(4));
      });
      peer.send('head and body');
      await peer.receives('head');
      const others = await harness.pair(server);
      others.connection.data$.subscribe(others.connection);
      others.peer.send('something else');
      await others.peer.receives('something else');
      const inbox = new Inbox(connection.data$);
      await inbox.until(9);
      expect(inbox.text).to.equal(' and body');
    });

    it('may be written to peers who read late: it is copied before it is used again', async () => {
      const server = await harness.listening({ reuseInputBuffer: true, maxQueuedBytes: Infinity });
      const source = await harness.pair(server);
      const sink = await harness.pair(server);
      sink.peer.stopReading();
      source.connection.data$.subscribe((data) => sink.connection.write(data));
      const bytes = pattern(24 * MIB, 19);
      source.peer.fin(bytes);
      while (source.connection.bytesRead < bytes.length) await harness.turns(1);
      sink.peer.readAgain();
      await sink.peer.until(({ receivedBytes }) => receivedBytes === bytes.length);
      expect(hash(sink.peer.received)).to.equal(hash(bytes));
    });
  },
  ['epoll', 'kqueue', 'simulated'], // `net` has no window: Node allocates every chunk
);

conformance('bytes that were written', (harness) => {
  it('may be transferred away afterwards without harm to the process', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const { peer, connection } = await harness.pair(server);
    peer.stopReading();
    for (const size of [10, 1000, MIB, 16 * MIB]) {
      const bytes = new Uint8Array(size).fill(1);
      connection.write(bytes);
      structuredClone(bytes, { transfer: [bytes.buffer] });
    }
    peer.readAgain();
    connection.end();
    expect((await peer.over()).ended).to.equal(true);
  });

  it('of a detached or emptied buffer are none', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const detached = new Uint8Array(100_000);
    structuredClone(detached, { transfer: [detached.buffer] });
    connection.write(detached);
    connection.write(new Uint8Array(0));
    connection.end('after');
    expect(String((await peer.over()).received)).to.equal('after');
  });
});
