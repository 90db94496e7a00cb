// netcat that is stopped, killed or cut off by its pipe: its connection ends once, and nobody else notices.

import { expect } from 'chai';
import type { Connection, Server } from 'evio';
import { firstValueFrom } from 'rxjs';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { codeOf, connectTo, journalOf, steady, until } from '../../support/connections.js';
import type { Journal } from '../../support/connections.js';
import { destroyPeers } from '../../support/peer.js';
import type { Peer } from '../../support/peer.js';
import { Running, endProcesses, run } from '../../support/processes.js';
import { closeServers, listening, portOf } from '../../support/servers.js';
import { overPollersWith } from '../../support/tools.js';

/** A client that was there before, whom nothing may happen to. */
async function witness(server: Server): Promise<Peer> {
  const accepted = firstValueFrom(server.connections$);
  const peer = await connectTo(server);
  const connection = await accepted;
  connection.data$.subscribe(connection);
  return peer;
}

async function isUntouched(peer: Peer): Promise<void> {
  peer.fin('still here');
  const { received, ended } = await peer.over();
  expect([String(received), ended]).to.deep.equal(['still here', true]);
}

/** Writes as much as the other side takes, until the connection is over. */
function pump(connection: Connection): void {
  const bytes = pattern(64 * KIB);
  const fill = (): void => {
    while (connection.write(bytes));
  };
  connection.drained$.subscribe(fill);
  fill();
}

/** The end of a client that has been killed: the kernel sends FIN, or RST where it has not read everything. */
function expectOneEnd({ events, errors }: Journal): void {
  expect(events.filter((event) => event === 'closed$')).to.have.length(1);
  expect(events.filter((event) => event === 'disconnected$')).to.have.length(1);
  expect(codeOf(errors[0])).to.be.oneOf([undefined, 'ECONNRESET', 'EPIPE']);
}

overPollersWith('nc', 'a client that is interrupted', (poller) => {
  afterEach(endProcesses);
  afterEach(destroyPeers);
  afterEach(closeServers);

  const netcat = (server: Server): Running => new Running('nc', ['-N', '127.0.0.1', String(portOf(server))]);

  it('that is killed while it sends ends its own connection, with the bytes that came', async () => {
    const server = await listening(poller);
    const other = await witness(server);
    const accepted = firstValueFrom(server.connections$);
    const { child } = netcat(server);
    const bytes = pattern(32 * MIB, 41);
    child.stdin?.write(bytes);
    const connection = await accepted;
    const journal = journalOf(server, connection);
    const received: Buffer[] = [];
    let size = 0;
    connection.data$.subscribe((data) => {
      received.push(data);
      size += data.length;
      if (size > 256 * KIB) child.kill('SIGKILL');
    });
    await journal.over;
    expectOneEnd(journal);
    expect(size).to.be.within(256 * KIB, bytes.length - 1);
    expect(hash(received)).to.equal(hash(bytes.subarray(0, size)));
    await isUntouched(other);
  });

  it('that is killed while it receives ends its own connection, and what is queued for it', async () => {
    const server = await listening(poller);
    const other = await witness(server);
    const accepted = firstValueFrom(server.connections$);
    const { child } = netcat(server);
    const connection = await accepted;
    const journal = journalOf(server, connection);
    child.stdout?.pause();
    pump(connection);
    await until(() => connection.bytesQueued >= MIB);
    await steady(() => connection.bytesWritten - connection.bytesQueued);
    child.kill('SIGKILL');
    await journal.over;
    expectOneEnd(journal);
    expect(connection.bytesQueued).to.equal(0);
    await isUntouched(other);
  });

  it('that is stopped pushes back, and gets every byte when it goes on', async () => {
    const server = await listening(poller, { maxQueuedBytes: Infinity });
    const other = await witness(server);
    const accepted = firstValueFrom(server.connections$);
    const { child, ended } = netcat(server);
    const connection = await accepted;
    connection.data$.subscribe(connection);
    child.kill('SIGSTOP');
    const bytes = pattern(12 * MIB, 42);
    connection.write(bytes);
    expect(await steady(() => connection.bytesQueued)).to.be.above(0);
    child.kill('SIGCONT');
    child.stdin?.end();
    const { code, stdout } = await ended;
    expect([code, hash(Buffer.from(stdout, 'latin1'))]).to.deep.equal([0, hash(bytes)]);
    await isUntouched(other);
  });

  it('that is stopped and then killed ends its connection', async () => {
    const server = await listening(poller);
    const accepted = firstValueFrom(server.connections$);
    const { child } = netcat(server);
    const connection = await accepted;
    const journal = journalOf(server, connection);
    child.kill('SIGSTOP');
    pump(connection);
    await steady(() => connection.bytesWritten - connection.bytesQueued);
    expect(journal.events).to.deep.equal([]);
    child.kill('SIGKILL');
    await journal.over;
    expectOneEnd(journal);
  });

  it('whose pipe is closed early ends the connection: nc | head -c 10', async () => {
    const server = await listening(poller);
    const other = await witness(server);
    const accepted = firstValueFrom(server.connections$);
    const head = run('sh', ['-c', `nc -d 127.0.0.1 ${portOf(server)} | head -c 10 | od -An -tx1`]);
    const connection = await accepted;
    const journal = journalOf(server, connection);
    pump(connection);
    const { stdout } = await head;
    expect(stdout.replaceAll(/\s/g, '')).to.equal(pattern(10).toString('hex'));
    await journal.over;
    expectOneEnd(journal);
    await isUntouched(other);
  });
});
