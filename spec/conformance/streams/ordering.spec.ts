// What happens to one connection is told in the order in which it happened, whatever happens to others in between: data,
// then its end, then closed$, then disconnected$; and what is written leaves in the order of writing.

import { expect } from 'chai';
import type { Connection, Server } from 'evio';

import { KIB } from '../../support/bytes.js';
import { conformance } from '../conformance.js';
import type { Harness, Pair } from '../harness.js';

const MANY = 40;

/** One line for everything that is told of a connection. */
function chronicle(server: Server, connection: Connection): string[] {
  const lines: string[] = [];
  connection.closed$.subscribe({ next: () => lines.push('closed$'), complete: () => lines.push('no more') });
  connection.data$.subscribe({
    next: (data) => lines.push(`data ${String(data)}`),
    complete: () => lines.push('ended'),
  });
  server.data$.subscribe((received) => {
    if (received.connection === connection) lines.push(`server ${String(received.data)}`);
  });
  server.disconnected$.subscribe((gone) => {
    if (gone.connection === connection) lines.push('disconnected$');
  });
  return lines;
}

async function prepare(harness: Harness): Promise<{ server: Server; pairs: Pair[]; lines: string[][] }> {
  const server = await harness.listening();
  const pairs = await harness.pairs(server, MANY);
  const lines = pairs.map(({ connection }) => chronicle(server, connection));
  await harness.turns();
  return { server, pairs, lines };
}

const END = ['ended', 'closed$', 'no more', 'disconnected$'];

conformance('in one turn with many others, a connection', (harness) => {
  it('tells its data, its end, closed$ and disconnected$ in that order', async () => {
    const { server, pairs, lines } = await prepare(harness);
    pairs.forEach(({ peer }, i) => peer.fin(`<${i}>`));
    await harness.until(() => server.connections.size === 0);
    lines.forEach((told, i) => expect(told).to.deep.equal([`data <${i}>`, `server <${i}>`, ...END]));
  });

  it('tells its data before the reset that follows', async () => {
    const { server, pairs, lines } = await prepare(harness);
    pairs.forEach(({ peer }, i) => peer.send(`<${i}>`));
    await harness.until(() => lines.every((told) => told.length === 2));
    for (const { peer } of pairs) peer.reset();
    await harness.until(() => server.connections.size === 0);
    lines.forEach((told, i) => expect(told).to.deep.equal([`data <${i}>`, `server <${i}>`, ...END]));
  });

  it('tells chunk after chunk as they were sent', async () => {
    const server = await harness.listening();
    const pairs = await harness.pairs(server, MANY);
    const texts = pairs.map(() => '');
    pairs.forEach(({ connection }, i) => connection.data$.subscribe((data) => (texts[i] += String(data))));
    for (let round = 0; round < 30; round++) {
      // Each round in another order.
      for (let i = 0; i < MANY; i++) pairs[(i * 7 + round * 3) % MANY]!.peer.send(`${round},`);
      if (round % 5 === 0) await harness.turns(1);
    }
    const whole = Array.from({ length: 30 }, (_, round) => `${round},`).join('');
    await harness.until(() => texts.every(({ length }) => length >= whole.length));
    expect(texts).to.deep.equal(pairs.map(() => whole));
  });

  it('tells what is given back inside the data of others before its own of that turn', async () => {
    const server = await harness.listening();
    const pairs = await harness.pairs(server, MANY);
    const texts = pairs.map(() => '');
    let back = false;
    pairs.forEach(({ connection }, i) => {
      connection.data$.subscribe((data) => {
        texts[i] += String(data);
        if (back || !String(data).includes('b')) return;
        back = true;
        pairs.forEach((other, j) => {
          if (j === i) return;
          other.connection.unread(Buffer.from('a'));
          texts[j] = '';
        });
      });
    });
    for (const { peer } of pairs) peer.send('a');
    await harness.until(() => texts.every((text) => text === 'a'));
    for (const { peer } of pairs) peer.send('b');
    await harness.until(() => texts.every((text) => text.includes('b') && text.includes('a')));
    expect(texts).to.deep.equal(pairs.map(() => 'ab'));
  });

  it('tells what is kept by others’ pauses before what comes later', async () => {
    const { pairs, lines } = await prepare(harness);
    for (const { connection } of pairs) {
      connection.data$.subscribe(() => pairs.forEach((other) => other.connection.pause()));
    }
    pairs.forEach(({ peer }) => peer.send('a'));
    await harness.settle();
    pairs.forEach(({ peer }) => peer.fin('b'));
    await harness.settle();
    const over = (): boolean => lines.every((told) => told.includes('disconnected$'));
    await harness.until(() => {
      for (const { connection } of pairs) connection.resume();
      return over();
    });
    for (const told of lines) {
      const data = told.filter((line) => line.startsWith('data ')).map((line) => line.slice(5));
      expect(data.join('')).to.equal('ab');
      expect(told.slice(-4)).to.deep.equal(END);
    }
  });
});

conformance('writes of one turn', (harness) => {
  it('to many connections leave in order for each, whoever wrote them', async () => {
    const server = await harness.listening({ maxQueuedBytes: Infinity });
    const pairs = await harness.pairs(server, MANY);
    const expected = pairs.map(() => [] as Buffer[]);
    // Each connection writes to all when it hears something: small, and now and then what goes past the outbox.
    pairs.forEach(({ connection }, i) => {
      connection.data$.subscribe(() => {
        pairs.forEach((to, j) => {
          const bytes = Buffer.alloc((i + j) % 13 === 0 ? 70 * KIB : 5, `${i}`);
          expected[j]!.push(bytes);
          to.connection.write(bytes);
        });
      });
    });
    for (const { peer } of pairs) peer.send('x');
    await harness.until(() => expected.every(({ length }) => length === MANY));
    for (const [j, { peer }] of pairs.entries()) await peer.receives(Buffer.concat(expected[j]!));
  });

  it('complete their sends in the order of writing, for each connection', async () => {
    const server = await harness.listening();
    const pairs = await harness.pairs(server, MANY);
    const order = pairs.map(() => [] as number[]);
    for (let i = 0; i < 20; i++) {
      pairs.forEach(({ connection }, j) => {
        connection.send(Buffer.alloc(i % 4 === 0 ? 66 * KIB : 10)).subscribe(() => order[j]!.push(i));
      });
    }
    await harness.until(() => order.every(({ length }) => length === 20));
    for (const told of order) expect(told).to.deep.equal(Array.from({ length: 20 }, (_, i) => i));
  });

  it('and the end behind them leave in that order, also by several writers', async () => {
    const server = await harness.listening();
    const pairs = await harness.pairs(server, MANY);
    pairs.forEach(({ connection }) => {
      connection.data$.subscribe((data) => {
        connection.write('[');
        connection.next(data);
        connection.send(data).subscribe();
        connection.end(']');
      });
    });
    pairs.forEach(({ peer }, i) => peer.send(`${i}`));
    for (const [i, { peer }] of pairs.entries()) {
      const { received, ended } = await peer.over();
      expect([String(received), ended]).to.deep.equal([`[${i}${i}]`, true]);
    }
  });
});
