// Time-outs on virtual time: each at its very moment, and never without its reason.

import { expect } from 'chai';
import { listen } from 'evio';
import type { ListenOptions, Server } from 'evio';
import { TestScheduler } from 'rxjs/testing';

import { VirtualPoller } from '../support/virtual-poller.js';
import type { VirtualListener, VirtualStream } from '../support/virtual-poller.js';

interface Script {
  readonly poller: VirtualPoller;
  readonly server: Server;
  /** A client that is read. */
  readonly client: VirtualStream;
  at(milliseconds: number, act: () => void): void;
  connection(): NonNullable<ReturnType<Server['connections']['get']>>;
}

interface Case {
  readonly title: string;
  readonly options: ListenOptions;
  readonly script: (script: Script) => void;
  /** When the connection ends, in ms, and by what; none when it is still open after 10 s. */
  readonly ends?: readonly [at: number, code: string];
}

const IDLE = 'ERR_EVIO_IDLE_TIMEOUT';
const READ = 'ERR_EVIO_READ_TIMEOUT';
const WRITE = 'ERR_EVIO_WRITE_TIMEOUT';
const HANDSHAKE = 'ERR_EVIO_HANDSHAKE_TIMEOUT';

const cases: readonly Case[] = [
  { title: 'none is set: nothing ends it', options: {}, script: () => {} },
  { title: 'idle: nothing ever moves', options: { idleTimeout: 500 }, script: () => {}, ends: [500, IDLE] },
  {
    title: 'idle: counts from the last byte received',
    options: { idleTimeout: 500 },
    script: ({ client, at }) => {
      at(100, () => client.data('x'));
      at(599, () => client.data('x'));
    },
    ends: [1099, IDLE],
  },
  {
    title: 'idle: counts from the last byte that the kernel has taken',
    options: { idleTimeout: 500 },
    script: ({ connection, at }) => at(300, () => connection().write('x')),
    ends: [800, IDLE],
  },
  {
    title: 'idle: goes on while paused',
    options: { idleTimeout: 500 },
    script: ({ connection, at }) => at(100, () => connection().pause()),
    ends: [500, IDLE],
  },
  {
    title: 'idle: a write that nobody takes is no activity',
    options: { idleTimeout: 500 },
    script: ({ client, connection, at }) => {
      client.taking = false;
      at(400, () => connection().write('x'));
    },
    ends: [500, IDLE],
  },
  {
    title: 'idle: a wake is no activity',
    options: { idleTimeout: 500 },
    script: ({ connection, at }) => at(400, () => connection().wake()),
    ends: [500, IDLE],
  },
  {
    title: 'idle: traffic keeps it open',
    options: { idleTimeout: 500 },
    script: ({ client, at }) => {
      for (let i = 1; i <= 20_000 / 499; i++) at(i * 499, () => client.data('x'));
    },
  },
  { title: 'read: no first byte', options: { readTimeout: 200 }, script: () => {}, ends: [200, READ] },
  {
    title: 'read: a gap',
    options: { readTimeout: 200 },
    script: ({ client, at }) => at(150, () => client.data('x')),
    ends: [350, READ],
  },
  {
    title: 'read: the first byte has a time of its own, longer',
    options: { readTimeout: 200, firstByteTimeout: 1000 },
    script: ({ client, at }) => at(900, () => client.data('x')),
    ends: [1100, READ],
  },
  {
    title: 'read: the first byte has a time of its own, shorter, and no gap is too long',
    options: { firstByteTimeout: 100 },
    script: ({ client, at }) => at(99, () => client.data('x')),
  },
  {
    title: 'read: only the first byte is asked for, and does not come',
    options: { firstByteTimeout: 100 },
    script: () => {},
    ends: [100, READ],
  },
  {
    title: 'read: no first byte is asked for, only gaps',
    options: { readTimeout: 200, firstByteTimeout: 0 },
    script: ({ client, at }) => at(3000, () => client.data('x')),
    ends: [3200, READ],
  },
  {
    title: 'read: does not count while paused, and begins anew after that',
    options: { readTimeout: 200 },
    script: ({ connection, at }) => {
      at(150, () => connection().pause());
      at(2000, () => connection().resume());
    },
    ends: [2200, READ],
  },
  {
    title: 'read: is over with the input',
    options: { readTimeout: 200, halfOpen: true },
    script: ({ client, at }) => at(150, () => client.fin()),
  },
  {
    title: 'write: the kernel takes nothing',
    options: { writeTimeout: 300 },
    script: ({ client, connection, at }) => {
      client.taking = false;
      at(100, () => connection().write('stuck'));
      at(350, () => connection().write('more'));
    },
    ends: [400, WRITE],
  },
  {
    title: 'write: each byte taken begins it anew',
    options: { writeTimeout: 300 },
    script: ({ client, connection, at }) => {
      client.taking = false;
      at(100, () => connection().write('stuck'));
      at(300, () => client.takes(1));
      at(500, () => client.takes(1));
    },
    ends: [800, WRITE],
  },
  {
    title: 'write: is over when everything is taken',
    options: { writeTimeout: 300 },
    script: ({ client, connection, at }) => {
      client.taking = false;
      at(100, () => connection().write('stuck'));
      at(399, () => client.takes(5));
    },
  },
  {
    title: 'handshake: established() was not called',
    options: { handshakeTimeout: 1000 },
    script: ({ client, at }) => {
      for (let i = 1; i < 20; i++) at(i * 100, () => client.data('x'));
    },
    ends: [1000, HANDSHAKE],
  },
  {
    title: 'handshake: established() was called in time, twice',
    options: { handshakeTimeout: 1000 },
    script: ({ connection, at }) => {
      at(500, () => connection().established());
      at(999, () => connection().established());
    },
  },
  {
    title: 'several: the one that is up first',
    options: { idleTimeout: 900, readTimeout: 400, handshakeTimeout: 500, writeTimeout: 100 },
    script: ({ client, at }) => at(200, () => client.data('x')),
    ends: [500, HANDSHAKE],
  },
  {
    title: 'a fraction of a millisecond counts',
    options: { idleTimeout: 500 },
    script: ({ client, at }) => at(0.25, () => client.data('x')),
    ends: [500.25, IDLE],
  },
];

function run({ options, script }: Case): { at: number; code: string | undefined; turns: number } | undefined {
  const scheduler = new TestScheduler(() => {});
  let outcome: { at: number; code: string | undefined; turns: number } | undefined;
  let turns = 0;
  scheduler.run(() => {
    const poller = new VirtualPoller(scheduler);
    const server = listen('tcp://127.0.0.1:0', { poller, ...options });
    server.disconnected$.subscribe(({ error }) => {
      const { code } = error as NodeJS.ErrnoException;
      outcome ??= { at: poller.now(), code, turns };
    });
    server.connections$.subscribe(({ data$ }) => data$.subscribe(() => (turns += 1)));
    const client = poller.accept();
    const at = (milliseconds: number, act: () => void): void => {
      scheduler.schedule(act, milliseconds - scheduler.now());
    };
    const connection = (): ReturnType<Script['connection']> => {
      const [first] = server.connections.values();
      if (first === undefined) throw new Error('it is closed');
      return first;
    };
    script({
      poller,
      server,
      client,
      at: (milliseconds, act) => {
        at(milliseconds, () => {
          if (server.connections.size > 0) act();
        });
      },
      connection,
    });
    at(10_000, () => {
      for (const left of server.connections.values()) left.destroy(new Error('still open'));
    });
  });
  return outcome;
}

describe('time-outs', () => {
  for (const one of cases) {
    it(one.title, () => {
      const outcome = run(one);
      const [at, code] = one.ends ?? [10_000, undefined];
      expect([outcome?.at, outcome?.code]).to.deep.equal([at, code]);
    });
  }

  it('say what was wanted, for how long and by which option', () => {
    const scheduler = new TestScheduler(() => {});
    const messages: string[] = [];
    scheduler.run(() => {
      for (const options of [
        { idleTimeout: 5 },
        { readTimeout: 6 },
        { firstByteTimeout: 7 },
        { handshakeTimeout: 8 },
      ]) {
        const poller = new VirtualPoller(scheduler);
        const server = listen('tcp://127.0.0.1:0', { poller, ...options });
        server.disconnected$.subscribe(({ error }) => messages.push(error?.message ?? ''));
        server.data$.subscribe();
        const client = poller.accept();
        if ('readTimeout' in options) client.data('x');
      }
    });
    expect(messages).to.deep.equal([
      'connection 1: nothing was sent or received for 5 ms (idleTimeout)',
      'connection 1: the peer sent nothing for 6 ms (readTimeout)',
      'connection 1: the peer sent nothing for 7 ms (firstByteTimeout)',
      'connection 1: not established within 8 ms (handshakeTimeout)',
    ]);
  });

  it('of ten thousand connections ask for few turns', () => {
    const scheduler = new TestScheduler(() => {});
    let turns = 0;
    let ended = 0;
    scheduler.run(() => {
      const poller = new VirtualPoller(scheduler);
      const server = listen('tcp://127.0.0.1:0', { poller, idleTimeout: 30_000 });
      server.data$.subscribe();
      server.disconnected$.subscribe(() => (ended += 1));
      const clients: VirtualStream[] = [];
      poller.turn(() => {
        for (let i = 0; i < 10_000; i++) clients.push((poller.listeners[0] as VirtualListener).accepts());
      });
      scheduler.schedule(() => {
        poller.turn(() => {
          for (const client of clients) client.receives('x');
        });
        const { turn } = poller;
        poller.turn = (...events) => {
          turns += 1;
          turn.apply(poller, events);
        };
      }, 20_000);
    });
    expect([ended, turns < 100]).to.deep.equal([10_000, true]);
  });
});
