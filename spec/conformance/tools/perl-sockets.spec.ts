// What only a client with the system's own socket calls can do: linger, half of a shutdown, one byte in each segment.

import { expect } from 'chai';
import type { Connection, Server } from 'evio';
import { firstValueFrom } from 'rxjs';

import { KIB, hash, pattern } from '../../support/bytes.js';
import { Inbox, codeOf, journalOf, steady } from '../../support/connections.js';
import { endProcesses } from '../../support/processes.js';
import { closeServers, listening } from '../../support/servers.js';
import { overPollersWith } from '../../support/tools.js';
import { PerlClient } from './perl-client.js';

interface Connected {
  readonly server: Server;
  readonly client: PerlClient;
  readonly connection: Connection;
}

const RESET = `setsockopt(S, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) or die "SO_LINGER: $!"; close(S);`;

overPollersWith('perl', 'a client that', (poller) => {
  afterEach(endProcesses);
  afterEach(closeServers);

  async function connected(script: string): Promise<Connected> {
    const server = await listening(poller);
    const accepted = firstValueFrom(server.connections$);
    const client = new PerlClient(server, script);
    return { server, client, connection: await accepted };
  }

  it('closes with SO_LINGER 0 ends its connection by ECONNRESET, behind the bytes that were read', async () => {
    const { server, client, connection } = await connected(`sends('last words'); awaits; ${RESET}`);
    const journal = journalOf(server, connection, { reading: false });
    const inbox = new Inbox(connection.data$);
    await inbox.until(10);
    await client.waits();
    client.goOn();
    await journal.over;
    expect(inbox.text).to.equal('last words');
    expect(journal.errors.map(codeOf)).to.deep.equal(['ECONNRESET', 'ECONNRESET']);
  });

  it('closes with SO_LINGER 0 while output is queued for it ends its connection, and the queue', async () => {
    const { server, client, connection } = await connected(`awaits; ${RESET}`);
    const journal = journalOf(server, connection);
    connection.write(pattern(8 * 1024 * KIB));
    expect(await steady(() => connection.bytesQueued)).to.be.above(0);
    await client.waits();
    client.goOn();
    await journal.over;
    expect(codeOf(journal.errors[0])).to.be.oneOf(['ECONNRESET', 'EPIPE']);
    expect(connection.bytesQueued).to.equal(0);
  });

  it('shuts down its reading side is read on, and is told nothing by the server’s writing', async () => {
    const { server, client, connection } = await connected(`
      shutdown(S, SHUT_RD) or die "SHUT_RD: $!";
      for (1 .. 3) { sends('still '); awaits; }
      sends('talking');
      shutdown(S, SHUT_WR);
      print rest;`);
    const journal = journalOf(server, connection, { reading: false });
    const inbox = new Inbox(connection.data$);
    for (let i = 1; i <= 3; i++) {
      await client.waits();
      await inbox.until(6 * i);
      connection.write('heard? ');
      expect(await steady(() => connection.bytesQueued)).to.equal(0);
      expect(journal.events).to.deep.equal([]);
      client.goOn();
    }
    await inbox.ended;
    expect(inbox.text).to.equal('still still still talking');
    const { code, stderr } = await client.ended;
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    await journal.over;
    expect(journal.errors).to.deep.equal([undefined, undefined]);
  });

  it('shuts down both sides at once ends its connection without an error', async () => {
    const { server, client, connection } = await connected(`sends('bye'); shutdown(S, SHUT_RDWR); awaits;`);
    const journal = journalOf(server, connection, { reading: false });
    const inbox = new Inbox(connection.data$);
    await journal.over;
    expect([inbox.text, journal.errors]).to.deep.equal(['bye', [undefined, undefined]]);
    await client.waits();
  });

  it('sends one byte in each segment is read in order', async () => {
    const { connection } = await connected(`
      read(STDIN, my $bytes, ${20 * KIB});
      for my $at (0 .. length($bytes) - 1) { sends(substr($bytes, $at, 1)); }
      shutdown(S, SHUT_WR);
    `).then((all) => {
      all.client.child.stdin?.end(pattern(20 * KIB, 51));
      return all;
    });
    const inbox = new Inbox(connection.data$);
    await inbox.ended;
    expect(hash(inbox.chunks)).to.equal(hash(pattern(20 * KIB, 51)));
  });

  it('asks and answers one byte at a time loses none', async () => {
    const { client, connection } = await connected(`
      for my $i (1 .. 3000) { sends(chr($i % 251)); ord(receives(1)) == $i % 251 or die "answer $i"; }
      says('all');`);
    connection.data$.subscribe(connection);
    const { stdout, stderr } = await client.ended;
    expect({ stdout, stderr }).to.deep.equal({ stdout: 'all\n', stderr: '' });
    expect([connection.bytesRead, connection.bytesWritten]).to.deep.equal([3000, 3000]);
  });

  it('has a small receive buffer gets a large answer whole', async () => {
    const { client, connection } = await connected(`
      setsockopt(S, SOL_SOCKET, SO_RCVBUF, pack('l', 16384)) or die "SO_RCVBUF: $!";
      awaits;
      binmode STDOUT;
      print rest;`);
    await client.waits();
    const bytes = pattern(200 * KIB, 52);
    connection.end(bytes);
    client.goOn();
    const { stdout } = await client.ended;
    expect(hash(Buffer.from(stdout.replace(/^waits\n/, ''), 'latin1'))).to.equal(hash(bytes));
  });
});
