import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppendOnlyFile, replay, type Disk } from '../../examples/redis/append-only-file.js';
import { load } from '../../examples/redis/load.js';
import { Store } from '../../examples/redis/store.js';
import { destroyPeers } from '../support/peer.js';
import { pollers } from '../support/pollers.js';
import { endProcesses, run, type Running } from '../support/processes.js';
import { needs } from '../support/tools.js';
import { ask as askPort } from './dialogue.js';
import { example, startServer } from './processes.js';
import { converse, request, taken } from './redis-in-memory.js';

describe('examples: the append-only file of the Redis server', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'evio-aof-'));
    file = path.join(folder, 'appendonly.aof');
  });
  afterEach(destroyPeers);
  afterEach(endProcesses);
  afterEach(() => rmSync(folder, { recursive: true }));

  const everyByte = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
  const first = request('SET', 'a', '1') + request('MSET', 'b', '2', everyByte, everyByte);
  const last = request('SET', 'last', 'a\r\n*1\r\nvalue');

  function replayed(bytes: string, size = 7) {
    const store = new Store();
    const chunks = bytes.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    const outcome = replay(
      chunks.map((chunk) => Buffer.from(chunk, 'latin1')),
      load(store),
    );
    return { ...outcome, store };
  }

  it('holds the requests that changed something, in order', () => {
    const journal = new AppendOnlyFile(file);
    const changes = [
      request('SET', 'a', everyByte),
      request('INCR', 'n'),
      request('SET', 'b', 'x', 'NX'),
      request('DEL', 'a', 'nothing'),
      request('MSET', 'c', '1', 'd', '2'),
      request('FLUSHALL'),
    ];
    const rest = [
      'GET a',
      'DEL nothing',
      'SET b y NX',
      'SET z z XX',
      'INCR c d',
      'MSET c',
      'PING',
      'nonsense',
    ];
    converse([changes[0]!, changes.slice(1, 5).join(''), `${rest.join('\r\n')}\r\n`, changes[5]!], {
      journal,
    });
    journal.close();
    expect(readFileSync(file, 'latin1')).to.equal(changes.join(''));
  });

  it('is written before the reply leaves', () => {
    const written: string[] = [];
    const disk: Disk = {
      write: (_, bytes) => (written.push(bytes.toString('latin1')), bytes.length),
      sync: () => {},
    };
    const journal = new AppendOnlyFile(file, disk);
    const { outputs } = converse([first + request('GET', 'b')], { journal });
    expect(written).to.deep.equal([first]);
    expect(outputs).to.have.lengthOf(1);
    journal.close();
  });

  it('is cut wherever the last record was torn', () => {
    for (let cut = 0; cut < last.length; cut++) {
      const { store, length, torn, requests } = replayed(first + last.slice(0, cut));
      expect({ length, torn, requests }).to.deep.equal({ length: first.length, torn: cut, requests: 2 });
      expect(store.size).to.equal(3);
      expect(taken(store, everyByte)).to.equal(everyByte);
    }
    expect(replayed(first + last)).to.deep.include({ torn: 0, requests: 3 });
  });

  it('is cut on the disk as well, and grows from there', () => {
    writeFileSync(file, first + last.slice(0, -3), 'latin1');
    const store = new Store();
    const journal = new AppendOnlyFile(file);
    expect(journal.replay(load(store))).to.deep.equal({
      requests: 2,
      length: first.length,
      torn: last.length - 3,
    });
    converse([last], { store, journal });
    journal.close();
    expect(readFileSync(file, 'latin1')).to.equal(first + last);
  });

  it('is refused when it holds something else', () => {
    for (const [bytes, problem] of [
      ['hello\r\n', 'a line instead of a request'],
      ['hello', 'a line instead of a request'],
      ['\0\0\0\0', 'a line instead of a request'],
      ['*2\r\n:3\r\n', "expected '$', got ':'"],
      [request('GET', 'a'), "the command 'get'"],
      [request('SHUTDOWN'), "the command 'shutdown'"],
      [request('SET', 'a'), 'ERR wrong number of arguments'],
      [request('SET', 'a', 'x') + request('INCR', 'a'), 'ERR value is not an integer'],
    ] as const) {
      expect(() => replayed(first + bytes), bytes).to.throw(problem);
    }
  });

  describe('on a full disk', () => {
    function fullDisk() {
      const disk = { room: 0, fd: -1 };
      const journal = new AppendOnlyFile(file, {
        write: (fd, bytes) => {
          if (disk.room === 0) throw new Error('ENOSPC: no space left on device, write');
          const part = bytes.subarray(0, disk.room);
          disk.room -= part.length;
          return writeSync(fd, part);
        },
        sync: (_, done) => done(null),
      });
      return { disk, journal };
    }

    let complaints: unknown[];
    const { error } = console;
    beforeEach(() => {
      complaints = [];
      console.error = (line: unknown) => complaints.push(line);
    });
    afterEach(() => (console.error = error));

    it('refuses changes, serves the rest, and goes on when there is room again', async () => {
      const { disk, journal } = fullDisk();
      disk.room = 10;
      const store = new Store();
      const say = (...words: string[]) => converse([request(...words)], { store, journal }).outputs.join('');
      expect(say('SET', 'a', '1')).to.equal('+OK\r\n'); // as with Redis: known a moment too late
      expect(say('SET', 'a', '2')).to.equal(
        '-MISCONF Errors writing to the AOF file: ENOSPC: no space left on device, write\r\n',
      );
      expect(say('GET', 'a')).to.equal('$1\r\n1\r\n');
      disk.room = Infinity;
      while (say('SET', 'a', '3') !== '+OK\r\n') await new Promise((resolve) => setTimeout(resolve, 50));
      journal.close();
      expect(readFileSync(file, 'latin1')).to.equal(request('SET', 'a', '1') + request('SET', 'a', '3'));
      expect(complaints).to.have.lengthOf(1);
    });

    it('says at the end that something is missing', () => {
      const { journal } = fullDisk();
      converse([request('SET', 'a', '1')], { journal });
      expect(() => journal.close()).to.throw('ENOSPC');
    });
  });

  const start = (poller: string) =>
    startServer('redis-server', [
      '--poller',
      poller,
      '--warm-up',
      '0',
      '--appendonly',
      'yes',
      '--appendfilename',
      file,
    ]);

  const ask = async (port: number, input: string): Promise<string> =>
    (await askPort(port, input + request('QUIT'))).replace(/\+OK\r\n$/, '');

  for (const poller of pollers) {
    for (const [end, stop] of [
      ['SHUTDOWN', (_: Running, port: number) => ask(port, request('SHUTDOWN'))],
      ['SIGTERM', ({ child }: Running) => child.kill('SIGTERM')],
      ['SIGKILL', ({ child }: Running) => child.kill('SIGKILL')],
    ] as const) {
      it(`brings the data back after ${end} (${poller})`, async () => {
        const one = await start(poller);
        const large = 'x'.repeat(200_000);
        expect(await ask(one.port, first + request('SET', 'large', large))).to.equal('+OK\r\n'.repeat(3));
        await stop(one.server, one.port);
        expect((await one.server.ended).code).to.equal(end === 'SIGKILL' ? null : 0);

        const two = await start(poller);
        expect(two.server.stdout).to.include('3 changes read, 4 keys');
        expect(await ask(two.port, request('GET', everyByte) + request('GET', 'large'))).to.equal(
          `$256\r\n${everyByte}\r\n$200000\r\n${large}\r\n`,
        );
      });
    }
  }

  it('starts with a torn last record, and says so in one line', async () => {
    writeFileSync(file, first + last.slice(0, 9), 'latin1');
    const { server, port } = await start('auto');
    expect(server.stderr).to.equal(`${file}: the last record is torn: 9 bytes cut off at ${first.length}\n`);
    expect(await ask(port, request('MGET', 'a', 'b', 'last'))).to.equal(
      '*3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n',
    );
  });

  const fails = (args: readonly string[]) =>
    example('redis-server', ['--port', '0', '--appendonly', 'yes', ...args]).ended;

  it('says in one line why it cannot be opened', async () => {
    mkdirSync(file);
    writeFileSync(path.join(folder, 'text'), 'hello\n');
    for (const [name, problem] of [
      [file, 'EISDIR'],
      ['/dev/null', 'not a regular file'],
      [path.join(folder, 'missing', 'file'), 'ENOENT'],
      [path.join(folder, 'text'), 'bad format'],
    ] as const) {
      const { code, stdout, stderr } = await fails(['--appendfilename', name]);
      expect(stderr).to.include(name).and.include(problem);
      expect(stderr.match(/\n/g)).to.have.lengthOf(1);
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    }
  });

  it('does not wait for the other end of a pipe (mkfifo)', async function () {
    needs(this, 'mkfifo');
    await run('mkfifo', [file]);
    const { code, stderr } = await fails(['--appendfilename', file]);
    expect(stderr).to.equal(`${file}: not a regular file\n`);
    expect(code).to.equal(1);
  });

  it('leaves the file alone when another server has the port', async () => {
    writeFileSync(file, first, 'latin1');
    const { port } = await start('auto');
    writeFileSync(file, first + last.slice(0, 5), 'latin1');
    const { code } = await fails(['--port', String(port), '--appendfilename', file]);
    expect(code).to.equal(1);
    expect(readFileSync(file, 'latin1')).to.equal(first + last.slice(0, 5));
  });

  it('is in the format of Redis (redis-check-aof)', async function () {
    needs(this, 'redis-check-aof');
    const journal = new AppendOnlyFile(file);
    converse([first + last], { journal });
    journal.close();
    const { code, stdout } = await run('redis-check-aof', [file]);
    expect(stdout).to.match(/is valid/);
    expect(code).to.equal(0);
  });
});
