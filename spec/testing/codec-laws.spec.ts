// Each law of codecs can be broken: bugs that were planted in a codec, with what the law says of them.

import { expect } from 'chai';
import { lines } from 'evio/protocols';
import { codecLaws } from 'evio/testing';
import type { Codec } from 'evio/testing';
import { Observable, ignoreElements, map, merge, mergeMap, of } from 'rxjs';
import type { OperatorFunction } from 'rxjs';

import { verdict } from './verdict.js';

type Decode = Codec<string>['decode'];

const TEXTS = ['one', '', 'z\u00e4hlt', 'x'.repeat(50)];
const line = {
  decode: (): OperatorFunction<Buffer, string> => lines({ max: 1000 }),
  encode: (text: string): string => `${text}\n`,
  values: TEXTS,
  incomplete: 'emit',
} satisfies Codec<string>;

/** Lines, decoded by hand: `keep` makes the rest of what there is, `emit` the frame of its bytes. */
function byHand(
  keep: (all: Buffer, last: Buffer) => Buffer,
  emit: (frame: Buffer) => string = String,
): Decode {
  return () => (data$) =>
    new Observable((subscriber) => {
      let rest: Buffer = Buffer.alloc(0);
      return data$.subscribe({
        next: (data) => {
          let all = rest.length === 0 ? data : Buffer.concat([rest, data]);
          for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10)) {
            subscriber.next(emit(all.subarray(0, end)));
            all = all.subarray(end + 1);
          }
          rest = keep(all, data);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          if (rest.length > 0) subscriber.next(String(rest));
          subscriber.complete();
        },
      });
    });
}

/** Lines, with what becomes of the end. */
function ending(end: (subscriber: { complete(): void; error(error: unknown): void }) => void): Decode {
  return () => (data$) =>
    new Observable((subscriber) =>
      data$.pipe(lines()).subscribe({
        next: (text) => subscriber.next(text),
        error: () => end(subscriber),
        complete: () => subscriber.complete(),
      }),
    );
}

/** What each law says of a codec that breaks it. */
const CODECS: Record<string, { law: string; codec: Partial<Codec<string>>; says: RegExp }> = {
  'one that changes what it carries': {
    law: 'what is encoded is decoded',
    codec: { encode: (text) => `${text.toUpperCase()}\n` },
    says: /^the whole in one chunk: expected \[ 'one'.*but it was \[ 'ONE'/s,
  },
  'one that takes a chunk for a frame': {
    law: 'a cut at any place changes nothing',
    codec: {
      decode: () => (data$) => data$.pipe(mergeMap((data) => data.toString().replace(/\n$/, '').split('\n'))),
    },
    says: /^cut at 1: expected/,
  },
  'one that remembers the chunk before, and no other': {
    law: 'bytes that come one by one change nothing',
    codec: { decode: byHand((_, last) => (last.includes(10) ? Buffer.alloc(0) : Buffer.from(last))) },
    says: /^byte by byte: expected/,
  },
  'one that loses its way among many chunks': {
    law: 'random cuts change nothing',
    codec: { decode: byHand((all, last) => (last.length === 5 ? Buffer.alloc(0) : all)) },
    says: /^random cuts \d+ of seed 1, into \d+, .*: expected/,
  },
  'one that waits for the next frame': {
    law: 'a frame comes as soon as its last byte has come, and not before',
    codec: {
      decode: () => (data$) =>
        new Observable((subscriber) => {
          let last: string | undefined;
          return data$.pipe(lines()).subscribe((text) => {
            if (last !== undefined) subscriber.next(last);
            last = text;
          });
        }),
    },
    says: /^after the last byte of value 0: expected 1, but it was 0/,
  },
  'one that emits what there is of a frame': {
    law: 'a frame comes as soon as its last byte has come, and not before',
    codec: { decode: () => map((data) => data.toString()) },
    says: /^before chunk 1 of value 0: expected 0, but it was 1/,
  },
  'one that drops a cut frame': {
    law: 'an incomplete frame at the end is not passed over in silence',
    codec: { decode: () => lines({ rest: 'drop' }) },
    says: /^1 of the 4 bytes of value 0, then the end: expected 1 values, but it was \[\]/,
  },
  'one that takes a cut frame for a whole one': {
    law: 'an incomplete frame at the end is not passed over in silence',
    codec: { incomplete: 'error' },
    says: /^1 of the 4 bytes of value 0, then the end: expected 0 values, but it was \[ 'o' \]/,
  },
  'one that takes an empty chunk for a frame': {
    law: 'an empty chunk means nothing',
    codec: {
      decode: () => (data$) =>
        merge(data$.pipe(lines()), data$.pipe(mergeMap(({ length }) => (length === 0 ? of('wake') : [])))),
    },
    says: /^empty chunks between any two bytes: .*'wake'/s,
  },
  'one that writes into its input': {
    law: 'the input is not changed',
    codec: {
      decode: () => (data$) =>
        data$.pipe(
          map((data) => data.fill(0x20, 0, 1)),
          lines(),
        ),
    },
    says: /^the input, in 1 chunks, afterwards: expected "one\\n.*but it was " ne\\n/,
  },
  'one that goes on where one was taken': {
    law: 'who takes one frame gets one',
    codec: {
      decode: () => (data$) =>
        new Observable((subscriber) => void data$.pipe(lines()).subscribe((text) => subscriber.next(text))),
    },
    says: /^the source, when one was taken: expected unsubscribed/,
  },
  'one that hides errors': {
    law: 'an error of the source is passed on',
    codec: { decode: ending((subscriber) => subscriber.complete()) },
    says: /^after an error of the source: .*but it was \[\]/s,
  },
  'one that keeps what it was lent': {
    law: 'input that is valid during the call only is enough',
    codec: { decode: byHand((all) => all), lent: true },
    says: /^values that were wrong when they came: expected \[\], but it was \[/,
  },
  'one that takes anything': {
    law: '"\\0" is refused, once and for good',
    codec: { invalid: ['\0'] },
    says: /^"\\0" in 1 chunks behind 0 frames: expected an error/,
  },
  'one whose errors have no code': {
    law: '"\\0" is refused, once and for good',
    codec: {
      invalid: ['\0'],
      decode: () => (data$) =>
        data$.pipe(
          map((data) => {
            if (data.includes(0)) throw new Error('no');
            return data;
          }),
          lines(),
        ),
    },
    says: /^"\\0" in 1 chunks behind 0 frames: the error: expected an Error with a code/,
  },
  'one that goes on listening when it has refused': {
    law: '"\\0" is refused, once and for good',
    codec: {
      invalid: ['\0'],
      decode: () => (data$) =>
        new Observable((subscriber) => {
          const refused = Object.assign(new Error('no'), { code: 'ERR_NO' });
          data$.subscribe((data) => (data.includes(0) ? subscriber.error(refused) : subscriber.next('one')));
        }),
    },
    says: /^"\\0" in 1 chunks behind 0 frames: the source: expected unsubscribed/,
  },
  'one that grows for ever': {
    law: 'a frame without an end is given up',
    codec: { decode: () => ignoreElements(), endless: 'x', max: 1000 },
    says: /^after 1000 bytes of one frame: expected an error, but it was more is awaited/,
  },
};

describe('a law of codecs', () => {
  for (const [what, { law, codec, says }] of Object.entries(CODECS)) {
    it(`is broken by ${what}`, () => {
      expect(verdict(codecLaws({ ...line, ...codec }), law)).to.match(says);
    }).timeout(60_000);
  }

  it('is broken by one that emits one buffer again and again', () => {
    const shared = Buffer.alloc(100);
    const decode = (): OperatorFunction<Buffer, Buffer> => (data$) =>
      data$.pipe(
        lines(),
        map((text) => shared.subarray(0, shared.write(text))),
      );
    const values = ['ab', 'cd'].map((text) => Buffer.from(text));
    const laws = codecLaws({ decode, encode: (frame) => `${String(frame)}\n`, values });
    expect(verdict(laws, 'what was decoded survives the next input')).to.match(
      /^values, when other input had come: expected/,
    );
  });

  it('has a mutant, each', () => {
    const names = codecLaws({ ...line, invalid: ['\0'], endless: 'x', lent: true }).map(({ name }) => name);
    const broken = [
      ...Object.values(CODECS).map(({ law }) => law),
      'what was decoded survives the next input',
    ];
    expect(names).to.have.members([...new Set(broken)]);
  });

  it('is not to be had of nothing', () => {
    expect(() => codecLaws({ ...line, values: [] })).to.throw(
      TypeError,
      'values must be a list of one value at least',
    );
    expect(() => codecLaws({ ...line, encode: () => '' })).to.throw(TypeError, 'value 0 is no bytes');
    expect(() => codecLaws({ ...line, decode: undefined as unknown as Decode })).to.throw(
      TypeError,
      'decode must be a function, not undefined',
    );
  });
});
