// Framing operators over sockets: frames arrive whole and in order, and what is not used is not lost.

import { expect } from 'chai';
import { paced, serveEach } from 'evio';
import type { Protocol } from 'evio';
import { encodeLengthPrefixed, encodeResp, fixedLength, lengthPrefixed, lines, resp } from 'evio/protocols';
import { concat, map, take } from 'rxjs';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { codeOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

conformance('framing operators', (harness) => {
  it('serve a protocol of lines, whatever the sizes of lines and writes', async () => {
    const server = await harness.listening();
    const upper: Protocol = (data$) =>
      data$.pipe(
        lines(),
        map((line) => `${line.toUpperCase()}\n`),
      );
    server.connections$.pipe(serveEach(upper)).subscribe();
    const peer = await harness.connect(server);
    const text = Array.from({ length: 3000 }, (_, i) => `${'x'.repeat((i * 7919) % 1500)}${i}\r\n`).join('');
    for (let at = 0, step = 1; at < text.length; at += step, step = ((step * 31) % 50_000) + 1) {
      peer.send(text.slice(at, at + step));
    }
    peer.fin('the rest');
    const { received, ended } = await peer.over();
    expect(ended).to.equal(true);
    const expected = `${text.replaceAll('\r', '')}the rest\n`.toUpperCase();
    expect(hash(received)).to.equal(hash(Buffer.from(expected)));
  });

  it('carry large frames whole', async () => {
    const server = await harness.listening();
    const options = { length: 'u32', max: 8 * MIB } as const;
    const echo: Protocol = (data$) =>
      data$.pipe(
        lengthPrefixed(options),
        map((frame) => encodeLengthPrefixed(frame, options)),
      );
    server.connections$.pipe(serveEach(echo)).subscribe();
    const peer = await harness.connect(server);
    const sizes = [0, 1, 70 * KIB, 5 * MIB, 3, 200 * KIB];
    const bytes = Buffer.concat(sizes.map((size, i) => encodeLengthPrefixed(pattern(size, i + 1), options)));
    peer.fin(bytes);
    const { received, ended } = await peer.over();
    expect([ended, hash(received)]).to.deep.equal([true, hash(bytes)]);
  });

  it('yield frames that stay what they were', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const frames = valuesOf(connection.data$.pipe(fixedLength(KIB)));
    const bytes = pattern(MIB, 9);
    for (let at = 0; at < MIB; at += 100 * KIB) {
      peer.send(bytes.subarray(at, at + 100 * KIB));
      await harness.turns(2);
    }
    await harness.until(() => frames.length === KIB);
    expect(hash(frames)).to.equal(hash(bytes));
  });

  it('give back what they have not used, for another framing of the same connection', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const { data$ } = connection;
    const seen = valuesOf(concat(data$.pipe(lines(), take(1)), data$.pipe(fixedLength(4))).pipe(map(String)));
    peer.send('PUT\r\nabcdef');
    await harness.until(() => seen.length === 2);
    peer.send('gh');
    await harness.until(() => seen.length === 3);
    expect(seen).to.deep.equal(['PUT', 'abcd', 'efgh']);
  });

  it('hold the socket through paced, value by value', async () => {
    const server = await harness.listening();
    const answer: Protocol = (data$) =>
      data$.pipe(
        resp({ strings: 'utf8' }),
        paced(async (value) => {
          await harness.turns(1);
          return encodeResp(value);
        }),
      );
    server.connections$.pipe(serveEach(answer)).subscribe();
    const peer = await harness.connect(server);
    const requests = Array.from({ length: 200 }, (_, i) => encodeResp(['ECHO', String(i)]));
    peer.fin(Buffer.concat(requests));
    const { received, ended } = await peer.over();
    expect([ended, String(received)]).to.deep.equal([true, String(Buffer.concat(requests))]);
  });

  it('close the connection that breaks the rules, report it once, and leave others alone', async () => {
    const server = await harness.listening();
    const failures = valuesOf(server.errors$);
    const protocol: Protocol = (data$) => data$.pipe(lines({ max: 10 }));
    server.connections$.pipe(serveEach(protocol)).subscribe();
    const good = await harness.connect(server);
    const bad = await harness.connect(server);
    bad.send('far too long a line');
    await bad.over();
    good.fin('fine\n');
    expect(String((await good.over()).received)).to.equal('fine');
    expect(failures.map(({ error }) => codeOf(error))).to.deep.equal(['ERR_EVIO_FRAME_TOO_LARGE']);
  });
});
