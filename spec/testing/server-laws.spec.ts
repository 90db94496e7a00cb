// Each law of servers can be broken: bugs that were planted in a server, with what the law says of them.

import { expect } from 'chai';
import type { Connection, Protocol, Server } from 'evio';
import { serverLaws } from 'evio/testing';
import type { Served, World } from 'evio/testing';
import { NEVER, endWith, ignoreElements, map, merge, mergeMap, timer } from 'rxjs';

import { twisted, withStream } from './twisted.js';
import { verdict } from './verdict.js';

const talks = [{ client: '-a-b-|' }];
const echo: Protocol = (data$) => data$;
const serving = (protocol: Protocol): Served => ({ serve: (world) => world.serving(protocol), talks });

/** A server that serves an echo, and of which something is wrong. */
const spoilt = (spoil: (server: Server, world: World) => Server | void): Served => ({
  serve: (world) => {
    const server = world.serving(echo);
    return spoil(server, world) ?? server;
  },
  talks,
});

/** Connections of which something is wrong. */
const connecting = (spoil: (connection: Connection) => void): Served =>
  spoilt((server) => void server.connections$.subscribe(spoil));

/** The same object, but for some of what it has. */
function but<T extends object>(object: T, other: Partial<T>): T {
  return new Proxy(object, {
    get: (target, name) => {
      if (Object.hasOwn(other, name)) return other[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** What each law says of a server that breaks it. */
const SERVERS: Record<string, { law: string; served: Served; says: RegExp }> = {
  'one that tells an end twice': {
    law: 'each connection ends once, in one order',
    served: spoilt((server) =>
      but(server, { disconnected$: server.disconnected$.pipe(mergeMap((end) => [end, end])) }),
    ),
    says: /connection 1 was closed 2 times/,
  },
  'one that tells an end before the connection does': {
    law: 'each connection ends once, in one order',
    served: spoilt((server) =>
      but(server, {
        disconnected$: server.connections$.pipe(
          mergeMap((connection) => connection.data$.pipe(ignoreElements(), endWith({ connection }))),
        ),
      }),
    ),
    says: /^the ends of -a-b-\|, as it is: expected \[ 'data\$ 1', 'closed\$ 1', 'disconnected\$ 1' \]/,
  },
  'one that throws': {
    law: 'each connection ends once, in one order',
    served: serving((data$) =>
      data$.pipe(
        map((data, index) => {
          if (index > 0) throw new Error('not on purpose');
          return data;
        }),
      ),
    ),
    says: /^not on purpose/,
  },
  'one that uses ids again': {
    law: 'ids are 1, 2, 3, and not used again',
    served: spoilt((server) =>
      but(server, {
        connections$: server.connections$.pipe(map((connection) => but(connection, { id: 1 }))),
      }),
    ),
    says: /^the ids of four clients: expected \[ 1, 2, 3, 4 \], but it was \[ 1, 1, 1, 1 \]/,
  },
  'one that loses wakes': {
    law: 'wakes are one empty chunk, and none after the end',
    served: connecting((connection) => {
      connection.wake = () => {};
    }),
    says: /^empty chunks of three wakes: expected 1, but it was 0/,
  },
  'one that passes on every wake': {
    law: 'wakes are one empty chunk, and none after the end',
    served: connecting((connection) => {
      const input = connection as unknown as {
        data(source: Buffer, start: number, end: number, lent: boolean): void;
      };
      connection.wake = () => input.data(Buffer.alloc(0), 0, 0, false);
    }),
    says: /^empty chunks of three wakes: expected 1, but it was 3/,
  },
  'one that ends before it has flushed': {
    law: 'what was written before the end comes before FIN',
    served: connecting((connection) => {
      connection.end = (bytes = '') => {
        connection.write(bytes);
        connection.destroy();
      };
    }),
    says: /^the last bytes for a client that reads (at once|late|slowly): expected "x/,
  },
  'a poller that drops what is queued at the end': {
    law: 'what was written before the end comes before FIN',
    served: {
      serve: (world) => {
        const stream = twisted(world.poller, {
          stream: (whole) => withStream(whole, { shutdown: () => whole.close() }),
        });
        return world.serving(echo, { poller: stream });
      },
      talks,
    },
    says: /^the last bytes for a client that reads (at once|late|slowly): expected "x/,
  },
  'one that never ends': {
    law: 'a client may end its side at any time, and leaves nothing',
    served: serving((data$) => merge(data$, NEVER)),
    says: /^connections when \| has gone: expected 0, but it was 1/,
  },
  'one that keeps a timer after its client': {
    law: 'a client may reset at any time, and leaves nothing',
    served: spoilt((server, { network }) => {
      server.disconnected$.subscribe(() => network.agenda.after(10_000_000, () => {}));
    }),
    says: /1 events are still to come.*the talk -#, which goes at 1 ms/s,
  },
  'one that loses everybody with one': {
    law: 'a client that goes does not disturb another',
    served: spoilt((server) => {
      server.disconnected$.subscribe(() => {
        for (const connection of server.connections.values()) connection.destroy();
      });
    }),
    says: /^the answer to -a-b-\| beside .*: expected "ab", but it was "a?"/,
  },
  'one whose clients share what they should not': {
    law: 'a client that goes does not disturb another',
    served: {
      serve: (world) => {
        let clients = 0;
        return world.serving((data$) => {
          clients += 1;
          return data$.pipe(map((data) => `${clients}${String(data)}`));
        });
      },
      talks,
    },
    says: /^the answer to -a-b-\| beside .*: expected "1a1b", but it was "2a2b"/,
  },
  'one whose answer depends on how its input is cut': {
    law: 'answers do not depend on the schedule',
    served: {
      ...serving((data$) => data$.pipe(map((data) => `${data.length} `))),
      talks: [{ client: '-{big}------|', values: { big: 'x'.repeat(500) } }],
    },
    says: /on schedule 1: expected "500 ", but it was "64 /,
  },
  'one that drops what a slow client has not read': {
    law: 'a client that reads late gets every byte',
    served: serving((data$, connection) => {
      connection.data$.subscribe({ complete: () => timer(5).subscribe(() => connection.destroy()) });
      return data$.pipe(map(() => 'x'.repeat(500)));
    }),
    says: /, read (late|slowly): expected "x/,
  },
  'one that does not close': {
    law: 'close() in the middle leaves nothing',
    served: spoilt((server) => but(server, { close: () => Promise.resolve({ drained: 0, forced: 0 }) })),
    says: /^(connections|sockets) after close\(\) at 0 ms of -a-b-\|: expected 0, but it was 1/,
  },
};

const BOUNDED: Served = {
  serve: (world) =>
    world.serving((data$) => data$.pipe(mergeMap(() => Array<string>(20).fill('x'.repeat(100)))), {
      maxQueuedBytes: Infinity,
    }),
  talks,
  queued: 500,
};

describe('a law of servers', () => {
  for (const [what, { law, served, says }] of Object.entries(SERVERS)) {
    it(`is broken by ${what}`, () => {
      expect(verdict(serverLaws(served), law)).to.match(says);
    });
  }

  it('of its queues is broken by one without a bound, and tells when', () => {
    const law = 'at most 500 bytes wait for a client that does not read';
    expect(verdict(serverLaws(BOUNDED), law)).to.match(
      /^at 1 ms \d+ bytes are queued for the client, which must stay below 501/,
    );
  });

  it('has a mutant, each', () => {
    const names = serverLaws(serving(echo)).map(({ name }) => name);
    expect(names).to.have.members([...new Set(Object.values(SERVERS).map(({ law }) => law))]);
  });

  it('is not to be had of nothing', () => {
    expect(() => serverLaws({ ...serving(echo), talks: [] })).to.throw(
      TypeError,
      'talks must be a list of one talk',
    );
    const [law] = serverLaws({ serve: () => {}, talks });
    expect(() => law?.check()).to.throw(TypeError, 'serve must set a server up in the world, or return one');
  });
});
