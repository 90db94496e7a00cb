import { expect } from 'chai';
import { Subject, take } from 'rxjs';
import { HIGH_WATER_MARK, redis } from '../../examples/redis/protocol.js';
import { Store } from '../../examples/redis/store.js';
import { converse, cuts, oneByOne, peer, put, request } from './redis-in-memory.js';

const KiB = 1024;

describe('examples: the protocol of the Redis server', () => {
  const everyByte = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));

  it('answers the same however the input is cut', () => {
    const input = [
      request('SET', 'key', 'a\r\n$3\r\nvalue'),
      'PING\r\n',
      request('GET', 'key'),
      '  get   key \n\r\n*0\r\n*-1\r\n',
      request('SET', everyByte, everyByte),
      'set quoted "a\\x41\\n\\"" \r\n',
      request('MGET', 'quoted', 'nothing', everyByte),
      request('nonsense', 'a\r\nb'),
      '*1\r\n:4\r\n',
    ].join('');
    const whole = converse([input]);
    expect(whole.outputs).to.have.lengthOf(1);
    expect(whole.outputs[0]).to.equal(
      '+OK\r\n+PONG\r\n$12\r\na\r\n$3\r\nvalue\r\n$12\r\na\r\n$3\r\nvalue\r\n' +
        `+OK\r\n+OK\r\n*3\r\n$4\r\naA\n"\r\n$-1\r\n$256\r\n${everyByte}\r\n` +
        "-ERR unknown command 'nonsense', with args beginning with: 'a  b' \r\n" +
        "-ERR Protocol error: expected '$', got ':'\r\n",
    );
    for (const chunks of cuts(input)) {
      const { outputs, completed } = converse(chunks);
      expect(outputs.join(''), `cut after ${chunks[0]?.length}`).to.equal(whole.outputs[0]);
      expect(completed).to.equal(true);
      const empties = converse(chunks.flatMap((chunk) => ['', chunk, '']));
      expect(empties.outputs.join(''), `cut after ${chunks[0]?.length}, with nothing between`).to.equal(
        whole.outputs[0],
      );
    }
  });

  it('answers the requests of one chunk with one output', () => {
    const { outputs } = converse([request('PING').repeat(128), request('PING').repeat(2)]);
    expect(outputs).to.deep.equal(['+PONG\r\n'.repeat(128), '+PONG\r\n'.repeat(2)]);
  });

  it('takes no request for the one before, however alike they begin', () => {
    const requests = [
      ...['GET', 'get', 'SET', 'DEL', 'GETS', 'MGET', 'GEN', 'PING', 'PINK', 'ECHO'].map((name) =>
        request(name, 'key'),
      ),
      ...[
        'EXISTS',
        'EXISTX',
        'XXISTS',
        'EXISTSX',
        'COMMAND',
        'XOMMAND',
        'FLUSHALL',
        'XXUSHALL',
        'INCRX',
        'G',
        '',
      ].map((name) => request(name, 'key')),
      ...['PING', 'GET', 'DEL', 'DBSIZE', 'FLUSHALL', ''].map((name) => request(name)),
      ...['GET', 'DEL', 'PING'].map((name) => request(name, 'key', 'other')),
      ...['dbsize\r\n', 'ping\r\n', 'get key\r\n', '"get" key\r\n', '"ping"\r\n', '*0\r\n', '\r\n'],
      request('GET', 'k'.repeat(100)),
    ];
    const alone = new Map(requests.map((each) => [each, converse([each]).outputs.join('')]));
    for (const first of requests) {
      for (const second of requests) {
        const sequence = [first, second, second, first];
        const expected = sequence.map((each) => alone.get(each)).join('');
        expect(converse([sequence.join('')]).outputs.join(''), `${first}, ${second}`).to.equal(expected);
        expect(converse(sequence).outputs.join(''), `${first}, ${second}, one by one`).to.equal(expected);
      }
    }
  });

  it('keeps values of every size and content', () => {
    for (const size of [0, 1, 9, 10, 24, 25, 4096, 16 * KiB, 16 * KiB + 1, 64 * KiB + 3, 1024 * KiB]) {
      const value = everyByte.repeat(Math.ceil(size / 256)).slice(0, size);
      const input = request('SET', 'key', value) + request('GET', 'key');
      const chunks = input.match(/[^]{1,40000}/g) ?? [];
      expect(
        converse(chunks).outputs.join('') === `+OK\r\n$${size}\r\n${value}\r\n`,
        `${size} bytes`,
      ).to.equal(true);
    }
  });

  it('refuses what is too long, and ends', () => {
    const long = '1'.repeat(64 * KiB);
    for (const [input, complaint] of [
      [`x${long}`, 'too big inline request'],
      [`*${long}`, 'too big mbulk count string'],
      [`*1\r\n$${long}`, 'too big bulk count string'],
      [`*${1024 * 1024 + 1}\r\n`, 'invalid multibulk length'],
      [`*1\r\n$${512 * 1024 * 1024 + 1}\r\n`, 'invalid bulk length'],
      ['*1\r\n$-1\r\n', 'invalid bulk length'],
      ['"x\r\n', 'unbalanced quotes in request'],
    ] as const) {
      for (const chunks of [[input], input.match(/[^]{1,999}/g) ?? []]) {
        const { outputs, completed } = converse([request('PING'), ...chunks, request('PING')]);
        expect(outputs).to.deep.equal(['+PONG\r\n', `-ERR Protocol error: ${complaint}\r\n`]);
        expect(completed).to.equal(true);
      }
    }
  });

  it('waits for a long request without looking at it again and again', () => {
    const words = Array.from({ length: 30_000 }, (_, at) => `k${at}`);
    const input = request('DEL', ...words);
    expect(converse(oneByOne(input)).outputs).to.deep.equal([':0\r\n']);
  });

  it('ends after the reply to QUIT and ignores what follows', () => {
    const { outputs, completed } = converse([request('QUIT') + request('PING'), request('PING')]);
    expect(outputs).to.deep.equal(['+OK\r\n']);
    expect(completed).to.equal(true);
  });

  it('ends without a reply at SHUTDOWN and tells the program', () => {
    expect(converse([request('SHUTDOWN', 'NOSAVE')])).to.deep.include({
      outputs: [],
      completed: true,
      shutdowns: 1,
    });
    expect(converse([request('SHUTDOWN', 'ABORT')])).to.deep.include({ completed: false, shutdowns: 0 });
  });

  it('ends without a reply when a browser was made to call', () => {
    expect(converse(['POST / HTTP/1.1\r\nHost: x\r\n'])).to.deep.include({ outputs: [], completed: true });
  });

  it('gives each client the version of RESP that it asked for', () => {
    const hello = '$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n';
    const rest =
      '$2\r\nid\r\n:7\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n';
    const nothing = request('GET', 'nothing');
    expect(converse([request('HELLO', '3') + nothing]).outputs).to.deep.equal([
      `%7\r\n${hello}:3\r\n${rest}_\r\n`,
    ]);
    expect(converse([request('HELLO') + nothing]).outputs).to.deep.equal([
      `*14\r\n${hello}:2\r\n${rest}$-1\r\n`,
    ]);
    expect(converse([request('HELLO', '4') + nothing]).outputs).to.deep.equal([
      '-NOPROTO unsupported protocol version\r\n$-1\r\n',
    ]);
  });

  it('serves clients of both versions from one store', () => {
    const store = new Store();
    const [first$, second$] = [new Subject<Buffer>(), new Subject<Buffer>()];
    const outputs: string[] = [];
    const protocol = redis(store, { settings: {}, facts: () => ({}), shutdown: () => {} });
    protocol(first$, peer).subscribe((bytes) => outputs.push(bytes.toString()));
    protocol(second$, peer).subscribe((bytes) => outputs.push(bytes.toString()));
    first$.next(Buffer.from(request('HELLO', '3')));
    outputs.length = 0;
    second$.next(Buffer.from(request('GET', 'a') + request('SET', 'a', 'b')));
    first$.next(Buffer.from(request('GET', 'a') + request('GET', 'b')));
    expect(outputs).to.deep.equal(['$-1\r\n+OK\r\n', '$1\r\nb\r\n_\r\n']);
  });

  it('gives every output bytes of its own', () => {
    const outputs: Buffer[] = [];
    const input$ = new Subject<Buffer>();
    redis(new Store(), { settings: {}, facts: () => ({}), shutdown: () => {} })(input$, peer).subscribe(
      (bytes) => outputs.push(bytes),
    );
    for (let at = 0; at < 20_000; at++) input$.next(Buffer.from(request('ECHO', String(at))));
    expect(outputs.map(String)).to.deep.equal(
      Array.from({ length: 20_000 }, (_, at) => `$${String(at).length}\r\n${at}\r\n`),
    );
  });

  describe('with a client that does not read', () => {
    function slowClient() {
      const sent$ = new Subject<void>();
      const slow = {
        ...peer,
        bytesQueued: 0,
        send: () => sent$.pipe(take(1)),
        pause: () => (state.paused = true),
        resume: () => (state.paused = false),
      };
      const input$ = new Subject<Buffer>();
      const store = new Store();
      put(store, 'large', Buffer.alloc(100 * KiB, 'x'));
      const state = { received: 0, completed: false, paused: false };
      const subscription = redis(store, { settings: {}, facts: () => ({}), shutdown: () => {} })(
        input$,
        slow,
      ).subscribe({
        next: (bytes) => {
          state.received += bytes.length;
          slow.bytesQueued += bytes.length;
        },
        complete: () => (state.completed = true),
      });
      const drain = (): void => {
        slow.bytesQueued = 0;
        sent$.next();
      };
      return { input$, slow, sent$, state, subscription, drain };
    }
    const reply = 100 * KiB + '$102400\r\n\r\n'.length;

    it('answers no more than the connection holds, and goes on when it has drained', () => {
      const { input$, slow, state, drain } = slowClient();
      input$.next(Buffer.from(request('GET', 'large').repeat(100)));
      input$.next(Buffer.from(request('GET', 'large').repeat(10) + request('QUIT')));
      expect(slow.bytesQueued)
        .to.be.greaterThan(HIGH_WATER_MARK)
        .and.lessThan(2 * HIGH_WATER_MARK);
      let drains = 0;
      for (; !state.completed && drains < 1000; drains++) drain();
      expect(state).to.deep.include({ received: 110 * reply + '+OK\r\n'.length, completed: true });
      expect(drains).to.be.greaterThan(5);
    });

    it('takes no more input while it waits, whatever the connection holds itself', () => {
      const { input$, state, drain } = slowClient();
      input$.next(Buffer.from(request('GET', 'large').repeat(20)));
      expect(state.paused).to.equal(true);
      for (let drains = 0; state.paused && drains < 1000; drains++) drain();
      expect(state).to.deep.equal({ received: 20 * reply, completed: false, paused: false });
    });

    it('keeps what it has not answered, though the input is overwritten', () => {
      const { input$, state, drain } = slowClient();
      const input = Buffer.from(request('GET', 'large').repeat(20));
      input$.next(input);
      input.fill(0xff);
      for (let drains = 0; state.paused && drains < 1000; drains++) drain();
      expect(state).to.deep.equal({ received: 20 * reply, completed: false, paused: false });
    });

    it('keeps what comes while it waits, with nothing before it, though the input is overwritten', () => {
      const { input$, state, drain } = slowClient();
      input$.next(Buffer.from(request('GET', 'large').repeat(12))); // four portions: just more than it may queue
      expect(state).to.deep.equal({ received: 12 * reply, completed: false, paused: true });
      const input = Buffer.from(request('GET', 'large'));
      input$.next(input);
      input.fill(0xff);
      for (let drains = 0; state.paused && drains < 1000; drains++) drain();
      expect(state).to.deep.equal({ received: 13 * reply, completed: false, paused: false });
    });

    it('is done, and reads on, when the connection can send no more', () => {
      const { input$, sent$, state } = slowClient();
      input$.next(Buffer.from(request('GET', 'large').repeat(100)));
      const { received } = state;
      sent$.error(new Error('broken'));
      expect(state).to.deep.equal({ received, completed: true, paused: false });
    });

    it('answers everything before it ends, when the input ends first', () => {
      const { input$, state, drain } = slowClient();
      input$.next(Buffer.from(request('GET', 'large').repeat(100)));
      input$.complete();
      expect(state.completed).to.equal(false);
      for (let drains = 0; !state.completed && drains < 1000; drains++) drain();
      expect(state).to.deep.include({ received: 100 * reply, completed: true });
    });

    it('forgets the rest when the connection is gone', () => {
      const { input$, sent$, state, subscription } = slowClient();
      input$.next(Buffer.from(request('GET', 'large').repeat(100)));
      const { received } = state;
      subscription.unsubscribe();
      expect(sent$.observed).to.equal(false);
      expect(input$.observed).to.equal(false);
      expect(state.received).to.equal(received);
    });
  });

  it('leaves nothing of a reply that failed to the next client', () => {
    const store = new (class extends Store {
      override get(...key: Parameters<Store['get']>) {
        const [block, start, end] = key;
        if (block.text(start, end) === 'broken') throw new RangeError('broken');
        return super.get(...key);
      }
    })();
    const protocol = redis(store, { settings: {}, facts: () => ({}), shutdown: () => {} });
    const [first$, second$] = [new Subject<Buffer>(), new Subject<Buffer>()];
    const outputs: string[] = [];
    let failure: unknown;
    protocol(first$, peer).subscribe({ error: (error) => (failure = error) });
    protocol(second$, peer).subscribe((bytes) => outputs.push(bytes.toString()));
    first$.next(Buffer.from(request('MGET', 'a', 'broken', 'a')));
    second$.next(Buffer.from(request('PING')));
    expect(failure).to.be.instanceOf(RangeError);
    expect(outputs).to.deep.equal(['+PONG\r\n']);
  });

  it('passes a failure of the input on', () => {
    const input$ = new Subject<Buffer>();
    let failure: unknown;
    redis(new Store(), { settings: {}, facts: () => ({}), shutdown: () => {} })(input$, peer).subscribe({
      error: (error) => (failure = error),
    });
    input$.error(new Error('reset'));
    expect(failure).to.have.property('message', 'reset');
  });
});
