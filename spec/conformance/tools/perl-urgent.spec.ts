// An urgent byte (MSG_OOB) is not part of the stream: the bytes around it arrive in order, and it costs nothing.

import { expect } from 'chai';
import type { Connection } from 'evio';
import { firstValueFrom } from 'rxjs';

import { Inbox, codeOf, journalOf } from '../../support/connections.js';
import { endProcesses } from '../../support/processes.js';
import { QUIET, busyShare } from '../../support/quiet.js';
import { closeServers, listening } from '../../support/servers.js';
import { overPollersWith } from '../../support/tools.js';
import { PerlClient } from './perl-client.js';

/** What a client sends, with the urgent byte `!`, and what of it is the stream. */
const messages: readonly { readonly title: string; readonly script: string; readonly stream: string }[] = [
  { title: 'alone', script: `sends('!', MSG_OOB);`, stream: '' },
  { title: 'before ordinary bytes', script: `sends('!', MSG_OOB); sends('after');`, stream: 'after' },
  { title: 'behind ordinary bytes', script: `sends('before'); sends('!', MSG_OOB);`, stream: 'before' },
  {
    title: 'between ordinary bytes',
    script: `sends('before '); sends('!', MSG_OOB); sends('after');`,
    stream: 'before after',
  },
  {
    title: 'at the end of ordinary bytes, in one call',
    script: `sends('before!', MSG_OOB);`,
    stream: 'before',
  },
];

overPollersWith('perl', 'an urgent byte', (poller) => {
  afterEach(endProcesses);
  afterEach(closeServers);

  async function connected(script: string): Promise<{ client: PerlClient; connection: Connection }> {
    const server = await listening(poller);
    const accepted = firstValueFrom(server.connections$);
    const client = new PerlClient(server, script);
    return { client, connection: await accepted };
  }

  for (const { title, script, stream } of messages) {
    it(`${title} costs no time, and the connection lives on`, async () => {
      const { client, connection } = await connected(`${script} awaits; sends(' and on'); print rest;`);
      const inbox = new Inbox(connection.data$);
      await client.waits();
      await inbox.until(stream.length);
      expect(await busyShare()).to.be.below(QUIET);
      expect(inbox.text).to.equal(stream);
      client.goOn();
      await inbox.until(`${stream} and on`.length);
      expect(inbox.text).to.equal(`${stream} and on`);
      expect(inbox.chunks.filter(({ length }) => length === 0)).to.deep.equal([]); // that would be a wake
      connection.end('answered');
      expect((await client.ended).stdout).to.match(/answered$/);
    });

    it(`${title} waits with the rest while nobody reads, and costs no time`, async () => {
      const { client, connection } = await connected(`${script} awaits; shutdown(S, SHUT_WR); print rest;`);
      connection.pause();
      const inbox = new Inbox(connection.data$);
      await client.waits();
      expect(await busyShare()).to.be.below(QUIET);
      client.goOn();
      expect(await busyShare()).to.be.below(QUIET);
      expect(inbox.bytes).to.equal(0);
      connection.resume();
      await inbox.ended;
      expect(inbox.text).to.equal(stream);
      const { code, stderr } = await client.ended;
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    });
  }

  it('each time anew costs nothing of the bytes between', async () => {
    const { client, connection } = await connected(`
      for my $i (1 .. 200) { sends("$i,"); sends('!', MSG_OOB); receives(1); }
      shutdown(S, SHUT_WR);`);
    let text = '';
    connection.data$.subscribe({
      next: (data) => {
        text += String(data);
        for (const byte of data) if (byte === 0x2c) connection.write('.');
      },
    });
    const { code, stderr } = await client.ended;
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    await firstValueFrom(connection.closed$);
    expect(text).to.equal(Array.from({ length: 200 }, (_, i) => `${i + 1},`).join(''));
  });

  it('before a reset leaves the reset what it is', async () => {
    const server = await listening(poller);
    const accepted = firstValueFrom(server.connections$);
    const client = new PerlClient(
      server,
      `sends('!', MSG_OOB); awaits; setsockopt(S, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)); close(S);`,
    );
    const connection = await accepted;
    const journal = journalOf(server, connection);
    await client.waits();
    client.goOn();
    await journal.over;
    expect(journal.errors.map(codeOf)).to.deep.equal(['ECONNRESET', 'ECONNRESET']);
  });
});
