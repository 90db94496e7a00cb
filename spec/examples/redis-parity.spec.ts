import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { destroyPeers } from '../support/peer.js';
import { endProcesses, Running } from '../support/processes.js';
import { needs } from '../support/tools.js';
import { ask } from './dialogue.js';
import { converse, request } from './redis-in-memory.js';

// Each is sent to a Redis 7.0 and to ours; what comes back has to be the same to the byte.
const conversations: Readonly<Record<string, readonly string[]>> = {
  'PING and ECHO': [
    'PING\r\n',
    'ping hello\r\n',
    'PING a b\r\n',
    request('pInG', 'a\r\nb'),
    'echo\r\n',
    request('ECHO', ''),
    request('ECHO', '\0\xff\r\n'),
  ],
  'SET and GET': [
    ...['get', 'get a', 'get a b', 'set a', 'set a 1', 'get a', 'set a 2 nx', 'get a', 'set b 2 xx', 'get b'],
    ...[
      'set a 3 xx',
      'set b 4 nx',
      'mget a b c',
      'set a 5 get',
      'set c 6 get',
      'set c 7 nx get',
      'set d 8 nx get',
    ],
    ...[
      'set e 9 xx get',
      'exists e',
      'set a 1 nx xx',
      'set a 1 xx nx',
      'set a 1 nope',
      'set a 1 nx nx',
      'set a 1 keepttl',
    ],
    ...[
      'set a 1 ex',
      'set a 1 px',
      'set a 1 get nx',
      'set f 1 get nx',
      'set "" ""',
      'get ""',
      'get a',
      'set a 1 getx',
    ],
  ],
  'DEL, EXISTS, MSET, MGET, DBSIZE and FLUSHALL': [
    ...[
      'del',
      'del a',
      'mset a 1 b 2 a 3',
      'mset',
      'mset a',
      'mset a 1 b',
      'mget a b c a',
      'mget',
      'exists a a b c',
      'exists',
    ],
    ...[
      'dbsize',
      'dbsize x',
      'del a a c',
      'dbsize',
      'flushall x',
      'flushall async x',
      'flushall sync',
      'dbsize',
      'FLUSHALL ASYNC',
    ],
  ],
  INCR: [
    ...[
      'incr',
      'incr a b',
      'incr a',
      'incr a',
      'get a',
      'set a 9223372036854775806',
      'incr a',
      'incr a',
      'get a',
    ],
    ...[
      'set a -9223372036854775808',
      'incr a',
      'set a -9223372036854775809',
      'incr a',
      'set a 9223372036854775808',
      'incr a',
    ],
    ...[
      'set a 999999999999999',
      'incr a',
      'incr a',
      'set a -1',
      'incr a',
      'incr a',
      'set a 9007199254740991',
      'incr a',
      'incr a',
    ],
    ...[
      'set a ""',
      'incr a',
      'set a " 1"',
      'incr a',
      'set a 1.5',
      'incr a',
      'set a 01',
      'incr a',
      'set a -0',
      'incr a',
    ],
    ...['set a +1', 'incr a', 'set a 0x1', 'incr a', 'set a "1 "', 'incr a', 'set a -', 'incr a'],
  ],
  'unknown commands': [
    ...[
      'foo',
      'foo a b',
      `${'f'.repeat(200)} a`,
      `foo ${'a'.repeat(100)} ${'b'.repeat(100)} c`,
      `foo ${'a'.repeat(126)} b c`,
    ],
    request('foo', 'a\r\nb', 'c\0d'),
    request('', 'a'),
    request('fo\0o'),
    request('fo\r\no'),
    request('GET\0', 'a'),
    request('\x07ET', 'a'),
  ],
  'the connection': [
    ...[
      'select 0',
      'select x',
      'select 99',
      'select',
      'select 99999999999999999999',
      'client',
      'client nope',
      'client setname',
    ],
    ...[
      'client getname',
      'client setname me',
      'client getname',
      'client setname "a b"',
      'client setname ""',
      'client getname',
    ],
    ...[
      'config',
      'config nope',
      'config get',
      'config get appendonly',
      'CONFIG GET APPENDONLY',
      'config get save',
      'config get nope',
    ],
    ...[
      'command nope',
      'command count 1',
      'command docs nope',
      'hello x',
      'hello 4',
      'hello 1',
      'hello 2 nope',
      'hello 2 setname',
    ],
    ...[
      'hello 2 setname "a b"',
      'shutdown nope',
      'shutdown abort',
      'shutdown save nosave',
      'shutdown abort now',
      'command info nope',
    ],
  ],
  'lines with quotes': [
    ...[
      'echo "a b"',
      "echo 'a b'",
      'echo "\\x41\\x7A\\x4g\\n\\r\\t\\b\\a\\q\\"\\\\"',
      "echo 'it\\'s \\n'",
      'echo a"b"',
      "echo 'a'",
    ],
    ...[
      'echo ""',
      "echo ''",
      'echo\ta',
      'echo    a   ',
      '   ping',
      '\xa0ping',
      'echo "\xa0"',
      'echo a\xa0b',
      'echo "a"\tb',
    ],
  ],
};

// What ends the connection is sent alone.
const endings: readonly string[] = [
  ...[
    'echo "a',
    "echo 'a",
    'echo "a"b',
    "echo 'a'b",
    'echo "a\\"',
    "echo 'a\\'",
    'echo a"b',
    'echo "a""b"',
  ].map((line) => `${line}\r\n`),
  ...['*a\r\n', '*\r\n', '*01\r\n', '*+1\r\n', '*-\r\n', '* 1\r\n', '*1 \r\n', '*99999999999999999999\r\n'],
  ...[
    '*1\r\n:4\r\n',
    '*1\r\n\r\n\r\n',
    '*1\r\n\n\r\n',
    '*1\r\n*1\r\n',
    '*1\r\n$\r\n',
    '*1\r\n$-1\r\n',
    '*1\r\n$x\r\n',
    '*1\r\n$04\r\n',
  ],
  ...['*1\r\n$536870913\r\n', '*1\r\n$99999999999999999999\r\n', '*2\r\n$4\r\nPING\r\nx\r\n'],
  ...[
    'POST / HTTP/1.1\r\n',
    'host: localhost\r\n',
    'quit\r\n',
    'quit now\r\n',
    '*1\r\n$4\r\nPINGxx*1\r\n$4\r\nQUIT\r\n',
  ],
  ...[
    '*0\r\n*-1\r\n*-10\r\n\r\n\nquit\n',
    'ping\nquit\n',
    '*1\r\n$4\r\nPING\r\nping\r\n*1\r\n$4\r\nQUIT\r\nping\r\n',
  ],
  ...['x'.repeat(70_000), `*${'1'.repeat(70_000)}`, `*1\r\n$${'1'.repeat(70_000)}`],
];

describe('examples: the Redis server beside Redis (redis-server)', function () {
  let folder: string | undefined;
  let socket: string;

  before(async function () {
    needs(this, 'redis-server');
    folder = await mkdtemp(path.join(tmpdir(), 'evio-redis-'));
    socket = path.join(folder, 'redis.sock');
    const options = [
      '--port',
      '0',
      '--unixsocket',
      socket,
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
    ];
    await new Running('redis-server', options).prints(
      /Ready to accept connections|ready to accept connections at/,
    );
  });
  afterEach(destroyPeers);
  after(endProcesses);
  after(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  async function expectParity(input: string, note: string): Promise<void> {
    const theirs = await ask(socket, input);
    const ours = converse([input]).outputs.join('');
    expect(ours, note).to.equal(theirs);
  }

  for (const [title, lines] of Object.entries(conversations)) {
    it(`answers to the byte the same about ${title}`, async () => {
      const requests = lines.map((line) => (/[*\n]/.test(line) ? line : `${line}\r\n`));
      await expectParity(`FLUSHALL\r\n${requests.join('')}QUIT\r\n`, title);
    });
  }

  it('ends the connection with the same words', async () => {
    for (const input of endings) await expectParity(input, JSON.stringify(input.slice(0, 80)));
  });

  for (const seed of [1, 2, 3, 4, 5]) {
    it(`answers the same to 2,000 random requests (seed ${seed})`, async () => {
      const requests = randomRequests(seed, 2000);
      await expectParity(`FLUSHALL\r\n${requests.join('')}QUIT\r\n`, `seed ${seed}`);
    });
  }
});

/** Few keys and many kinds of values, so that the commands meet each other's results. */
function randomRequests(seed: number, count: number): string[] {
  let state = seed;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const key = (): string => pick(['a', 'b', 'c', 'd', 'e', '', '\xff\0']);
  const value = (): string =>
    pick([
      () => String(below(1000) - 500),
      () => '9223372036854775806',
      () => '',
      () => String.fromCharCode(...Array.from({ length: below(40) }, () => below(256))),
      () => 'x'.repeat(below(20_000)),
    ])();
  const words = (): string[] =>
    pick<() => string[]>([
      () => [
        'SET',
        key(),
        value(),
        ...Array.from({ length: below(3) }, () => pick(['nx', 'XX', 'Get', 'KEEPTTL'])),
      ],
      () => ['SET', key(), value()],
      () => ['get', key()],
      () => ['INCR', key()],
      () => ['del', ...Array.from({ length: below(4) }, key)],
      () => ['EXISTS', ...Array.from({ length: below(4) }, key)],
      () => ['MSET', ...Array.from({ length: below(6) }, () => pick([key, value])())],
      () => ['mget', ...Array.from({ length: below(5) }, key)],
      () => ['DBSIZE'],
      () => ['ECHO', value()],
      () => (below(20) === 0 ? ['flushall'] : [value(), key()]),
    ])();
  return Array.from({ length: count }, () => request(...words()));
}
