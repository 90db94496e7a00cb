// inPlace(): the window itself for one subscription, and copies for all others.

import { expect } from 'chai';
import { paced, serveEach } from 'evio';
import { inPlace } from 'evio/protocols';
import { EMPTY, Subject, map, of, take } from 'rxjs';

import { Told, WindowClient, lanes } from './lanes.js';

const OVERWRITTEN = '\xee';

describe('inPlace', () => {
  for (const lane of lanes) {
    it(`passes every chunk as it came, and the end (${lane.name})`, () => {
      const chunks = ['one', 'two', 'three'].map((text) => Buffer.from(text));
      const { frames, end } = lane.run((source$) => source$.pipe(inPlace(), map(String)), chunks);
      expect([frames, end]).to.deep.equal([['one', 'two', 'three'], 'complete']);
    });
  }

  it('yields chunks that are valid during the call, and leaves copies to others', () => {
    const client = new WindowClient();
    const { data$ } = client.connection;
    const [seen, lent, own]: [string[], Buffer[], Buffer[]] = [[], [], []];
    data$.pipe(inPlace()).subscribe((chunk) => {
      seen.push(String(chunk));
      lent.push(chunk);
    });
    data$.subscribe((chunk) => own.push(chunk));
    client.sends('abc');
    expect(seen).to.deep.equal(['abc']);
    expect(lent.map((chunk) => chunk.toString('latin1'))).to.deep.equal([OVERWRITTEN.repeat(3)]);
    expect(own.map(String)).to.deep.equal(['abc']);
  });

  it('copies nothing: all chunks lie in one window', () => {
    const client = new WindowClient();
    const windows = new Set<ArrayBufferLike>();
    client.connection.data$.pipe(inPlace()).subscribe((chunk) => windows.add(chunk.buffer));
    for (const text of ['a', 'b'.repeat(5000), 'c'.repeat(100_000)]) client.sends(text);
    expect([...windows].map(({ byteLength }) => byteLength)).to.deep.equal([128 * 1024]);
  });

  it('does so for a protocol too, whose input errors when the connection fails', () => {
    const client = new WindowClient();
    const windows: ArrayBufferLike[] = [];
    let told: Told<string> | undefined;
    of(client.connection)
      .pipe(
        serveEach((data$) => {
          const input$ = data$.pipe(inPlace());
          told = new Told(
            input$.pipe(
              map((chunk) => {
                windows.push(chunk.buffer);
                return String(chunk);
              }),
            ),
          );
          return EMPTY;
        }),
      )
      .subscribe();
    client.sends('abc');
    client.fails('ECONNRESET');
    expect(windows.map(({ byteLength }) => byteLength)).to.deep.equal([128 * 1024]);
    expect(told?.outcome).to.deep.equal({ frames: ['abc'], end: 'ECONNRESET' });
  });

  it('behind another operator gets what that one emits', () => {
    const client = new WindowClient();
    const kept: Buffer[] = [];
    const whole$ = client.connection.data$.pipe(map((chunk) => chunk));
    whole$.pipe(inPlace()).subscribe((chunk) => kept.push(chunk));
    client.sends('abc');
    expect(kept.map(String)).to.deep.equal(['abc']);
  });

  it('tells of a wake by an empty chunk', () => {
    const client = new WindowClient();
    const told = new Told(client.connection.data$.pipe(inPlace(), map(String)));
    client.sends('a');
    client.connection.wake();
    client.settle();
    expect(told.frames).to.deep.equal(['a', '']);
  });

  it('reads while somebody subscribes, and no longer', () => {
    const client = new WindowClient();
    const told = new Told(client.connection.data$.pipe(inPlace(), take(1), map(String)));
    client.sends('a');
    client.sends('b');
    client.settle();
    const rest = new Told(client.connection.data$.pipe(map(String)));
    client.settle();
    expect([told.outcome, rest.frames]).to.deep.equal([{ frames: ['a'], end: 'complete' }, ['b']]);
  });

  it('holds the connection for paced work behind it', () => {
    const client = new WindowClient();
    const work = new Subject<string>();
    let begun = 0;
    client.connection.data$
      .pipe(
        inPlace(),
        paced(() => {
          begun += 1;
          return work.pipe(take(1));
        }),
      )
      .subscribe();
    client.sends('a');
    client.sends('b');
    client.settle();
    expect(begun).to.equal(1);
    work.next('done');
    client.settle();
    expect(begun).to.equal(2);
  });

  it('takes a Uint8Array from any source, and refuses by name what is no bytes', () => {
    const source$ = new Subject<Uint8Array>();
    const told = new Told(source$.pipe(inPlace()));
    source$.next(Uint8Array.of(97));
    source$.next('b' as never);
    expect(told.frames.map(String)).to.deep.equal(['a']);
    expect(told.end).to.equal('ERR_INVALID_ARG_TYPE');
  });
});
