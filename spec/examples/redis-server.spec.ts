import { expect } from 'chai';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { destroyPeers } from '../support/peer.js';
import { overPollers } from '../support/pollers.js';
import { endProcesses, run, type Running } from '../support/processes.js';
import { needs } from '../support/tools.js';
import { answer, ask, bytes, dial } from './dialogue.js';
import { startServer } from './processes.js';
import { request } from './redis-in-memory.js';

overPollers('examples: the Redis server', (poller) => {
  let server: Running;
  let port: number;

  afterEach(destroyPeers);

  describe('while it serves', () => {
    before(async () => ({ server, port } = await startServer('redis-server', ['--poller', poller])));
    after(endProcesses);
    beforeEach(async () => expect(await ask(port, 'FLUSHALL\r\nQUIT\r\n')).to.equal('+OK\r\n+OK\r\n'));
    afterEach(() => expect(server.stderr).to.equal(''));

    it('answers a pipeline that is much larger than a socket holds', async () => {
      const value = 'v'.repeat(10_000);
      const requests = request('SET', 'key', value) + request('GET', 'key').repeat(5000) + request('QUIT');
      const replies = `+OK\r\n${`$10000\r\n${value}\r\n`.repeat(5000)}+OK\r\n`;
      expect((await ask(port, requests)) === replies).to.equal(true);
    });

    it('ends the connection after a protocol error, and serves the others', async () => {
      const good = await dial(port);
      expect(await ask(port, '*1\r\nx\r\n')).to.equal("-ERR Protocol error: expected '$', got 'x'\r\n");
      good.send('PING\r\n');
      await good.receives('+PONG\r\n');
    });

    it('survives clients that reset', async () => {
      for (let at = 0; at < 20; at++) {
        const client = await dial(port);
        client.send(bytes(request('PING').repeat(100)));
        client.reset();
      }
      expect(await ask(port, 'PING\r\nQUIT\r\n')).to.equal('+PONG\r\n+OK\r\n');
    });

    it('answers a line that ends with the input (nc)', async function () {
      needs(this, 'nc');
      const { stdout } = await run('nc', ['-N', '127.0.0.1', String(port)], 'SET a 1\r\nGET a\n');
      expect(stdout).to.equal('+OK\r\n$1\r\n1\r\n');
    });

    it('serves redis-cli', async function () {
      needs(this, 'redis-cli');
      const cli = async (args: readonly string[], input = '') =>
        (await run('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args], input)).stdout;
      expect(await cli(['SET', 'key', 'a value'])).to.equal('OK\n');
      expect(await cli(['-3', 'MGET', 'key', 'nothing'])).to.equal('a value\n\n');
      expect(await cli(['-x', 'SET', 'bytes'], 'a\0b\xff')).to.equal('OK\n');
      expect(await cli(['--raw', 'GET', 'bytes'])).to.equal('a\0b\xff\n');
      expect(await cli([], 'incr n\nincr n\nnonsense\ndbsize\n')).to.equal(
        "1\n2\nERR unknown command 'nonsense', with args beginning with: \n\n3\n",
      );
      expect(await cli(['INFO']))
        .to.include('redis_version:')
        .and.include('db0:keys=3');
      expect(await cli(['COMMAND', 'COUNT'])).to.match(/^\d+\n$/);
      expect(await cli(['--pipe'], request('SET', 'piped', '1').repeat(1000))).to.include(
        'errors: 0, replies: 1000',
      );
    });

    it('serves redis-benchmark', async function () {
      needs(this, 'redis-benchmark');
      const options = `-h 127.0.0.1 -p ${port} -t ping,set,get -q -P 128 -n 100000`.split(' ');
      const { code, stdout, stderr } = await run('redis-benchmark', options);
      const results = stdout.split(/[\r\n]+/).filter((line) => line.includes('requests per second'));
      expect(results.map((line) => line.split(':')[0])).to.deep.equal([
        'PING_INLINE',
        'PING_MBULK',
        'SET',
        'GET',
      ]);
      expect(stderr).to.equal('');
      expect(code).to.equal(0);
    });

    for (const protocol of [2, 3] as const) {
      it(`serves ioredis with RESP${protocol}`, async () => {
        const client = new Redis({ port, protocol, retryStrategy: () => null });
        try {
          const bytes = Buffer.from([0, 1, 13, 10, 255]);
          expect(await client.set('bytes', bytes)).to.equal('OK');
          expect(await client.getBuffer('bytes')).to.deep.equal(bytes);
          expect(await client.get('nothing')).to.equal(null);
          expect(await client.set('n', 41, 'NX')).to.equal('OK');
          expect(await client.set('n', 1, 'NX')).to.equal(null);
          const pipeline = await client
            .pipeline()
            .incr('n')
            .mget('n', 'nothing')
            .del('n', 'bytes')
            .dbsize()
            .exec();
          expect(pipeline).to.deep.equal([42, ['42', null], 2, 0].map((result) => [null, result]));
          expect(
            await client
              .incr('a')
              .then(() => client.call('nonsense'))
              .catch(String),
          ).to.include('unknown command');
          expect(await client.info()).to.include('redis_version');
          expect(await client.config('GET', 'append*')).to.include('appendonly');
          expect(await client.quit()).to.equal('OK');
        } finally {
          client.disconnect();
        }
      });

      it(`serves node-redis with RESP${protocol}`, async () => {
        const client = createClient({
          RESP: protocol,
          name: 'spec',
          socket: { port, reconnectStrategy: false },
        });
        client.on('error', () => {});
        try {
          await client.connect();
          expect(await client.set('key', 'välue')).to.equal('OK');
          expect(await client.get('key')).to.equal('välue');
          expect(await client.get('nothing')).to.equal(null);
          expect(await client.set('key', 'other', { condition: 'XX', GET: true })).to.equal('välue');
          expect(await client.mSet({ a: '1', b: '2' })).to.equal('OK');
          expect(await client.mGet(['a', 'b', 'nothing'])).to.deep.equal(['1', '2', null]);
          expect(await client.exists(['a', 'b', 'nothing'])).to.equal(2);
          expect(await client.configGet('appendonly')).to.deep.include({ appendonly: 'no' });
          expect(await client.clientGetName()).to.equal('spec');
          expect(await client.commandCount()).to.be.greaterThan(10);
          expect(await client.flushAll()).to.equal('OK');
          expect(await client.dbSize()).to.equal(0);
          await client.close();
        } finally {
          if (client.isOpen) client.destroy();
        }
      });
    }
  });

  describe('while it parses input where it lies', () => {
    before(async () => {
      ({ server, port } = await startServer('redis-server', ['--poller', poller, '--warm-up', '0']));
    });
    after(endProcesses);

    it('keeps the part of a request that has arrived, though others send before the rest comes', async () => {
      const slow = await dial(port);
      const quick = await dial(port);
      const value = 'v'.repeat(700);
      const whole = request('ECHO', value);
      let answered = 0;
      for (const at of [1, 7, 18, whole.length - 700, whole.length - 1]) {
        slow.send(bytes(whole.slice(0, at)));
        // What comes behind it has been answered, so it has been read; and more than its bytes lie where they lay.
        for (let times = 0; times < 3; times++) {
          quick.send(bytes(request('ECHO', '$'.repeat(2000))));
          answered += 1;
          await quick.receives(`$2000\r\n${'$'.repeat(2000)}\r\n`.repeat(answered));
        }
        slow.send(bytes(whole.slice(at)));
        await slow.receives(`$700\r\n${value}\r\n`.repeat(answered / 3));
      }
    });
  });

  describe('at its end', () => {
    beforeEach(async () => {
      ({ server, port } = await startServer('redis-server', ['--poller', poller, '--warm-up', '0']));
    });
    afterEach(endProcesses);

    it('answers what came before SHUTDOWN', async () => {
      expect(await ask(port, 'PING\r\nSHUTDOWN\r\nPING\r\n')).to.equal('+PONG\r\n');
      expect(await server.ended).to.deep.include({ code: 0, stderr: '' });
    });

    for (const [title, stop] of [
      ['SHUTDOWN', async () => (await dial(port)).send('SHUTDOWN\r\n')],
      ['SIGTERM', async () => server.child.kill('SIGTERM')],
      ['Ctrl-C', async () => server.child.kill('SIGINT')],
    ] as const) {
      it(`closes everything at ${title}`, async () => {
        const client = await dial(port);
        client.send('PING\r\n');
        await client.receives('+PONG\r\n');
        await stop();
        expect(await answer(client)).to.equal('+PONG\r\n');
        expect(await server.ended).to.deep.include({ code: 0, signal: null, stderr: '' });
      });
    }
  });
});
