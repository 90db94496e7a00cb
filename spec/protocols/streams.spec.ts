// Framing operators as operators: who leaves, who emits from within, what is given back, what is held.

import { expect } from 'chai';
import { paced, serveEach } from 'evio';
import type { Connection, Protocol } from 'evio';
import { fixedLength, lengthPrefixed, lines, resp } from 'evio/protocols';
import {
  NEVER,
  Subject,
  concat,
  concatMap,
  from,
  map,
  mergeMap,
  of,
  range,
  take,
  takeWhile,
  throwError,
  toArray,
} from 'rxjs';
import type { Observable, OperatorFunction } from 'rxjs';

import { codeOf } from '../support/connections.js';
import { Told, WindowClient } from './lanes.js';

/** The chunks themselves: owned by the receiver, as some pollers give them. */
const bytesOf = (text: string): Buffer => Buffer.from(text);

describe('framing: subscribers', () => {
  it('get nothing more once they have left', () => {
    const source = new Subject<Buffer>();
    const seen: string[] = [];
    const subscription = source.pipe(lines()).subscribe((line) => {
      seen.push(line);
      if (line === 'b') subscription.unsubscribe();
    });
    source.next(bytesOf('a\nb\nc\nd\n'));
    expect([seen, source.observed]).to.deep.equal([['a', 'b'], false]);
  });

  it('stop a source that emits while it is subscribed to', () => {
    let chunks = 0;
    const endless = range(0, 1_000_000).pipe(
      map((i) => {
        chunks += 1;
        return bytesOf(`${i}\n`);
      }),
    );
    expect(new Told(endless.pipe(lines(), take(2))).outcome).to.deep.equal({
      frames: ['0', '1'],
      end: 'complete',
    });
    expect(chunks).to.be.at.most(3);
  });

  it('may make the source emit from inside of a frame: that comes after what has come', () => {
    const source = new Subject<Buffer>();
    const seen: string[] = [];
    source.pipe(lines()).subscribe({
      next: (line) => {
        seen.push(line);
        if (line === 'a') source.next(bytesOf('d\ne'));
        if (line === 'b') source.next(bytesOf('f\n'));
      },
      complete: () => seen.push('complete'),
    });
    source.next(bytesOf('a\nb\nc'));
    source.complete();
    expect(seen).to.deep.equal(['a', 'b', 'cd', 'ef', 'complete']);
  });

  it('may end the source from inside of a frame: what has come is still cut', () => {
    const source = new Subject<Buffer>();
    const told = new Told(
      source.pipe(
        lines(),
        map((line) => {
          if (line === 'a') source.complete();
          return line;
        }),
      ),
    );
    source.next(bytesOf('a\nb\nc'));
    expect(told.outcome).to.deep.equal({ frames: ['a', 'b', 'c'], end: 'complete' });
  });

  it('are independent of each other', () => {
    const lines$ = of(bytesOf('a\nb\n')).pipe(lines());
    expect([new Told(lines$).frames, new Told(lines$).frames]).to.deep.equal([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('hear the source’s error at once, and nothing of the rest', () => {
    const failing = concat(
      of(bytesOf('a\nb')),
      throwError(() => new Error('broken')),
    );
    expect(new Told(failing.pipe(lines())).outcome).to.deep.equal({ frames: ['a'], end: 'broken' });
  });

  it('hear of what is no chunk of bytes', () => {
    const told = new Told(of('text' as unknown as Buffer).pipe(lines()));
    expect(told.outcome).to.deep.equal({ frames: [], end: 'ERR_INVALID_ARG_TYPE' });
  });

  it('are unsubscribed from the source by an error of framing', () => {
    const source = new Subject<Buffer>();
    const told = new Told(source.pipe(lines({ max: 2 })));
    source.next(bytesOf('a\nlong\nb\n'));
    expect([told.frames, told.end, source.observed]).to.deep.equal([
      ['a'],
      'ERR_EVIO_FRAME_TOO_LARGE',
      false,
    ]);
  });

  it('get bytes as they are in Uint8Arrays, and nothing of empty chunks', () => {
    const source$: Observable<Uint8Array> = of(Uint8Array.of(97), new Uint8Array(0), Uint8Array.of(10, 10));
    expect(new Told(source$.pipe(lines())).outcome).to.deep.equal({ frames: ['a', ''], end: 'complete' });
  });
});

/** Sends three lines, the last without a newline, and closes at one of them. */
function closingAt(
  last: string,
  close: (client: WindowClient) => void,
): { told: string[]; connection: Connection } {
  const client = new WindowClient();
  const told: string[] = [];
  client.connection.data$.pipe(lines()).subscribe({
    next: (line) => {
      told.push(line);
      if (line === last) close(client);
    },
    complete: () => told.push('complete'),
  });
  client.sends('a\nb\nc');
  client.settle();
  return { told, connection: client.connection };
}

describe('framing: a connection’s input', () => {
  it('is cut without waiting, and a wake is no frame', () => {
    const client = new WindowClient();
    const told = new Told(client.connection.data$.pipe(lines()));
    client.sends('a\nb');
    client.connection.wake();
    client.settle();
    client.sends('c\n');
    expect(told.frames).to.deep.equal(['a', 'bc']);
  });

  it('yields frames to keep, and frames of the window itself where the server was told reuseInputBuffer', () => {
    const seen: string[] = [];
    for (const reuseInputBuffer of [false, true]) {
      const client = new WindowClient({ reuseInputBuffer });
      const kept: Buffer[] = [];
      client.connection.data$.pipe(fixedLength(2)).subscribe((frame) => {
        seen.push(String(frame));
        kept.push(frame);
      });
      client.sends('abc');
      client.sends('d');
      expect(kept.map((frame) => frame.toString('latin1'))).to.deep.equal(
        reuseInputBuffer ? ['\xee\xee', 'cd'] : ['ab', 'cd'],
      );
    }
    expect(seen).to.deep.equal(['ab', 'cd', 'ab', 'cd']);
  });

  it('is whole in what is made of several chunks, also with reuseInputBuffer', () => {
    const client = new WindowClient({ reuseInputBuffer: true });
    const seen: string[] = [];
    client.connection.data$.pipe(resp()).subscribe((value) => {
      if (Array.isArray(value)) seen.push(value.flat().join(' '));
    });
    client.sends('*3\r\n$5\r\nfirst\r\n*1\r\n$6\r\nsecond\r\n');
    client.sends('$5\r\nthird\r\n');
    expect(seen).to.deep.equal(['first second third']);
  });

  it('yields frames of no more memory than they need', () => {
    const client = new WindowClient();
    const told = new Told(client.connection.data$.pipe(lengthPrefixed({ length: 'u16' })));
    client.sends(Buffer.concat([Buffer.from([0, 3]), bytesOf('abc'), Buffer.alloc(100_000)]));
    // Its own bytes, or a place in Node's pool, which is a little larger than Buffer.poolSize on some versions.
    expect(told.frames[0]?.buffer.byteLength).to.be.at.most(Buffer.allocUnsafe(1).buffer.byteLength);
  });

  it('goes back where it is left: a line first, then blocks', () => {
    const client = new WindowClient();
    const { data$ } = client.connection;
    const told = new Told<string | Buffer>(concat(data$.pipe(lines(), take(1)), data$.pipe(fixedLength(4))));
    client.sends('line\nabcde');
    client.settle();
    client.sends('fgh');
    client.fin();
    expect(told.frames.map(String)).to.deep.equal(['line', 'abcd', 'efgh']);
    expect([told.end, client.connection.bytesRead]).to.deep.equal(['complete', 13]);
  });

  it('goes back when nobody goes on reading, until somebody does', () => {
    const client = new WindowClient();
    const { data$ } = client.connection;
    const first = new Told(data$.pipe(lines(), take(1)));
    client.sends('one\ntwo\nth');
    client.settle();
    const rest = new Told(data$.pipe(lines()));
    client.settle();
    client.sends('ree\n');
    expect([first.frames, rest.frames]).to.deep.equal([['one'], ['two', 'three']]);
  });

  it('goes back as a whole, with what had been kept of an earlier chunk', () => {
    const client = new WindowClient();
    const { data$ } = client.connection;
    const subscription = data$.pipe(lines()).subscribe();
    client.sends('be');
    client.sends('gin');
    subscription.unsubscribe();
    const told = new Told(data$.pipe(fixedLength(3)));
    client.settle();
    client.sends('s!');
    client.settle();
    expect(told.frames.map(String)).to.deep.equal(['beg', 'ins']);
  });

  it('goes back in a pipeline of header lines and a body, at every cut', () => {
    const text = 'A: 1\r\nB: 2\r\n\r\nbody!next';
    for (let at = 0; at <= text.length; at++) {
      const client = new WindowClient();
      const { data$ } = client.connection;
      const message$ = concat(
        data$.pipe(
          lines(),
          takeWhile((line) => line !== ''),
        ),
        data$.pipe(fixedLength(5), take(1), map(String)),
        data$.pipe(fixedLength(4), map(String)),
      );
      const told = new Told(message$);
      if (at > 0) client.sends(text.slice(0, at));
      client.settle();
      if (at < text.length) client.sends(text.slice(at));
      client.fin();
      expect(told.outcome, `cut at ${at}`).to.deep.equal({
        frames: ['A: 1', 'B: 2', 'body!', 'next'],
        end: 'complete',
      });
    }
  });

  it('does not go back after an error', () => {
    const client = new WindowClient();
    const { data$ } = client.connection;
    const failed = new Told(data$.pipe(lines({ max: 3 })));
    client.sends('toolong\nrest\n');
    const told = new Told(data$.pipe(lines()));
    client.settle();
    client.sends('new\n');
    expect([failed.end, told.frames]).to.deep.equal(['ERR_EVIO_FRAME_TOO_LARGE', ['new']]);
  });

  it('does not go back from inside of a value that was taken in part', () => {
    const client = new WindowClient();
    const { data$ } = client.connection;
    const subscription = data$.pipe(resp()).subscribe();
    client.sends('*2\r\n:1\r\n:');
    subscription.unsubscribe();
    const told = new Told(data$.pipe(lines()));
    client.settle();
    client.sends('2\r\n');
    expect(told.frames).to.deep.equal(['2']);
  });

  it('yields nothing more once the connection has been closed from inside of a frame', () => {
    for (const error of [undefined, new Error('enough')]) {
      const { told, connection } = closingAt('a', (client) => client.connection.destroy(error));
      expect([told, connection.bytesRead]).to.deep.equal([['a', 'complete'], 5]);
    }
  });

  it('was not cut off by this side’s own close, but was by a failure', () => {
    const framings = [lines({ rest: 'error' }), fixedLength(5), resp({ inline: true })];
    for (const framing of framings as OperatorFunction<Uint8Array, unknown>[]) {
      const [closed, failed] = [new WindowClient(), new WindowClient()];
      const told = [closed, failed].map(({ connection }) => new Told(connection.data$.pipe(framing)));
      closed.sends('half');
      closed.connection.destroy();
      failed.sends('half');
      failed.fails('ECONNRESET');
      expect(told.map(({ end }) => end)).to.deep.equal(['complete', 'ERR_EVIO_FRAME_TRUNCATED']);
    }
  });

  it('is cut to the end when the server closes from inside of a frame', () => {
    const { told } = closingAt('a', ({ server }) => void server.close({ timeout: Infinity }));
    expect(told).to.deep.equal(['a', 'b', 'c', 'complete']);
  });

  it('is read while somebody takes frames, and no longer', () => {
    const client = new WindowClient();
    const told = new Told(client.connection.data$.pipe(lines(), take(1)));
    client.sends('a\nb\n');
    client.settle();
    expect([told.frames, client.connection.bytesRead]).to.deep.equal([['a'], 2]);
  });
});

describe('framing: holding and serving', () => {
  it('paced behind it holds the connection, without being told which', () => {
    const framings: OperatorFunction<Uint8Array, unknown>[] = [
      lines(),
      fixedLength(2),
      resp({ inline: true }),
    ];
    for (const framing of framings) {
      const client = new WindowClient();
      const work = new Subject<string>();
      let begun = 0;
      const told = new Told(
        client.connection.data$.pipe(
          framing,
          paced(() => {
            begun += 1;
            return work.pipe(take(1));
          }),
        ),
      );
      client.sends('a\nb\n');
      client.sends('c\n'); // read already: it is kept
      client.settle();
      expect([begun, client.connection.bytesRead]).to.deep.equal([1, 4]);
      work.next('done');
      work.next('done');
      client.settle();
      expect([begun, client.connection.bytesRead, told.frames.length]).to.deep.equal([3, 6, 2]);
    }
  });

  it('errors on the connection’s failure where serveEach hands the input out', () => {
    const client = new WindowClient();
    const told: string[] = [];
    const protocol: Protocol = (data$) => {
      data$.pipe(lines()).subscribe({
        next: (line) => told.push(line),
        error: (error: Error) => told.push(codeOf(error) ?? ''),
        complete: () => told.push('complete'),
      });
      return NEVER;
    };
    of(client.connection).pipe(serveEach(protocol)).subscribe();
    client.sends('a\nb');
    client.fails('ECONNRESET');
    expect(told).to.deep.equal(['a', 'ECONNRESET']);
  });

  it('of the input that serveEach hands out switches framing as well', () => {
    const client = new WindowClient();
    const seen: string[] = [];
    const protocol: Protocol = (data$) =>
      concat(data$.pipe(lines(), take(1)), data$.pipe(fixedLength(2))).pipe(
        map((frame) => {
          seen.push(String(frame));
          return frame;
        }),
      );
    of(client.connection).pipe(serveEach(protocol)).subscribe();
    client.sends('head\nabc');
    client.settle();
    client.sends('d');
    expect(seen).to.deep.equal(['head', 'ab', 'cd']);
  });
});

describe('framing: types', () => {
  it('go from any bytes to what is asked for', () => {
    const buffers$: Observable<Buffer> = of(bytesOf('a\n'));
    const arrays$: Observable<Uint8Array> = buffers$;
    const text$: Observable<string> = arrays$.pipe(lines());
    const same$: Observable<string> = buffers$.pipe(lines({ encoding: 'latin1' }));
    const bytes$: Observable<Buffer> = buffers$.pipe(lines({ encoding: 'buffer' }));
    // @ts-expect-error: not bytes
    const wrong$: Observable<Buffer> = buffers$.pipe(lines());
    // @ts-expect-error: the kind of length is required
    expect(() => lengthPrefixed({})).to.throw(TypeError);
    const all = concat(text$, same$, bytes$, wrong$).pipe(map(String), toArray());
    expect(new Told(all.pipe(mergeMap((frames) => from(frames)))).frames).to.deep.equal(['a', 'a', 'a', 'a']);
    expect(new Told(text$.pipe(concatMap((line) => of(line.length)))).frames).to.deep.equal([1]);
  });
});
