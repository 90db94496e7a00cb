// netcat against a server: what people type first. It ends its side by itself with -N, and waits for ours without.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect } from 'chai';
import type { Server } from 'evio';
import { reduce } from 'rxjs';

import { MIB, hash, pattern } from '../../support/bytes.js';
import { journalOf, valuesOf } from '../../support/connections.js';
import { endProcesses, run } from '../../support/processes.js';
import { closeServers, listening, portOf } from '../../support/servers.js';
import { overPollersWith } from '../../support/tools.js';

const LARGE = 12 * MIB;

overPollersWith('nc', 'a client', (poller) => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'evio-'))));
  afterEach(endProcesses);
  afterEach(closeServers);
  afterEach(() => rmSync(folder, { recursive: true }));

  const addressOf = (server: Server): string => `127.0.0.1 ${portOf(server)}`;
  const shell = (line: string): ReturnType<typeof run> => run('sh', ['-c', line]);
  const echoing = async (address?: string): Promise<Server> => {
    const server = await listening(poller, {}, address);
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    return server;
  };

  it('printf x | nc -N gets its answer', async () => {
    const server = await echoing();
    const { code, stdout, stderr } = await shell(`printf x | nc -N ${addressOf(server)}`);
    expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: 'x', stderr: '' });
  });

  it('nc -N without a byte gets what is only known at the end of its input', async () => {
    const server = await listening(poller);
    server.connections$.subscribe((connection) => {
      connection.data$.pipe(reduce((sum, { length }) => sum + length, 0)).subscribe((sum) => {
        connection.end(`${sum} bytes`);
      });
    });
    const { code, stdout } = await shell(`nc -N ${addressOf(server)} </dev/null`);
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: '0 bytes' });
  });

  it('printf x | nc, which waits, gets its answer and ends when the server ends', async () => {
    const server = await listening(poller);
    const ends: string[][] = [];
    server.connections$.subscribe((connection) => {
      ends.push(journalOf(server, connection, { reading: false }).events);
      connection.data$.subscribe((data) => connection.end(`you said ${String(data)}`));
    });
    const { code, stdout } = await shell(`printf x | nc ${addressOf(server)}`);
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: 'you said x' });
    await server.close();
    expect(ends).to.deep.equal([['closed$', 'closed$ completes', 'disconnected$']]);
  });

  it('a large file comes back from an echo whole', async () => {
    const server = await echoing();
    const bytes = pattern(LARGE, 31);
    const [sent, got] = [path.join(folder, 'sent'), path.join(folder, 'got')];
    writeFileSync(sent, bytes);
    const { code } = await shell(`nc -N ${addressOf(server)} <${sent} >${got}`);
    expect([code, hash(readFileSync(got))]).to.deep.equal([0, hash(bytes)]);
  });

  it('a large file is sent and another received at the same time', async () => {
    const server = await listening(poller, { maxQueuedBytes: Infinity });
    const [question, answer] = [pattern(LARGE, 32), pattern(LARGE, 33)];
    const received: Buffer[] = [];
    server.connections$.subscribe((connection) => {
      connection.write(answer);
      connection.data$.subscribe({
        next: (data) => received.push(data),
        complete: () => connection.end(),
      });
    });
    const sent = path.join(folder, 'sent');
    writeFileSync(sent, question);
    const { stdout } = await shell(`nc -N ${addressOf(server)} <${sent} | sha1sum`);
    expect(stdout.slice(0, 40)).to.equal(hash(answer));
    await server.close();
    expect(hash(received)).to.equal(hash(question));
  });

  it('nc -U gets its answer from a unix socket', async () => {
    const file = path.join(folder, 'socket');
    const server = await listening(poller, {}, `unix://${file}`);
    const remotes = valuesOf(server.connections$);
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    const bytes = pattern(LARGE, 34);
    const sent = path.join(folder, 'sent');
    writeFileSync(sent, bytes);
    const { stdout } = await shell(`nc -NU ${file} <${sent} | sha1sum`);
    expect(stdout.slice(0, 40)).to.equal(hash(bytes));
    expect(remotes.map(({ remote }) => remote.family)).to.deep.equal(['unix']);
  });

  it('nc -6 gets its answer', async () => {
    const server = await echoing('tcp://[::1]:0');
    const { stdout } = await shell(`printf x | nc -6N ::1 ${portOf(server)}`);
    expect(stdout).to.equal('x');
  });

  it('nc -z finds the port open, and comes and goes as a connection without a byte', async () => {
    const server = await echoing();
    const gone = valuesOf(server.disconnected$);
    const { code } = await shell(`nc -z ${addressOf(server)}`);
    expect(code).to.equal(0);
    await server.close();
    expect(gone.map(({ connection, error }) => [connection.bytesRead, error])).to.deep.equal([
      [0, undefined],
    ]);
  });

  it('many at once each get their own answer', async () => {
    const server = await echoing();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => shell(`printf 'client ${i}' | nc -N ${addressOf(server)}`)),
    );
    expect(answers.map(({ stdout }) => stdout)).to.deep.equal(
      Array.from({ length: 20 }, (_, i) => `client ${i}`),
    );
  });
});
