// What holds for every server, whatever it serves: how connections end, and that nobody suffers from anybody else.

import { isDeepStrictEqual } from 'node:util';

import type { Connection } from '../connection.js';
import type { Server } from '../server.js';
import { parseLane } from './diagram.js';
import type { WireValues } from './diagram.js';
import { violated } from './laws.js';
import type { Law } from './laws.js';
import { simulate } from './simulate.js';
import type { SimulationOptions, World } from './world.js';
import type { WireClient } from './wire-client.js';

/** Something that clients say. */
export interface Talk {
  /** A client's lane. */
  readonly client: string;
  readonly values?: WireValues;
}

/** A server, and what is said to it. */
export interface Served {
  /** Sets a server up in a world, on `world.poller`: `({ serving }) => serving(protocol)` as a method call, `world.serving(protocol)`. */
  readonly serve: (world: World) => Server;
  /** One at least, each of which the server answers on its own. */
  readonly talks: readonly Talk[];
  /** Codes that its `errors$` may tell. Default: none. */
  readonly errors?: readonly string[];
  /** How many schedules are tried. Default 20. */
  readonly schedules?: number;
}

/** A kernel so small that nothing goes at once. */
const TINY: SimulationOptions = { sendBuffer: 64, receiveBuffer: 64 };

/**
 * Laws of a server, for `for (const { name, check } of serverLaws(served)) it(name, check)`. Everything runs in virtual
 * time, in which answers must not depend on chance.
 *
 * @example
 * ```ts
 * serverLaws({ serve: (world) => world.serving(echo), talks: [{ client: '-a-b-|' }] });
 * ```
 */
export function serverLaws(served: Served): Law[] {
  const laws = new ServerLaws(served);
  return [
    { name: 'each connection ends once, in one order', check: () => laws.oneEnd() },
    { name: 'ids are 1, 2, 3, and not used again', check: () => laws.ids() },
    { name: 'wakes are one empty chunk, and none after the end', check: () => laws.wakes() },
    { name: 'a client may end its side at any time, and leaves nothing', check: () => laws.leaves('|') },
    { name: 'a client may reset at any time, and leaves nothing', check: () => laws.leaves('#') },
    { name: 'a client that goes does not disturb another', check: () => laws.neighbours() },
    { name: 'answers do not depend on the schedule', check: () => laws.schedules() },
    { name: 'a client that reads late gets every byte', check: () => laws.lateReader() },
    { name: 'close() in the middle leaves nothing', check: () => laws.closes() },
  ];
}

class ServerLaws {
  readonly #served: Served;

  constructor(served: Served) {
    this.#served = served;
  }

  oneEnd(): void {
    for (const talk of this.#served.talks) {
      const events: string[] = [];
      const seen: Connection[] = [];
      this.#run({}, (world, server) => {
        server.disconnected$.subscribe(({ connection }) => events.push(`disconnected$ ${connection.id}`));
        this.#client(world, talk);
        world.at(0, () => watchNew(world, server, seen, events));
      });
      const expected = seen.flatMap(({ id }) => [`data$ ${id}`, `closed$ ${id}`, `disconnected$ ${id}`]);
      if (!isDeepStrictEqual(events, expected)) violated(`the ends for ${talk.client}`, expected, events);
    }
  }

  ids(): void {
    const ids: number[] = [];
    this.#run({}, (world, server) => {
      server.disconnected$.subscribe(({ connection }) => ids.push(connection.id));
      for (const client of ['^-#', '-^---#', '----^#']) this.#client(world, { client });
    });
    if (!isDeepStrictEqual(ids, [1, 2, 3])) violated('the ids of three clients', [1, 2, 3], ids);
  }

  wakes(): void {
    const chunks: number[] = [];
    this.#run({}, (world, server) => {
      this.#client(world, { client: ' 10ms |' });
      world.at(2, () => {
        for (const connection of server.connections.values()) {
          connection.data$.subscribe(({ length }) => chunks.push(length));
          connection.closed$.subscribe(() => connection.wake());
          for (let i = 0; i < 3; i++) connection.wake();
        }
      });
    });
    if (chunks.filter((length) => length === 0).length > 1) violated('three wakes', [0], chunks);
  }

  /** At every millisecond of every talk. */
  leaves(how: '|' | '#'): void {
    for (const talk of this.#served.talks) {
      const { marbles, duration } = parseLane(talk.client, 'client', talk.values);
      for (let at = 0; at <= duration; at++) {
        this.#run({}, (world) => {
          const before = marbles.filter((marble) => marble.at < at && marble.kind === 'data');
          const values: Record<string, Buffer> = {};
          let lane = '';
          let time = 0;
          for (const [index, { at: when, bytes = Buffer.alloc(0) }] of before.entries()) {
            const name = `{v${index}}`;
            values[`v${index}`] = bytes;
            lane += ` ${Math.max(0, when - time)}ms ${name}`;
            time = when + name.length;
          }
          this.#client(world, { client: `${lane}${how}`, values });
        });
      }
    }
  }

  neighbours(): void {
    for (const talk of this.#served.talks) {
      const alone = this.#answer({}, talk);
      let beside: Buffer = Buffer.alloc(0);
      this.#run({}, (world) => {
        const client = this.#client(world, talk);
        this.#client(world, { ...talk, client: '-#' });
        this.#client(world, { ...talk, client: '--!' });
        world.at(world.horizon - 1, () => (beside = client.received));
      });
      if (!beside.equals(alone))
        violated(`${talk.client} beside others that go`, String(alone), String(beside));
    }
  }

  schedules(): void {
    for (const talk of this.#served.talks) {
      const plain = this.#answer({}, talk);
      for (let schedule = 1; schedule <= (this.#served.schedules ?? 20); schedule++) {
        const answer = this.#answer(
          { ...TINY, schedule, link: { latency: 1, jitter: 2 }, quiet: 10_000 },
          talk,
        );
        if (!answer.equals(plain))
          violated(`${talk.client} on schedule ${schedule}`, String(plain), String(answer));
      }
    }
  }

  lateReader(): void {
    for (const talk of this.#served.talks) {
      const plain = this.#answer({}, talk);
      const answer = this.#answer({ ...TINY, quiet: 10_000 }, { ...talk, client: `[${talk.client} 100ms ]` });
      if (!answer.equals(plain)) violated(`${talk.client}, read late`, String(plain), String(answer));
    }
  }

  closes(): void {
    for (const talk of this.#served.talks) {
      const { duration } = parseLane(talk.client, 'client', talk.values);
      for (let at = 0; at <= duration; at++) {
        this.#run({}, (world, server) => {
          this.#client(world, talk);
          world.at(at, () => void server.close({ timeout: 10 }));
        });
      }
    }
  }

  #answer(options: SimulationOptions, talk: Talk): Buffer {
    let answer: Buffer = Buffer.alloc(0);
    this.#run(options, (world) => {
      const client = this.#client(world, talk);
      world.at(world.horizon - 1, () => (answer = client.received));
    });
    return answer;
  }

  #client(world: World, { client, values = {} }: Talk): WireClient {
    return world.client(client, values);
  }

  /** A run checks by itself that nothing is left, and that nothing was reported. */
  #run(options: SimulationOptions, act: (world: World, server: Server) => void): void {
    const { serve, errors = [] } = this.#served;
    simulate((world) => {
      const server = serve(world);
      if (errors.length > 0) world.allowErrors(server, errors);
      act(world, server);
    }, options);
  }
}

/** How long a server may take to accept, in ms. */
const ACCEPTING = 10;

/** Listens to the ends of the first connection, as soon as there is one. */
function watchNew(world: World, server: Server, seen: Connection[], events: string[]): void {
  for (const connection of server.connections.values()) {
    const { id } = connection;
    seen.push(connection);
    let over = false;
    connection.data$.subscribe({
      next: () => {
        if (over) events.push(`data after the end ${id}`);
      },
      complete: () => events.push(`data$ ${id}`),
    });
    connection.closed$.subscribe(() => {
      over = true;
      events.push(`closed$ ${id}`);
    });
  }
  const next = world.now() + 1;
  if (seen.length === 0 && next < ACCEPTING) world.at(next, () => watchNew(world, server, seen, events));
}
