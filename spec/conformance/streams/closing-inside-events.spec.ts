// A connection, the others, the server or the subscription itself may be ended from inside every kind of event: nothing
// is thrown, each end is told once, and the rest of the batch goes on.

import { expect } from 'chai';
import { listen } from 'evio';
import type { Connection, Server } from 'evio';

import { Inbox, codeOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Pair } from '../harness.js';
import { OPTIONS, places } from './events.js';
import type { Place, Stage } from './events.js';
import { Ledger } from './ledger.js';

const ENDS = ['end', 'destroy', 'reset'] as const;

/** The connection that the event happens to, and three that only echo. */
interface Scene extends Stage {
  readonly ledger: Ledger;
  readonly controller: AbortController;
  readonly others: readonly Pair[];
  readonly reported: (string | undefined)[];
}

async function prepare(harness: Harness): Promise<Scene> {
  const controller = new AbortController();
  const server = await harness.listening({ ...OPTIONS, signal: controller.signal });
  const ledger = new Ledger(harness, server);
  const reported: (string | undefined)[] = [];
  server.errors$.subscribe(({ error }) => reported.push(codeOf(error)));
  const others = await ledger.enterMany(3);
  for (const { connection } of others) connection.data$.subscribe(connection);
  const enter = (): Promise<Pair> => ledger.enter();
  return { harness, server, ledger, controller, others, reported, enter, subscription: undefined };
}

/** Makes the event happen while the others have something to say, too. Acts once, inside it. */
async function play(scene: Scene, place: Place, act: (connection: Connection) => void): Promise<Connection> {
  let acted: Connection | undefined;
  for (const { peer } of scene.others) peer.send('hello');
  const inside = (connection: Connection): void => {
    if (acted !== undefined) return;
    acted = connection;
    act(connection);
  };
  try {
    leaveWhenTold(await place.happen(scene, inside));
  } catch (error) {
    // Who is reset when he is announced may not even have heard that he is connected.
    if (codeOf(error as Error) !== 'ECONNRESET') throw error;
  }
  await scene.harness.until(() => acted !== undefined);
  return acted!;
}

/** Answers FIN with FIN, as a client does. */
function leaveWhenTold({ peer }: Pair): void {
  void peer.over().then(() => peer.fin());
}

async function expectEchoes({ others }: Scene): Promise<void> {
  for (const { peer } of others) {
    await peer.receives('hello');
    peer.send(' again');
    await peer.receives('hello again');
  }
}

/** Every end has been told once, and nothing else has gone wrong. */
async function expectGoodEnd({ ledger, reported }: Scene, { reports }: Place): Promise<void> {
  await ledger.expectOneEndOfAll();
  expect(reported).to.deep.equal(reports === undefined ? [] : [reports]);
}

async function expectServes({ ledger }: Scene): Promise<void> {
  const { peer, connection } = await ledger.enter();
  const inbox = new Inbox(connection.data$);
  peer.send('new');
  await inbox.until(3);
}

conformance('ends once, and the others go on: a connection', (harness) => {
  for (const [title, place] of Object.entries(places)) {
    for (const how of ENDS) {
      it(`on ${how}() inside ${title}`, async () => {
        const scene = await prepare(harness);
        const ended = await play(scene, place, (connection) => connection[how]());
        await scene.ledger.expectOneEndEach([ended]);
        await expectEchoes(scene);
        await expectServes(scene);
        await expectGoodEnd(scene, place);
      });
    }
  }
});

conformance('end once, and the server goes on: all other connections', (harness) => {
  for (const [title, place] of Object.entries(places)) {
    for (const how of ENDS) {
      it(`on ${how}() inside ${title}`, async () => {
        const scene = await prepare(harness);
        scene.others.forEach(leaveWhenTold);
        const others = scene.others.map(({ connection }) => connection);
        await play(scene, place, () => {
          for (const connection of others) connection[how]();
        });
        await scene.ledger.expectOneEndEach(others);
        await expectServes(scene);
        await expectGoodEnd(scene, place);
      });
    }
  }
});

conformance('goes on for the others: a subscription', (harness) => {
  for (const [title, place] of Object.entries(places)) {
    it(`left inside ${title}`, async () => {
      const scene = await prepare(harness);
      await play(scene, place, () => scene.subscription?.unsubscribe());
      await expectEchoes(scene);
      await expectServes(scene);
      await expectGoodEnd(scene, place);
    });
  }
});

/** Ways to end the whole server. */
const endsOfServer: Readonly<Record<string, (scene: Scene) => void>> = {
  'aborting its signal': ({ controller }) => controller.abort(),
  'close() at once': ({ server }) => void server.close({ timeout: 0 }),
  'a gentle close()': ({ server }) => void server.close({ timeout: Infinity }),
};

conformance('ends each connection once, and completes: a server', (harness) => {
  for (const [title, place] of Object.entries(places)) {
    for (const [how, end] of Object.entries(endsOfServer)) {
      it(`on ${how} inside ${title}`, async () => {
        const scene = await prepare(harness);
        const told: string[] = [];
        scene.server.connections$.subscribe({ complete: () => told.push('connections$') });
        scene.server.disconnected$.subscribe({ complete: () => told.push('disconnected$') });
        scene.others.forEach(leaveWhenTold);
        await play(scene, place, () => end(scene));
        await scene.server.close({ timeout: Infinity });
        await expectGoodEnd(scene, place);
        expect(told).to.deep.equal(['connections$', 'disconnected$']);
      });
    }
  }
});

conformance('inside the callback of ready', (harness) => {
  const unbound = (act: (server: Server) => void): Promise<Server> => {
    const server = listen('tcp://127.0.0.1:0', { poller: harness.poller });
    return server.ready.then(() => {
      act(server);
      return server;
    });
  };

  it('a server may be closed', async () => {
    const server = await unbound((bound) => void bound.close({ timeout: 0 }));
    expect(await server.close()).to.deep.equal({ drained: 0, forced: 0 });
  });

  it('a subscription may be left and taken again', async () => {
    const server = await unbound(({ connections$ }) => connections$.subscribe().unsubscribe());
    const { connection } = await harness.pair(server);
    connection.destroy();
    await server.close();
    expect([connection.id, server.connections.size]).to.deep.equal([1, 0]);
  });
});
