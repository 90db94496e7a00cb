// close() under load: every request that a handler got is answered, in full, and the client hears of the end by FIN.

import { expect } from 'chai';
import { paced, serveEach } from 'evio';
import type { Connection, Protocol, Server } from 'evio';
import { concatMap, defer, from, map } from 'rxjs';

import { KIB, hash, pattern } from '../../support/bytes.js';
import { conformance } from '../conformance.js';
import type { Harness, Peer } from '../harness.js';

const CLIENTS = 20;

/** Ways to serve: each answers a chunk with the same bytes, at once or after a while. */
const ways: Readonly<Record<string, (harness: Harness) => (connection: Connection) => unknown>> = {
  'an echo': () => (connection) => connection.data$.subscribe(connection),
  'a callback that writes': () => (connection) =>
    connection.data$.subscribe((data) => connection.write(data)),
  'a pipeline that takes its time': (harness) => (connection) =>
    connection.data$
      .pipe(
        paced((data) =>
          defer(async () => {
            await harness.turns(2);
            return data;
          }),
        ),
      )
      .subscribe(connection),
};

const protocols: Readonly<Record<string, (harness: Harness) => Protocol>> = {
  'a protocol that answers at once': () => (data$) => data$.pipe(map((data) => data)),
  'a protocol that takes its time': (harness) => (data$) =>
    data$.pipe(concatMap((data) => from(harness.turns(3)).pipe(map(() => data)))),
  'a protocol that works on many at a time, in order': (harness) => (data$) =>
    data$.pipe(
      paced((data) => from(harness.turns(3)).pipe(map(() => data)), { concurrency: 4, ordered: true }),
    ),
};

/** Sends for as long as somebody takes it. */
async function load(harness: Harness, peer: Peer, bytes: Buffer): Promise<void> {
  for (let sent = 0; sent < bytes.length && !peer.isOver; sent += 4 * KIB) {
    peer.send(bytes.subarray(sent, sent + 4 * KIB));
    await harness.turns(1);
  }
}

conformance('close() under load', (harness) => {
  const run = async (server: Server): Promise<void> => {
    const connections: Connection[] = [];
    server.connections$.subscribe((connection) => connections.push(connection));
    const bytes = pattern(512 * KIB, 9);
    const peers = await Promise.all(Array.from({ length: CLIENTS }, () => harness.connect(server)));
    await harness.until(() => connections.length === CLIENTS);
    const byPort = new Map(connections.map((connection) => [connection.remote.port, connection]));
    const served = new Map(peers.map((peer) => [peer, byPort.get(peer.port)]));
    const loads = peers.map((peer) => load(harness, peer, bytes));
    await harness.until(() => connections.every(({ bytesRead }) => bytesRead > 16 * KIB));
    const closed = server.close({ timeout: 20_000 });
    for (const peer of peers) {
      const { ended, error } = await peer.over();
      expect([ended, error]).to.deep.equal([true, undefined]);
      peer.fin();
    }
    const outcome = await closed;
    await Promise.all(loads);
    expect(outcome).to.deep.equal({ drained: CLIENTS, forced: 0 });
    for (const peer of peers) {
      const delivered = served.get(peer)?.bytesRead ?? 0;
      expect(delivered).to.be.above(16 * KIB);
      expect(peer.receivedBytes).to.equal(delivered);
      expect(hash(peer.received)).to.equal(hash(bytes.subarray(0, delivered)));
    }
  };

  for (const [way, attach] of Object.entries(ways)) {
    it(`answers whatever ${way} was given`, async () => {
      const server = await harness.listening();
      server.connections$.subscribe(attach(harness));
      await run(server);
    }).timeout(60_000);
  }

  for (const [way, protocol] of Object.entries(protocols)) {
    it(`answers whatever ${way} was given`, async () => {
      const server = await harness.listening();
      server.connections$.pipe(serveEach(protocol(harness))).subscribe();
      await run(server);
    }).timeout(60_000);
  }
});
