// Accepting may be paused and resumed at any moment, as often as one likes: nobody is lost, nobody comes twice, and
// everybody comes in the order of connecting.

import { expect } from 'chai';
import type { Connection, Server } from 'evio';
import { mergeMap, take } from 'rxjs';
import type { Subscription } from 'rxjs';

import { Inbox, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';
import type { Harness, Peer } from '../harness.js';
import { Ledger } from './ledger.js';

/** Writes down who is announced, however often it subscribes. */
class Doorman {
  readonly ports: (number | undefined)[] = [];
  readonly ids: number[] = [];
  readonly #server: Server;
  #subscription: Subscription | undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  open(inside: () => void = () => {}): void {
    this.#subscription ??= this.#server.connections$.subscribe((connection) => {
      this.#note(connection);
      inside();
    });
  }

  shut(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  #note({ id, remote }: Connection): void {
    this.ids.push(id);
    this.ports.push(remote.port);
  }
}

/** One after the other, so that the order is known. */
async function queue(harness: Harness, server: Server, count: number): Promise<Peer[]> {
  const peers: Peer[] = [];
  while (peers.length < count) peers.push(await harness.connect(server));
  return peers;
}

function expectAll(doorman: Doorman, peers: readonly Peer[]): void {
  expect(doorman.ports).to.deep.equal(peers.map(({ port }) => port));
  expect(doorman.ids).to.deep.equal(peers.map((_, i) => i + 1));
}

conformance('accepting in bursts', (harness) => {
  it('takes a hundred that have waited, in order', async () => {
    const server = await harness.listening();
    const doorman = new Doorman(server);
    const peers = await queue(harness, server, 100);
    await harness.settle();
    expect(server.connections.size).to.equal(0);
    doorman.open();
    await harness.until(() => doorman.ids.length === 100);
    expectAll(doorman, peers);
  });

  it('loses nobody when it is opened and shut within a turn, again and again', async () => {
    const server = await harness.listening();
    const doorman = new Doorman(server);
    const peers: Peer[] = [];
    for (let round = 0; round < 50; round++) {
      peers.push(await harness.connect(server));
      for (let i = 0; i < 5; i++) {
        doorman.open();
        doorman.shut();
      }
      if (round % 3 === 0) doorman.open();
      await harness.turns(round % 4);
      doorman.shut();
    }
    doorman.open();
    await harness.until(() => doorman.ids.length === peers.length);
    await harness.settle();
    expectAll(doorman, peers);
  });

  it('announces nobody after it was shut inside an announcement', async () => {
    const server = await harness.listening();
    const doorman = new Doorman(server);
    const peers = await queue(harness, server, 30);
    for (let taken = 1; taken <= peers.length; taken++) {
      doorman.open(() => doorman.shut());
      await harness.until(() => doorman.ids.length >= taken);
      await harness.turns(2);
      expect([doorman.ids.length, server.connections.size]).to.deep.equal([taken, taken]);
    }
    expectAll(doorman, peers);
  });

  it('shut inside the data of a connection holds back those who come in the same turn', async () => {
    const server = await harness.listening();
    const doorman = new Doorman(server);
    doorman.open();
    const [first] = await queue(harness, server, 1);
    await harness.until(() => doorman.ids.length === 1);
    server.connections.get(1)!.data$.subscribe(() => doorman.shut());
    first!.send('shut');
    const others = await queue(harness, server, 20);
    await harness.settle();
    const taken = doorman.ids.length;
    await queue(harness, server, 1).then((late) => others.push(...late));
    await harness.settle();
    expect(doorman.ids.length).to.equal(taken);
    doorman.open();
    await harness.until(() => doorman.ids.length === 22);
    expectAll(doorman, [first!, ...others]);
  });

  it('shut inside the events of connections and opened from there, too', async () => {
    const server = await harness.listening();
    const doorman = new Doorman(server);
    const peers = await queue(harness, server, 40);
    const inside = (): void => {
      doorman.shut();
      const connection = server.connections.get(doorman.ids.at(-1)!)!;
      connection.data$.pipe(take(1)).subscribe(() => doorman.open(inside));
    };
    for (const peer of peers) peer.send('open');
    doorman.open(inside);
    await harness.until(() => doorman.ids.length === peers.length);
    expectAll(doorman, peers);
  });

  it('goes by all subscribers together: it is shut when the last of any kind leaves', async () => {
    const server = await harness.listening();
    const one = server.connections$.subscribe();
    const two = server.connections$.subscribe();
    const three = server.data$.subscribe();
    const left = [one, two, three];
    for (let open = 1; open <= 3; open++) {
      await harness.connect(server);
      await harness.until(() => server.connections.size === open);
      left.pop()!.unsubscribe();
    }
    await harness.connect(server);
    await harness.settle();
    expect(server.connections.size).to.equal(3);
    server.data$.subscribe();
    await harness.until(() => server.connections.size === 4);
  });

  it('lets those who wait keep what they have said', async () => {
    const server = await harness.listening();
    const peers = await queue(harness, server, 20);
    peers.forEach((peer, i) => (i % 2 === 0 ? peer.send(`${i}`) : peer.fin(`${i}`)));
    await harness.settle();
    const inboxes: Inbox[] = [];
    for (let taken = 1; taken <= 20; taken++) {
      server.connections$.pipe(take(1)).subscribe(({ data$ }) => inboxes.push(new Inbox(data$)));
      await harness.until(() => inboxes.length === taken);
    }
    await harness.until(() => inboxes.every(({ bytes }) => bytes > 0));
    expect(inboxes.map(({ text }) => text)).to.deep.equal(peers.map((_, i) => `${i}`));
  });

  it('ends once for those who are held when the server closes, with whom nobody has met', async () => {
    const server = await harness.listening();
    const peers = await queue(harness, server, 20);
    const met = valuesOf(server.connections$.pipe(take(1)));
    const gone = valuesOf(server.disconnected$);
    await harness.until(() => met.length === 1);
    await server.close({ timeout: 0 });
    for (const peer of peers) await peer.over();
    expect(gone.map(({ connection }) => connection)).to.deep.equal(met);
    expect(server.connections.size).to.equal(0);
  });

  it('ends once for those who vanish while they are held', async () => {
    const server = await harness.listening();
    const peers = await queue(harness, server, 20);
    const met = valuesOf(server.connections$.pipe(take(1)));
    await harness.until(() => met.length === 1);
    peers.forEach((peer, i) => (i % 2 === 0 ? peer.reset() : peer.send('still here')));
    await harness.settle();
    const ledger = new Ledger(harness, server);
    const heard = valuesOf(server.connections$.pipe(mergeMap(({ data$ }) => data$)));
    await harness.until(() => heard.length === 10);
    met[0]!.data$.subscribe();
    await harness.until(() => server.connections.size === 10);
    expect(heard.map(String)).to.deep.equal(Array.from({ length: 10 }, () => 'still here'));
    await ledger.expectOneEndOfAll();
  });
});
