// cork(): what is written stays together until uncork(), over as many turns as that takes.

import { expect } from 'chai';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { codeOf, journalOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

conformance('cork()', (harness) => {
  it('keeps what is written, and uncork() lets it go in order', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.cork();
    connection.write('one ');
    await harness.turns();
    connection.write('two ');
    await harness.settle();
    expect([peer.receivedBytes, connection.bytesQueued, connection.bytesWritten]).to.deep.equal([0, 8, 0]);
    connection.uncork();
    connection.write('three');
    await peer.receives('one two three');
    await harness.until(() => connection.bytesWritten === 13);
    expect(connection.bytesQueued).to.equal(0);
  });

  it('may be nested: the last uncork() counts, and one too many is nothing', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    connection.uncork();
    connection.cork();
    connection.cork();
    connection.write('x');
    connection.uncork();
    await harness.settle();
    expect(peer.receivedBytes).to.equal(0);
    connection.uncork();
    connection.uncork();
    await peer.receives('x');
    connection.write('y');
    await peer.receives('xy');
  });

  it('does not keep end() from sending everything', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const bytes = pattern(MIB, 3);
    connection.cork();
    connection.write(bytes);
    connection.end('last');
    const { received, ended } = await peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash([bytes, Buffer.from('last')])]);
  });

  it('does not lift the limits: write() is false above highWaterMark, and too much closes', async () => {
    const server = await harness.listening({ highWaterMark: 10, maxQueuedBytes: MIB });
    const { connection } = await harness.pair(server);
    const journal = journalOf(server, connection);
    connection.cork();
    expect(connection.write('12345')).to.equal(true);
    expect(connection.write('678901')).to.equal(false);
    connection.write(pattern(2 * MIB));
    connection.write('over');
    await journal.over;
    expect(codeOf(journal.errors[0])).to.equal('ERR_EVIO_QUEUE_FULL');
  });

  it('completes a send() when the kernel has what was corked', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const events: string[] = [];
    connection.cork();
    connection.send('hello').subscribe({ complete: () => events.push('sent') });
    await harness.settle();
    expect(events).to.deep.equal([]);
    connection.uncork();
    await peer.receives('hello');
    await harness.until(() => events.length > 0);
  });

  it('copies what is only lent', async () => {
    const server = await harness.listening({ reuseInputBuffer: true });
    const { peer, connection } = await harness.pair(server);
    connection.cork();
    connection.data$.subscribe((data) => connection.write(data));
    for (const word of ['one ', 'two ', 'three']) {
      const before = connection.bytesRead;
      peer.send(word);
      await harness.until(() => connection.bytesRead > before);
    }
    connection.uncork();
    await peer.receives('one two three');
  });

  it('is no stall of the peer: writeTimeout does not count what is corked', async () => {
    const server = await harness.listening({ writeTimeout: 50 });
    const { peer, connection } = await harness.pair(server);
    connection.cork();
    connection.write('head');
    await harness.clock.advance(200);
    connection.end('tail');
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['headtail', true]);
  });

  it('on a closed connection does nothing', async () => {
    const server = await harness.listening();
    const { connection } = await harness.pair(server);
    connection.cork();
    connection.write('lost');
    connection.destroy();
    connection.uncork();
    connection.cork();
    connection.uncork();
    expect(connection.bytesQueued).to.equal(0);
  });
});
