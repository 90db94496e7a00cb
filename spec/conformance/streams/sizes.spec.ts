// From one byte to 64 MiB, as bytes and as text, in one turn and over turns, to peers that read at once and to those
// that are slow: all of it arrives in order, and every send() completes once.

import { expect } from 'chai';
import type { Connection } from 'evio';

import { KIB, MIB, pattern } from '../../support/bytes.js';
import { conformance } from '../conformance.js';
import type { Harness, Peer } from '../harness.js';

const SIZES = [1, 2, 1000, 64 * KIB - 1, 64 * KIB + 1, MIB, 64 * MIB] as const;

/** Characters of one, two, three and four bytes. */
const ALPHABET = 'aé世🌍';

function text(bytes: number): string {
  const one = Buffer.byteLength(ALPHABET);
  return ALPHABET.repeat(Math.floor(bytes / one)) + 'x'.repeat(bytes % one);
}

/** Takes what has come, a bit at a time and with pauses, until there is so much of it. */
async function readSlowly(harness: Harness, peer: Peer, bytes: number): Promise<void> {
  while (peer.receivedBytes < bytes && !peer.isOver) {
    peer.readAgain();
    await harness.turns(20);
    peer.stopReading();
    await harness.turns(5);
  }
}

async function receivesExactly(peer: Peer, bytes: readonly Uint8Array[]): Promise<void> {
  const length = bytes.reduce((sum, part) => sum + part.length, 0);
  await peer.until(({ receivedBytes, isOver }) => receivedBytes >= length || isOver);
  expect(peer.receivedBytes).to.equal(length);
  expect(peer.received.equals(Buffer.concat(bytes))).to.equal(true);
}

/** What each send has told. */
function sendAll(connection: Connection, all: readonly (Uint8Array | string)[]): string[][] {
  return all.map((bytes) => {
    const told: string[] = [];
    connection.send(bytes).subscribe({
      next: () => told.push('next'),
      error: (error: Error) => told.push(error.message),
      complete: () => told.push('complete'),
    });
    return told;
  });
}

conformance('what is written arrives whole', (harness) => {
  for (const size of SIZES) {
    it(`as a string of ${size} B, and its send() completes once`, async () => {
      const server = await harness.listening({ maxQueuedBytes: Infinity });
      const { peer, connection } = await harness.pair(server);
      const sent = text(size);
      const told = sendAll(connection, [sent]);
      await receivesExactly(peer, [Buffer.from(sent)]);
      await harness.until(() => connection.bytesQueued === 0);
      expect(told).to.deep.equal([['next', 'complete']]);
      expect(connection.bytesWritten).to.equal(size);
    });
  }

  it('as 64 MiB of bytes, to a peer that reads slowly', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(64 * MIB, 31);
    peer.stopReading();
    const told = sendAll(connection, [bytes]);
    await readSlowly(harness, peer, bytes.length);
    await receivesExactly(peer, [bytes]);
    await harness.until(() => connection.bytesQueued === 0);
    expect(told).to.deep.equal([['next', 'complete']]);
  });
});

/** Small between large ones, each more than once, strings and bytes. */
const MIXED: readonly (Uint8Array | string)[] = [
  ...[1, 2 * MIB, 7, 64 * KIB, 64 * KIB + 1, 100, 0, 3 * MIB, 1, 1, 20_000, MIB, 13],
].flatMap((size, i) => [pattern(size, i + 1), text(size % 100_000)]);
const MIXED_BYTES = MIXED.map((bytes) => Buffer.from(bytes));

/** How the writing is spread over turns: what happens behind each write. */
const paces: Readonly<Record<string, (harness: Harness, i: number) => Promise<void> | undefined>> = {
  'in one turn': () => undefined,
  'one a turn': (harness) => harness.turns(1),
  'some a turn': (harness, i) => (i % 3 === 0 ? harness.turns(2) : undefined),
  'some behind a promise': (_, i) => (i % 2 === 0 ? Promise.resolve() : undefined),
};

/** How the other side reads. */
const readers: Readonly<Record<string, (harness: Harness, peer: Peer, bytes: number) => Promise<void>>> = {
  'a peer that reads': async () => {},
  'a peer that reads slowly': readSlowly,
  'a peer that reads late': async (harness, peer) => {
    await harness.settle();
    peer.readAgain();
  },
};

conformance(
  'writes of mixed sizes arrive in order, and each send() completes once in that order',
  (harness) => {
    for (const [pace, wait] of Object.entries(paces)) {
      for (const [reader, read] of Object.entries(readers)) {
        it(`${pace}, to ${reader}`, async () => {
          const server = await harness.listening({ maxQueuedBytes: Infinity, highWaterMark: 64 * KIB });
          const { peer, connection } = await harness.pair(server);
          if (reader !== 'a peer that reads') peer.stopReading();
          const order: number[] = [];
          let told = 0;
          for (const [i, bytes] of MIXED.entries()) {
            if (i % 2 === 0) {
              connection.send(bytes).subscribe({ next: () => order.push(i), complete: () => (told += 1) });
            } else {
              connection.write(bytes);
            }
            const waiting = wait(harness, i);
            if (waiting !== undefined) await waiting;
          }
          const length = MIXED_BYTES.reduce((sum, part) => sum + part.length, 0);
          await read(harness, peer, length);
          peer.readAgain();
          await receivesExactly(peer, MIXED_BYTES);
          await harness.until(() => connection.bytesQueued === 0);
          await harness.turns();
          // One of nothing has nothing to wait for.
          const waited = (i: number): boolean => MIXED_BYTES[i]!.length > 0;
          const sends = [...MIXED.keys()].filter((i) => i % 2 === 0);
          expect(order.filter(waited)).to.deep.equal(sends.filter(waited));
          expect([order.length, told]).to.deep.equal([sends.length, sends.length]);
        });
      }
    }
  },
);
