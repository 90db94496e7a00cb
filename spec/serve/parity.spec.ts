// What evio's own TestServe meant (shiny_test.go): ten clients, a banner, random echoes, and a shutdown by the ticker when
// all have gone. Bounded by count instead of by seconds, and a mismatch is a failure.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { KIB, hash, pattern } from '../support/bytes.js';
import { overPollers } from '../support/pollers.js';
import { socketPath } from '../support/socket-path.js';
import { Peer, destroyPeers } from '../support/peer.js';
import { Serving, stopServings } from './serving.js';

const CLIENTS = 10;
const ECHOES = 20;
const BANNER = 'sweetness\r\n';

/** Lengths of 0 to 100 KiB, the same in every run. */
function lengths(client: number): number[] {
  const random = pattern(4 * ECHOES, client + 1);
  return Array.from({ length: ECHOES }, (_, i) => random.readUInt32LE(4 * i) % (100 * KIB + 1));
}

async function runClient(peer: Peer, client: number): Promise<void> {
  await peer.receives(BANNER);
  let bytes = BANNER.length;
  for (const [i, length] of lengths(client).entries()) {
    const sent = pattern(length, 1 + client * ECHOES + i);
    const from = bytes;
    bytes += length;
    peer.send(sent);
    await peer.until(({ receivedBytes, isOver }) => isOver || receivedBytes >= bytes);
    expect(hash(peer.received.subarray(from)), `echo ${i} of client ${client}`).to.equal(hash(sent));
  }
  peer.fin();
  const { ended, error } = await peer.over();
  expect({ ended, error }).to.deep.equal({ ended: true, error: undefined });
}

overPollers("serve: evio's TestServe", (poller) => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'evio-'))));
  afterEach(destroyPeers);
  afterEach(stopServings);
  afterEach(() => rmSync(folder, { recursive: true }));

  for (const net of ['tcp', 'tcp-compat', 'unix', 'unix-compat']) {
    it(`serves ten clients and shuts down by the ticker: ${net}`, async () => {
      const unix = net.startsWith('unix');
      const path = socketPath(folder);
      const ctx = { opened: 0, closed: 0 };
      const serving = await Serving.start(poller, {
        net,
        addr: unix ? path : '127.0.0.1:0',
        ctx,
        accept: (_id, _addr, _wake, counts) => {
          counts.opened += 1;
          return [BANNER, true];
        },
        closed: (_id, err, counts) => {
          expect(err).to.equal(undefined);
          counts.closed += 1;
        },
        ticker: (counts) => counts.closed < CLIENTS,
      });
      await serving.until(() => serving.ticks > 0);
      const dial = (): Promise<Peer> => (unix ? Peer.connect({ path }) : serving.connect());
      const clients = Array.from({ length: CLIENTS }, async (_, client) => runClient(await dial(), client));
      await Promise.all(clients);
      await serving.done;
      expect(ctx).to.deep.equal({ opened: CLIENTS, closed: CLIENTS });
    });
  }
});
