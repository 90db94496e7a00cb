// for await (const data of connection): the loop sets the pace.

import { expect } from 'chai';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { codeOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

conformance('iterating over a connection', (harness) => {
  it('gives every byte in order, and ends with the input', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(4 * MIB, 11);
    peer.fin(bytes);
    const chunks: Buffer[] = [];
    for await (const data of connection) chunks.push(data);
    expect(hash(chunks)).to.equal(hash(bytes));
  });

  it('reads no further than it is asked', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    peer.send(pattern(64 * MIB));
    const iterator = connection[Symbol.asyncIterator]();
    await iterator.next();
    expect(await harness.steady(() => connection.bytesRead)).to.be.at.most(128 * KIB);
    expect(peer.unsent).to.be.above(0);
    await iterator.next();
    await iterator.next();
    expect(await harness.steady(() => connection.bytesRead)).to.be.at.most(512 * KIB);
  });

  it('throws when the connection fails', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    peer.send('so far');
    const texts: string[] = [];
    let failure: unknown;
    try {
      for await (const data of connection) {
        texts.push(String(data));
        peer.reset();
      }
    } catch (error) {
      failure = error;
    }
    expect([texts.join(''), codeOf(failure as Error)]).to.deep.equal(['so far', 'ECONNRESET']);
  });

  it('left by break leaves the connection open, and what follows to others', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    peer.send('header');
    for await (const data of connection) {
      expect(String(data)).to.equal('header');
      break;
    }
    peer.send('body');
    await harness.settle();
    const rest = valuesOf(connection.data$);
    await harness.until(() => rest.length > 0);
    expect([String(rest[0]), server.connections.size]).to.deep.equal(['body', 1]);
  });

  it('several times in turn goes on where the last one stopped', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const texts: string[] = [];
    for (const word of ['one', 'two', 'three']) {
      peer.send(word);
      for await (const data of connection) {
        texts.push(String(data));
        break;
      }
    }
    expect(texts).to.deep.equal(['one', 'two', 'three']);
  });

  it('answers calls of next() in the order in which they were made', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const iterator = connection[Symbol.asyncIterator]();
    const results = Promise.all([iterator.next(), iterator.next(), iterator.next()]);
    peer.send('a');
    await harness.until(() => connection.bytesRead === 1);
    peer.fin('b');
    expect((await results).map(({ done, value }) => (done === true ? 'done' : String(value)))).to.deep.equal([
      'a',
      'b',
      'done',
    ]);
    expect((await iterator.next()).done).to.equal(true);
  });

  it('answers a client that sends its request and FIN together, although the loop takes its time', async () => {
    const server = await harness.listening();
    server.connections$.subscribe((connection) => {
      void (async () => {
        for await (const data of connection) {
          await harness.clock.advance(20);
          connection.write(`answer to ${String(data)}`);
        }
      })();
    });
    const peer = await harness.connect(server);
    peer.fin('question');
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['answer to question', true]);
  });

  it('answers what it is at work on when the server closes', async () => {
    const server = await harness.listening();
    let closed: ReturnType<typeof server.close> | undefined;
    server.connections$.subscribe((connection) => {
      void (async () => {
        for await (const data of connection) {
          closed = server.close({ timeout: 5000 });
          await harness.clock.advance(20);
          connection.write(`answer to ${String(data)}`);
        }
      })();
    });
    const peer = await harness.connect(server);
    peer.send('question');
    const { received, ended } = await peer.over();
    peer.fin();
    expect([String(received), ended]).to.deep.equal(['answer to question', true]);
    expect(await closed).to.deep.equal({ drained: 1, forced: 0 });
  });

  it('of a connection that has closed is over at once', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    connection.destroy();
    for await (const data of connection) expect.fail(String(data));
  });
});
