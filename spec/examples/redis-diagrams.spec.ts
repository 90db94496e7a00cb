// The protocol of the Redis server, proved by diagrams, each of them with its bytes cut in every way.

import type { Protocol, Server } from 'evio';
import { resegment, simulate, wire } from 'evio/testing';
import type { WireOptions, WireValues, World } from 'evio/testing';

import { HIGH_WATER_MARK, redis } from '../../examples/redis/protocol.js';
import { Store } from '../../examples/redis/store.js';
import { request } from './redis-in-memory.js';

const SERVER = { settings: {}, facts: () => ({}), shutdown: () => {} };

/** Each connection with a store of its own, so that every run of a diagram begins with nothing. */
const fresh: Protocol = (data$, connection) => redis(new Store(), SERVER)(data$, connection);

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

const everyByte = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
const OK = '+OK\r\n';
const PONG = '+PONG\r\n';

/** Requests as programs send them, and their replies, in capitals. */
const VALUES: WireValues = {
  p: request('PING'),
  P: PONG,
  s: request('SET', 'key', 'value'),
  S: OK,
  g: request('GET', 'key'),
  G: bulk('value'),
  N: '$-1\r\n',
  d: request('DEL', 'key', 'nothing'),
  D: ':1\r\n',
  i: request('INCR', 'number'),
  I: ':1\r\n',
  J: ':2\r\n',
  m: request('MGET', 'key', 'nothing', 'number'),
  q: request('QUIT'),
  Q: OK,
};

/** The reply to HELLO 3. */
function hello(id: number): string {
  const facts = ['server', 'redis', 'version', '7.0.15', 'proto', 3, 'id', id, 'mode', 'standalone'];
  const told = [...facts, 'role', 'master', 'modules'].map((fact) =>
    typeof fact === 'number' ? `:${fact}\r\n` : bulk(fact),
  );
  return `%7\r\n${told.join('')}*0\r\n`;
}

function proves(
  client: string,
  server: string,
  values: WireValues = {},
  options: WireOptions & { random?: number } = {},
): void {
  resegment(fresh, { client, server }, { ...VALUES, ...values }, options);
}

describe('diagrams: the protocol of the Redis server', () => {
  it('answers inline commands', () => {
    proves('^-a-b-|', '--P-E-|', { a: 'PING\r\n', b: 'echo hello\r\n', E: bulk('hello') });
  });

  it('answers inline commands that are typed: LF alone, spaces, quotes, letters one by one', () => {
    proves('^-a-b-c-|', '--S-V-V-|', {
      a: '  set key "a \\x41\\n" \n',
      b: 'get key\r\n',
      c: 'GET  key\n',
      V: bulk('a A\n'),
    });
    proves('^-t-y-p-e-d-|', '----------P-|', { t: 'p', y: 'i', p: 'n', e: 'g', d: '\n' });
  });

  it('answers SET, GET, DEL, INCR and MGET', () => {
    proves('^-s-g-d-g-|', '--S-G-D-N-|');
    proves('^-i-i-s-m-|', '--I-J-S-M-|', { M: `*3\r\n${bulk('value')}$-1\r\n${bulk('2')}` });
  });

  it('answers a pipeline in order, with one segment for each segment', () => {
    proves('^-(psgiig)-(dg)-|', '--(PSGIJG)-(DN)-|');
  });

  it('mixes inline and RESP commands in one pipeline', () => {
    proves('^-(asbg)-|', '--(PSGG)-|', { a: 'PING\r\n', b: 'get key\r\n' });
  });

  it('passes over what is no request: empty lines, empty and negative arrays', () => {
    proves('^-(epeee)-p-|', '--P 7ms P-|', { e: '\r\n*0\r\n*-1\r\n' });
  });

  it('refuses the wrong number of arguments and unknown commands, and goes on', () => {
    proves('^-a-u-p-|', '--A-U-P-|', {
      a: request('GET'),
      A: "-ERR wrong number of arguments for 'get' command\r\n",
      u: request('nonsense', 'a\r\nb'),
      U: "-ERR unknown command 'nonsense', with args beginning with: 'a  b' \r\n",
    });
  });

  for (const [what, input, complaint] of [
    ['an argument that is no bulk string', '*1\r\n:4\r\n', "expected '$', got ':'"],
    ['a negative length', '*1\r\n$-1\r\n', 'invalid bulk length'],
    ['a length that is none', '*1\r\n$4x\r\n', 'invalid bulk length'],
    ['a count that is none', '*x\r\n', 'invalid multibulk length'],
    ['too many arguments', '*1048577\r\n', 'invalid multibulk length'],
    ['an open quote', 'get "key\r\n', 'unbalanced quotes in request'],
  ] as const) {
    it(`says what is wrong and closes: ${what}`, () => {
      proves('^-s-x-p', '--S-(X|)', { x: input, X: `-ERR Protocol error: ${complaint}\r\n` });
      proves('^-(sx)', '--(SX|)', { x: input, X: `-ERR Protocol error: ${complaint}\r\n` });
    });
  }

  it('closes without a word when a browser was made to call', () => {
    proves('^-h', '--|', { h: 'POST / HTTP/1.1\r\n' });
  });

  it('ends after the reply to QUIT, and answers nothing behind it', () => {
    proves('^-s-q', '--S-(Q|)');
    proves('^-(sqgp)', '--(SQ|)');
  });

  it('keeps empty and binary values', () => {
    proves('^-a-g-|', '--S-E-|', { a: request('SET', 'key', ''), E: bulk('') });
    proves(
      '^-a-b-|',
      '--S-V-|',
      {
        a: bytes(request('SET', everyByte, everyByte)),
        b: bytes(request('GET', everyByte)),
        V: bytes(bulk(everyByte)),
      },
      { random: 5 },
    );
  });

  it('speaks RESP3 to who says HELLO 3', () => {
    proves('^-g-h-g-|', '--N-H-O-|', {
      h: request('HELLO', '3'),
      H: hello(1),
      O: '_\r\n',
    });
  });

  it('answers a request that comes together with FIN, and not one that FIN cuts off', () => {
    proves('^-(sg|)', '--(SG|)');
    proves('^-(sc|)', '--(S|)', { c: request('GET', 'key').slice(0, -1) });
  });

  it('forgets a request that a reset cuts off', () => {
    proves('^-s-c#', '--S', { c: request('SET', 'key', 'other').slice(0, -4) });
  });

  it('ends who is silent for too long, in mid-request too', () => {
    const listen = { idleTimeout: 10 };
    wire(fresh, { client: '^-s 30ms |', server: '--S 9ms |' }, VALUES, { listen });
    wire(fresh, { client: "^-'*1\\r\\n' 30ms |", server: '-- 10ms |' }, VALUES, { listen });
  });

  it('takes and gives back a large value, whatever the kernel holds of it', () => {
    const value = everyByte.repeat(800);
    const values = {
      a: bytes(request('SET', 'key', value)),
      V: bytes(bulk(value)),
    };
    for (const cuts of [[], [1], [30], [31, 16_415, 100_000], [204_829, 204_830]]) {
      simulate(
        (world) => {
          world.serving(fresh);
          const client = world.client('^-a-g-|', { ...VALUES, ...values }, { cuts });
          world.expectBytes(client).toBe(Buffer.concat([bytes(OK), values.V]));
        },
        { sendBuffer: 10_000, receiveBuffer: 300_000 },
      );
    }
  });

  describe('with several clients on one store', () => {
    const together = (world: World): void => void world.serving(redis(new Store(), SERVER));

    it('shows each what the others have set', () => {
      simulate((world) => {
        together(world);
        const first = world.client('^-s-----g-|', VALUES);
        const second = world.client('^---g-d---|', VALUES);
        world.expectWire(first).toBe('--S-----N-|');
        world.expectWire(second).toBe('----G-D---|');
      });
    });

    it('speaks to each in the version of RESP that it has asked for', () => {
      const values = { ...VALUES, h: request('HELLO', '3'), H: hello(1), O: '_\r\n' };
      simulate((world) => {
        together(world);
        const third = world.client('^-h--g---g', values);
        const second = world.client('^---g--g', values);
        world.expectWire(third).toBe('--H--O---O');
        world.expectWire(second).toBe('----N--N');
      });
    });

    it('keeps apart what they send at the same time, in pieces', () => {
      const two = request('SET', 'key', 'other');
      simulate((world) => {
        together(world);
        const first = world.client('^-abc-g', {
          ...VALUES,
          a: '*3\r\n$3\r\nS',
          b: 'ET\r\n$3\r\nke',
          c: 'y\r\n$1\r\n1\r\n',
        });
        const second = world.client('^-abc-g', {
          ...VALUES,
          a: two.slice(0, 3),
          b: two.slice(3, 20),
          c: two.slice(20),
        });
        world.expectWire(first).toBe('----S-O', { ...VALUES, O: bulk('other') });
        world.expectWire(second).toBe('----S-O', { ...VALUES, O: bulk('other') });
        world.expectTrace({ kinds: ['accepts', 'closed'] }).toEqual(['server 1 accepts', 'server 2 accepts']);
      });
    });

    it('leaves the data as it was when one of them is cut off in mid-request', () => {
      simulate((world) => {
        together(world);
        const cut = world.client('^-s-c#', { ...VALUES, c: request('SET', 'key', 'other').slice(0, -1) });
        const other = world.client('^------g', VALUES);
        world.expectWire(cut).toBe('--S');
        world.expectWire(other).toBe('-------G');
        world.expectTrace({ kinds: ['closed'] }).toEqual(['server 1 closed ECONNRESET']);
      });
    });

    it('goes on with what a client has asked for when it reads again, FIN or not, whatever the highWaterMark, and keeps little until then', () => {
      const value = 'x'.repeat(20_000);
      const values = { s: request('SET', 'key', value), l: request('GET', 'key').repeat(500) };
      const asked = OK + bulk(value).repeat(500);
      const mostQueued = HIGH_WATER_MARK + 256 * 1024 + bulk(value).length;
      for (const highWaterMark of [HIGH_WATER_MARK / 8, HIGH_WATER_MARK, 4 * HIGH_WATER_MARK]) {
        for (const lane of ['^-s-[l------]', '^-s-[(l|)------]']) {
          simulate(
            (world) => {
              world.serving(redis(new Store(), SERVER), { highWaterMark });
              const slow = world.client(lane, values);
              world.expectBytes(slow).toBe(asked);
              world.expectQueued(slow).toStayBelow(mostQueued);
            },
            { sendBuffer: 50_000, receiveBuffer: 50_000 },
          );
        }
      }
    });

    it('closes every connection and the server at SHUTDOWN, without a reply', () => {
      const values = { ...VALUES, x: request('SHUTDOWN') };
      simulate((world) => {
        const shutdown = (): void => void server.close();
        const server: Server = world.serving(redis(new Store(), { ...SERVER, shutdown }));
        const first = world.client('^-s-(gx)', values);
        const second = world.client('^-p', values);
        world.expectWire(first).toBe('--S-(G|)');
        world.expectWire(second).toBe('--P-|');
      });
    });

    it('answers the others while one does not read, and that one when it reads again', () => {
      const value = 'x'.repeat(20_000);
      const values = {
        ...VALUES,
        s: request('SET', 'key', value),
        G: bulk(value),
        l: request('GET', 'key').repeat(100),
      };
      simulate(
        (world) => {
          world.serving(redis(new Store(), SERVER), { highWaterMark: 1024 * 1024 });
          const slow = world.client('^-s-[l------]p-|', values);
          const other = world.client('^------p-g', values);
          world.expectWire(other).toBe('-------P-G');
          world.expectBytes(slow).toBe(OK + bulk(value).repeat(100) + PONG);
          world.expectReading(slow).toBe('^----!------^--!');
        },
        { sendBuffer: 50_000, receiveBuffer: 50_000 },
      );
    });
  });
});
