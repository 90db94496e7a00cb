// What holds for every server, whatever it serves: how connections end, and that nobody suffers from anybody else.

import { isDeepStrictEqual } from 'node:util';

import type { Connection } from '../connection.js';
import { describe, invalidArgument } from '../errors.js';
import type { Server } from '../server.js';
import { violated } from './laws.js';
import type { Law } from './laws.js';
import { quote } from './quote.js';
import { simulate } from './simulate.js';
import { framesOf, leaving, patient, readingLate, spanOf } from './talk.js';
import type { Talk } from './talk.js';
import type { WireClient } from './wire-client.js';
import type { ClientOptions, SimulationOptions, World } from './world.js';

/** A server, and what is said to it. */
export interface Served {
  /**
   * Sets a server up on `world.poller`: `(world) => world.serving(protocol)`, or `listen(…, { poller: world.poller })`. It is the
   * one that is returned, or the first of the world.
   */
  readonly serve: (world: World) => unknown;
  /** One at least; what a client is answered must not depend on what others say. */
  readonly talks: readonly Talk[];
  /** Codes that its `errors$` may tell. Default: none. */
  readonly errors?: readonly string[];
  /** It may go on when its client has sent FIN; then only a reset ends a connection. Default false. */
  readonly halfOpen?: boolean;
  /** How many schedules are tried. Default 20. */
  readonly schedules?: number;
  /** Most bytes that may wait for a client which does not read: its `maxQueuedBytes`, and one write. Else that is not tried. */
  readonly queued?: number;
}

/** A kernel so small that nothing goes at once. */
const TINY: SimulationOptions = { sendBuffer: 64, receiveBuffer: 64, quiet: 10_000 };
/** What a client that reads slowly reads in a millisecond. */
const SLOWLY = 16;
/** In ms: how long clients read late, and servers may take to close. */
const LATE = 100;
const CLOSING = 10;
/** More than the kernel takes. */
const LAST_WORDS = Buffer.concat([Buffer.alloc(1000, 'x'), Buffer.from(' and the last')]);

/**
 * Laws of a server, for `for (const { name, check } of serverLaws(served)) it(name, check)`. Everything runs in virtual
 * time, in which answers must not depend on chance.
 *
 * @throws TypeError without a talk: every law would hold.
 * @example
 * ```ts
 * serverLaws({ serve: (world) => world.serving(echo), talks: [{ client: '-a-b-|' }] });
 * ```
 */
export function serverLaws(served: Served): Law[] {
  if (!Array.isArray(served.talks) || served.talks.length === 0) {
    throw invalidArgument('serverLaws: talks must be a list of one talk at least');
  }
  const laws = new ServerLaws(served);
  return [
    { name: 'each connection ends once, in one order', check: () => laws.oneEnd() },
    { name: 'ids are 1, 2, 3, and not used again', check: () => laws.ids() },
    { name: 'wakes are one empty chunk, and none after the end', check: () => laws.wakes() },
    { name: 'what was written before the end comes before FIN', check: () => laws.flushes() },
    { name: 'a client may end its side at any time, and leaves nothing', check: () => laws.leaves('fin') },
    { name: 'a client may reset at any time, and leaves nothing', check: () => laws.leaves('reset') },
    { name: 'a client that goes does not disturb another', check: () => laws.neighbours() },
    { name: 'answers do not depend on the schedule', check: () => laws.schedules() },
    { name: 'a client that reads late gets every byte', check: () => laws.lateReader() },
    { name: 'close() in the middle leaves nothing', check: () => laws.closes() },
    ...(served.queued === undefined
      ? []
      : [
          {
            name: `at most ${served.queued} bytes wait for a client that does not read`,
            check: (): void => laws.bounded(),
          },
        ]),
  ];
}

const GOING = ['fin', 'reset', 'close'] as const;

/** What happens in a run. */
type Act = (world: World, server: Server) => void;

class ServerLaws {
  readonly #served: Served;

  constructor(served: Served) {
    this.#served = served;
  }

  /** However it ends: as the talk says, by a reset, and from this side. */
  oneEnd(): void {
    for (const talk of this.#served.talks) {
      const { from, to } = spanOf(talk);
      const middle = Math.ceil((from + to) / 2);
      const everybody = (act: (connection: Connection) => void, server: Server): void => {
        for (const connection of server.connections.values()) act(connection);
      };
      this.#oneEnd(talk, 'as it is', () => {});
      this.#oneEnd(leaving(talk, middle, 'reset'), 'with a reset', () => {});
      this.#oneEnd(talk, `and destroy() at ${middle} ms`, (world, server) =>
        world.at(middle, () => everybody((connection) => connection.destroy(), server)),
      );
      this.#oneEnd(talk, `and close() at ${middle} ms`, (world, server) =>
        world.at(middle, () => void server.close({ timeout: CLOSING })),
      );
    }
  }

  #oneEnd(talk: Talk, how: string, act: Act): void {
    const told: string[] = [];
    const seen: number[] = [];
    this.#run(talk, how, {}, (world, server) => {
      server.connections$.subscribe((connection) => {
        seen.push(connection.id);
        noteEnds(connection, told);
      });
      server.disconnected$.subscribe(({ connection }) => told.push(`disconnected$ ${connection.id}`));
      this.#client(world, talk);
      act(world, server);
    });
    const expected = [1].flatMap((id) => [`data$ ${id}`, `closed$ ${id}`, `disconnected$ ${id}`]);
    if (!isDeepStrictEqual(seen, [1])) violated(`the connections of ${talk.client}, ${how}`, [1], seen);
    if (!isDeepStrictEqual(told, expected)) violated(`the ends of ${talk.client}, ${how}`, expected, told);
  }

  ids(): void {
    const ids: number[] = [];
    const lanes = ['^-#', '-^---#', '----^#', ' 10ms ^--|'];
    this.#run({ client: lanes.join(' and ') }, '', {}, (world, server) => {
      server.connections$.subscribe(({ id }) => ids.push(id));
      for (const client of lanes) this.#client(world, { client });
    });
    if (!isDeepStrictEqual(ids, [1, 2, 3, 4])) violated('the ids of four clients', [1, 2, 3, 4], ids);
  }

  wakes(): void {
    let empty = 0;
    let late = 0;
    let open = false;
    const silent = { client: ' 10ms |' };
    this.#run(silent, 'woken', {}, (world, server) => {
      server.connections$.subscribe((connection) => {
        let over = false;
        let counting = false;
        connection.data$.subscribe(({ length }) => {
          if (over) late += 1;
          else if (counting && length === 0) empty += 1;
        });
        connection.closed$.subscribe(() => {
          over = true;
          connection.wake();
        });
        world.at(world.now() + 2, () => {
          counting = true;
          for (let i = 0; i < 3; i++) connection.wake();
        });
        world.at(world.now() + 3, () => {
          counting = false;
          open = !over;
        });
      });
      this.#client(world, silent);
    });
    if (late > 0) violated('chunks after the end', 0, late);
    if (empty > 1 || (open && empty === 0)) violated('empty chunks of three wakes', 1, empty);
  }

  /** To a client that says nothing, and reads at once, late, and slowly. */
  flushes(): void {
    for (const [how, talk, reading] of readers({ client: '---' })) {
      const { ended, got, end } = this.#lastWords(how, talk, reading);
      if (!ended) continue; // the server was faster
      if (!got.subarray(-LAST_WORDS.length).equals(LAST_WORDS))
        violated(`the last bytes for a client that reads ${how}`, quote(LAST_WORDS), quote(got));
      if (end !== 'fin') violated(`the end for a client that reads ${how}`, 'fin', end);
    }
  }

  #lastWords(how: string, talk: Talk, reading: ClientOptions): { ended: boolean; got: Buffer; end?: string } {
    let ended = false;
    let got: Buffer = NOTHING;
    let end: string | undefined;
    const act: Act = (world, server) => {
      const client = this.#client(world, talk, reading);
      server.connections$.subscribe((connection) =>
        world.at(world.now() + 2, () => {
          if (!server.connections.has(connection.id)) return;
          ended = true;
          // In one piece, which no bound of the queue refuses; only its own end may have come first.
          const refused = server.errors$.subscribe(() => (ended = false));
          connection.write(LAST_WORDS);
          refused.unsubscribe();
          connection.end();
        }),
      );
      world.at(world.horizon - 1, () => {
        got = client.received;
        end = client.events.find(({ kind }) => kind === 'fin' || kind === 'reset')?.kind;
      });
    };
    // Who serves may write later, and is told so.
    this.#run(talk, `reading ${how}`, TINY, act, ['ERR_EVIO_WRITE_AFTER_END']);
    return { ended, got, ...(end === undefined ? {} : { end }) };
  }

  /** At every millisecond of every talk. */
  leaves(how: 'fin' | 'reset'): void {
    const { halfOpen = false, talks } = this.#served;
    for (const talk of talks) {
      const { from, to } = spanOf(talk);
      for (let at = from; at <= to; at++) {
        const left = leaving(talk, at, how);
        let open = 0;
        this.#run(left, `which goes at ${at} ms`, { quiet: 5000 }, (world, server) => {
          this.#client(world, left);
          world.at(world.horizon - 1, () => (open = server.connections.size));
        });
        if (open > 0 && !(halfOpen && how === 'fin'))
          violated(`connections when ${left.client} has gone`, 0, open);
      }
    }
  }

  neighbours(): void {
    for (const talk of this.#served.talks) {
      const stays = patient(talk);
      const alone = this.#answer({}, stays);
      const ways = framesOf(talk).flatMap((at) => GOING.map((how) => leaving(talk, at, how)));
      for (const goes of ways) {
        const how = `beside ${goes.client}`;
        const beside = this.#answer({}, stays, {}, how, (world) => {
          this.#client(world, goes, { name: 'other' });
        });
        if (!beside.equals(alone))
          violated(`the answer to ${stays.client} ${how}`, quote(alone), quote(beside));
      }
    }
  }

  schedules(): void {
    for (const talk of this.#served.talks.map(patient)) {
      const plain = this.#answer({}, talk);
      for (let schedule = 1; schedule <= (this.#served.schedules ?? 20); schedule++) {
        const answer = this.#answer({ ...TINY, schedule, link: { latency: 1, jitter: 2 } }, talk);
        if (!answer.equals(plain))
          violated(`the answer to ${talk.client} on schedule ${schedule}`, quote(plain), quote(answer));
      }
    }
  }

  lateReader(): void {
    for (const talk of this.#served.talks) {
      const plain = this.#answer({}, patient(talk));
      for (const [how, said, reading] of readers(talk)) {
        const answer = this.#answer(TINY, said, reading, how);
        if (!answer.equals(plain))
          violated(`the answer to ${said.client}, read ${how}`, quote(plain), quote(answer));
      }
    }
  }

  bounded(): void {
    const { queued = Infinity, talks } = this.#served;
    for (const talk of talks.map((said) => readingLate(said, LATE))) {
      this.#run(talk, '', TINY, (world) => {
        world.expectQueued(this.#client(world, talk)).toStayBelow(queued + 1);
      });
    }
  }

  /** With a client that reads, and with one that does not. */
  closes(): void {
    for (const talk of this.#served.talks) {
      const { from, to } = spanOf(talk);
      for (const client of [talk, readingLate(talk, 10 * LATE)]) {
        for (let at = from; at <= to; at++) this.#closes(client, at);
      }
    }
  }

  #closes(talk: Talk, at: number): void {
    let open = 0;
    let listening = 0;
    this.#run(talk, `and close() at ${at} ms`, TINY, (world, server) => {
      this.#client(world, talk);
      const others = world.poller.open - server.addresses.length;
      world.at(at, () => void server.close({ timeout: CLOSING }));
      world.at(at + 2 * CLOSING, () => {
        open = server.connections.size;
        listening = world.poller.open - others - open;
      });
    });
    if (open > 0) violated(`connections after close() at ${at} ms of ${talk.client}`, 0, open);
    if (listening > 0) violated(`sockets after close() at ${at} ms of ${talk.client}`, 0, listening);
  }

  #answer(
    options: SimulationOptions,
    talk: Talk,
    reading: ClientOptions = {},
    how = '',
    act: Act = () => {},
  ): Buffer {
    let answer: Buffer = NOTHING;
    this.#run(talk, how, options, (world, server) => {
      const client = this.#client(world, talk, reading);
      act(world, server);
      world.at(world.horizon - 1, () => (answer = client.received));
    });
    return answer;
  }

  #client(world: World, { client, values = {} }: Talk, options: ClientOptions = {}): WireClient {
    return world.client(client, values, options);
  }

  /** A run checks by itself that nothing is left, and that nothing was reported. */
  #run(talk: Talk, how: string, options: SimulationOptions, act: Act, more: readonly string[] = []): void {
    const { serve, errors = [] } = this.#served;
    const notes = [`the talk ${talk.client}${how === '' ? '' : `, ${how}`}`];
    simulate(
      (world) => {
        const server = serverOf(world, serve(world));
        const allowed = [...errors, ...more];
        if (allowed.length > 0) world.allowErrors(server, allowed);
        act(world, server);
      },
      { ...options, notes },
    );
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

/** Ways to read: how it is called, what such a client says, and how fast it reads. */
function readers(talk: Talk): (readonly [how: string, talk: Talk, reading: ClientOptions])[] {
  return [
    ['at once', patient(talk), {}],
    ['late', readingLate(talk, LATE), {}],
    ['slowly', patient(talk), { readRate: SLOWLY }],
  ];
}

function serverOf(world: World, served: unknown): Server {
  const isServer = typeof served === 'object' && served !== null && 'disconnected$' in served;
  const server = isServer ? (served as Server) : world.servers[0];
  if (server !== undefined) return world.adopt(server);
  throw invalidArgument(
    `serverLaws: serve must set a server up in the world, or return one, not ${describe(served)}`,
    'ERR_INVALID_ARG_TYPE',
  );
}

/** What a connection's own streams tell of its end. */
function noteEnds({ id, data$, closed$ }: Connection, told: string[]): void {
  let over = false;
  data$.subscribe({
    next: () => {
      if (over) told.push(`data after the end ${id}`);
    },
    complete: () => told.push(`data$ ${id}`),
  });
  closed$.subscribe(() => {
    over = true;
    told.push(`closed$ ${id}`);
  });
}
