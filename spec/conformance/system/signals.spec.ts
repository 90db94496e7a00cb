// Signals end a process as they end every other: evio handles none, and what has gone to the kernel arrives.

import { expect } from 'chai';

import { MIB, hash } from '../../support/bytes.js';
import { Peer, destroyPeers } from '../../support/peer.js';
import { overPollers } from '../../support/pollers.js';
import { Running, endProcesses } from '../../support/processes.js';

/** Prints its port; its client gets a greeting. */
const PROGRAM = `
  import { listen } from ${JSON.stringify(import.meta.resolve('evio'))};
  const [poller, way] = process.argv.slice(-2);
  const server = await listen('tcp://127.0.0.1:0', { poller, maxQueuedBytes: Infinity }).ready;
  const ways = {
    nobody: (connection) => connection.write('greeting'),
    flood: (connection) => {
      for (let seed = 1; seed <= 16; seed++) connection.write(Buffer.alloc(${MIB}, seed));
    },
    writer: (connection) => {
      connection.write('greeting');
      process.once('SIGTERM', () => { connection.write(', last words'); process.exit(4); });
    },
    closer: (connection) => {
      connection.write('greeting');
      process.once('SIGTERM', () => { connection.write(', last words'); void server.close(); });
    },
  };
  server.connections$.subscribe(ways[way]);
  console.log('port ' + server.addresses[0].port);
`;

overPollers('a process with a server at SIGTERM', (poller) => {
  afterEach(endProcesses);
  afterEach(destroyPeers);

  async function start(way: string): Promise<{ program: Running; peer: Peer }> {
    const program = new Running(process.execPath, [
      '--input-type=module',
      '--eval',
      PROGRAM,
      '--',
      poller,
      way,
    ]);
    const [, port] = await program.prints(/port (\d+)\n/);
    return { program, peer: await Peer.toPort(Number(port)) };
  }

  it('ends by it when nobody handles it', async () => {
    const { program, peer } = await start('nobody');
    await peer.receives('greeting');
    program.child.kill('SIGTERM');
    const { code, signal, stderr } = await program.ended;
    expect({ code, signal, stderr }).to.deep.equal({ code: null, signal: 'SIGTERM', stderr: '' });
    const { received, ended } = await peer.over();
    expect([String(received), ended]).to.deep.equal(['greeting', true]);
  });

  it('leaves to its peers what the kernel had taken, in order', async () => {
    const { program, peer } = await start('flood');
    await peer.until(({ receivedBytes }) => receivedBytes > 0);
    peer.stopReading();
    program.child.kill('SIGTERM');
    expect((await program.ended).signal).to.equal('SIGTERM');
    peer.readAgain();
    const { received } = await peer.over();
    const all = Buffer.concat(Array.from({ length: 16 }, (_, i) => Buffer.alloc(MIB, i + 1)));
    expect(hash(received)).to.equal(hash(all.subarray(0, received.length)));
  });

  it('sends what its handler writes before it exits', async () => {
    const { program, peer } = await start('writer');
    await peer.receives('greeting');
    program.child.kill('SIGTERM');
    expect(String((await peer.over()).received)).to.equal('greeting, last words');
    expect((await program.ended).code).to.equal(4);
  });

  it('ends by itself when its handler closes the server and the client has gone', async () => {
    const { program, peer } = await start('closer');
    await peer.receives('greeting');
    program.child.kill('SIGTERM');
    expect(String((await peer.over()).received)).to.equal('greeting, last words');
    peer.fin();
    const { code, signal } = await program.ended;
    expect({ code, signal }).to.deep.equal({ code: 0, signal: null });
  });
});
