// server.connections: a map of those who are open, whoever comes and goes while it is walked.

import { expect } from 'chai';
import type { Server } from 'evio';

import { conformance } from '../conformance.js';
import type { Harness } from '../harness.js';

/** A server with connections of ids 1 to `count`. */
async function crowded(harness: Harness, count: number): Promise<Server> {
  const server = await harness.listening();
  server.connections$.subscribe();
  for (let more = count; more > 0; more -= 50) {
    await Promise.all(Array.from({ length: Math.min(50, more) }, () => harness.connect(server)));
  }
  await harness.until(() => server.connections.size === count);
  return server;
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

conformance('server.connections', (harness) => {
  it('is in the order of ids, and the same map at every look', async () => {
    const server = await crowded(harness, 3);
    const { connections } = server;
    expect(server.connections).to.equal(connections);
    expect([...connections.keys()]).to.deep.equal([1, 2, 3]);
    expect([...connections.values()].map(({ id }) => id)).to.deep.equal([1, 2, 3]);
    expect([...connections].map(([id, connection]) => [id, connection.id])).to.deep.equal([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    const self = {};
    connections.forEach(function (this: unknown, connection, id, map) {
      expect([this, connection.id, map]).to.deep.equal([self, id, connections]);
    }, self);
  });

  it('finds who is there by his id, and nobody by any other', async () => {
    const { connections } = await crowded(harness, 3);
    connections.get(2)?.destroy();
    expect([0, 1, 2, 3, 4, 1.5, NaN, -1].map((id) => connections.get(id)?.id)).to.deep.equal([
      undefined,
      1,
      undefined,
      3,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect([connections.has(1), connections.has(2), connections.has('3' as never)]).to.deep.equal([
      true,
      false,
      false,
    ]);
  });

  it('is walked as a Map is, past those who are closed from inside of the walk', async () => {
    const { connections } = await crowded(harness, 100);
    const model = new Map(numbers(1, 100).map((id) => [id, id]));
    // Himself, two who were visited, and two who were going to be.
    const doomed = (id: number): number[] => [id, 1, 2, id + 1, id + 3];
    const seen: number[] = [];
    for (const { id } of connections.values()) {
      seen.push(id);
      for (const gone of doomed(id)) connections.get(gone)?.destroy();
    }
    const expected: number[] = [];
    for (const id of model.keys()) {
      expected.push(id);
      for (const gone of doomed(id)) model.delete(gone);
    }
    expect(seen).to.deep.equal(expected);
    expect(connections.size).to.equal(0);
  });

  it('has all who are left, when most have gone', async () => {
    const server = await crowded(harness, 120);
    const { connections } = server;
    const left = (id: number): boolean => id % 10 === 0 || id > 115;
    for (const connection of connections.values()) if (!left(connection.id)) connection.destroy();
    const expected = numbers(1, 120).filter(left);
    expect([...connections.keys()]).to.deep.equal(expected);
    expect(expected.map((id) => connections.get(id)?.id)).to.deep.equal(expected);
    await harness.connect(server);
    await harness.until(() => connections.size === expected.length + 1);
    expect([...connections.keys()]).to.deep.equal([...expected, 121]);
  });

  it('is walked on to who comes meanwhile', async () => {
    const server = await crowded(harness, 2);
    const walk = server.connections.keys();
    expect(walk.next().value).to.equal(1);
    server.connections.get(1)?.destroy();
    await harness.connect(server);
    await harness.until(() => server.connections.has(3));
    expect([...walk]).to.deep.equal([2, 3]);
  });
});
