// The way back, from what happened to a lane: it reads as what it was written from.

import { expect } from 'chai';
import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';

import { diagram, laneText, type MarbleKind, type WireEvent, type WireValues } from './modules.js';

const { parseLane } = diagram;
const { formatLane } = laneText;

const data = (at: number, bytes: string): WireEvent => ({
  at,
  kind: 'data',
  bytes: Buffer.from(bytes, 'latin1'),
});
const sign = (at: number, kind: MarbleKind): WireEvent => ({ at, kind });

const VALUES: WireValues = { pong: '+PONG\r\n', a: 'alpha', 7: 'seven', m: 'm' };

describe('testing: events as a lane', () => {
  const WRITTEN: readonly [string, readonly WireEvent[], string][] = [
    ['nothing', [], ''],
    ['signs', [sign(0, 'connect'), sign(2, 'stop'), sign(4, 'go'), sign(6, 'fin')], '^-[-]-|'],
    ['a name of one character', [data(1, 'alpha'), data(2, 'seven')], '-a7'],
    ['a name of several', [data(1, '+PONG\r\n')], '-{pong}'],
    ['a character that means itself', [data(1, 'x')], '-x'],
    ['a character that has another value', [data(1, 'a')], "-'a'"],
    ['a text', [data(1, '-ERR\r\n')], String.raw`-'-ERR\r\n'`],
    ['a text with quotes', [data(0, 'it\'s "it"\\')], String.raw`'it\'s "it"\\'`],
    ['a zero before a digit', [data(0, '\x001 and\x00')], String.raw`'\x001 and\0'`],
    ['bytes that are no text', [data(1, '\xff\r')], '-<ff 0d>'],
    ['bytes that are shorter in hex', [data(1, '\x01\x02')], '-<01 02>'],
    ['what comes at once', [data(3, 'alpha'), sign(3, 'fin')], '---(a|)'],
    ['data side by side at once', [data(3, 'x'), data(3, 'y')], "---'xy'"],
    ['fractions, rounded down', [data(1.9, 'x'), data(1.95, 'y'), sign(3.1, 'fin')], '-A-|'],
    ['a gap of twenty', [data(20, 'x')], '--------------------x'],
    ['a longer gap', [data(21, 'x'), data(272, 'x')], '21ms x 250ms x'],
    ['seconds and minutes', [data(3000, 'x'), data(123_001, 'y')], '3s x 2m y'],
  ];
  for (const [title, events, text] of WRITTEN) {
    it(`writes ${title}: ${text}`, () => {
      const written = formatLane(events, VALUES);
      expect(written.text).to.equal(text);
      expect(written.exact).to.equal(true);
    });
  }

  it('makes up names for what is too long for its place, the same for the same bytes, and tells them', () => {
    const written = formatLane([data(0, 'first'), data(1, 'second'), data(2, 'first'), data(10, 'first')], {
      A: 'x',
    });
    expect(written).to.deep.include({ text: "BC'first'-'first'", invented: ['B', 'C'], exact: true });
    expect(written.values).to.deep.equal({ A: 'x', B: Buffer.from('first'), C: Buffer.from('second') });
  });

  it('makes up names for what nobody would read', () => {
    const written = formatLane([data(1, 'x'.repeat(100))]);
    expect(written.text).to.equal('-A');
    expect(written.values['A']).to.deep.equal(Buffer.from('x'.repeat(100)));
  });

  it('makes up no name that means itself elsewhere', () => {
    expect(formatLane([data(0, 'A'), data(1, 'two'), sign(2, 'fin')]).text).to.equal('AB|');
    expect(formatLane([data(0, 'two'), data(1, 'A'), sign(2, 'fin')]).text).to.equal('BA|');
  });

  it('writes a digit so that it is no time together with what follows', () => {
    const events = [data(0, '5'), data(1, 'm'), data(40, '2'), data(41, '0'), data(42, 'm'), data(43, 's')];
    const written = formatLane(events);
    expect(written).to.include({ text: 'Am 38ms 2Bms', exact: true });
  });

  it('says when there is no room for a group, and writes the rest as soon as there is', () => {
    const written = formatLane([data(5, 'x'), sign(5, 'fin'), sign(6, 'close'), sign(30, 'reset')]);
    expect(written).to.include({ text: '-----(x|)!--------------------#', exact: false });
  });
});

describe('testing: events as a lane like another', () => {
  const LIKE: readonly [string, string, readonly WireEvent[], string][] = [
    [
      'is the other when the events are the same',
      ' ^-- {pong}  - 250ms ( a|) 2s !',
      [sign(0, 'connect'), data(3, '+PONG\r\n'), data(260, 'alpha'), sign(260, 'fin'), sign(2264, 'close')],
      ' ^-- {pong}  - 250ms ( a|) 2s !',
    ],
    ['has its length when something is missing', '--x--|', [data(2, 'x')], '--x---'],
    ['has its way of writing', '--<2d>-"ok"', [data(2, 'ok'), data(9, '-')], '--"ok"---<2d>'],
    ['has its pieces of a segment', '--(xy|)--', [data(2, 'xy')], '--(xy)---'],
    ['has the same time in the same column', '-x    --y', [data(2, 'x'), data(4, 'y')], '--    x-y'],
    [
      'has its times where they fit',
      '-x 30ms y 20ms z',
      [data(2, 'x'), data(32, 'y'), data(53, 'z')],
      '-- x 29ms y 20ms z',
    ],
    [
      'stands in the middle of its time',
      '-x 30ms y',
      [data(1, 'x'), data(12, 'z'), data(32, 'y')],
      '-x ----------z-------------------y',
    ],
  ];
  for (const [title, like, events, text] of LIKE) {
    it(`${title}: ${JSON.stringify(like)}`, () => {
      expect(formatLane(events, VALUES, like)).to.include({ text, exact: true });
    });
  }

  it('does without one that cannot be read', () => {
    expect(formatLane([data(1, 'x')], {}, '--{pong')).to.include({ text: '-x', exact: true });
  });

  it('does without one whose spaces would make a time', () => {
    const written = formatLane([data(0, 'x'), data(5, '3'), sign(6, 'fin')], VALUES, 'x- --3|');
    expect(written.exact).to.equal(true);
  });
});

describe('testing: events as a lane read again', () => {
  const bytes: Arbitrary<Buffer> = fc
    .oneof(
      fc.constantFrom('5', '20', 'm', 's', 'ms', 'A', 'a', 'alpha', '+PONG\r\n', '{', "'", '\0', '\\'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
      fc.uint8Array({ minLength: 1, maxLength: 60 }),
    )
    .map((value) => Buffer.from(value as string));
  const gap = fc.oneof(
    fc.constant(0),
    fc.nat(3),
    fc.nat(60),
    fc.nat(5).map((seconds) => seconds * 1000),
  );
  /** What comes at once: data never beside data, since that would be one. */
  const moment = fc.array(
    fc.record({ bytes: fc.option(bytes), sign: fc.constantFrom<MarbleKind>('stop', 'go') }),
    { minLength: 1, maxLength: 3 },
  );
  const end = fc.option(fc.constantFrom<MarbleKind>('fin', 'reset', 'close'));
  const values = fc.constantFrom<WireValues>({}, VALUES, {
    5: '5',
    s: 's',
    A: Buffer.from([0]),
    'a b': 'ms',
  });

  /** @param room - whether there is time for every group */
  function events(room: boolean): Arbitrary<WireEvent[]> {
    return fc
      .tuple(fc.array(fc.tuple(gap, moment)), fc.tuple(gap, end), fc.boolean())
      .map(([moments, last, connects]) => {
        const list: WireEvent[] = connects ? [sign(0, 'connect')] : [];
        let now = connects && room ? 1 : 0;
        for (const [gap, parts] of moments) {
          now += gap;
          const before = list.length;
          for (const { bytes, sign: kind } of parts) {
            if (bytes !== null) list.push({ at: now, kind: 'data', bytes });
            if (parts.length > 1 || bytes === null) list.push(sign(now, kind));
          }
          const size = list.length - before;
          if (room) now += size > 1 ? size + 2 : 1;
        }
        if (last[1] !== null) list.push(sign(now + last[0] + (room ? 0 : 1), last[1]));
        return list;
      });
  }

  const plain = (list: readonly WireEvent[]): object[] =>
    list.map(({ at, kind, bytes }) => ({ at, kind, bytes: bytes?.toString('hex') }));
  const like = fc.oneof(
    fc.constantFrom('', '^-a--(ab|)', '5 m 20ms  -s  x 1s |', ' ( 5 m )-', 'not { readable'),
    events(true),
  );

  it('is the same events wherever there is room for them, whatever it is like', () => {
    fc.assert(
      fc.property(events(true), values, like, (list, values, other) => {
        const like = typeof other === 'string' ? other : formatLane(other, values).text;
        const written = formatLane(list, values, like);
        const { marbles } = parseLane(written.text, 'client', written.values);
        expect(plain(marbles)).to.deep.equal(plain(list));
        expect(written.exact).to.equal(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is the same bytes in the same order where there is none, and never earlier', () => {
    fc.assert(
      fc.property(events(false), values, (list, values) => {
        const written = formatLane(list, values);
        const { marbles } = parseLane(written.text, 'client', written.values);
        const joined = (some: readonly WireEvent[]): string =>
          some.map(({ kind, bytes }) => bytes?.toString('hex') ?? kind).join();
        expect(joined(marbles).replaceAll(',', '')).to.equal(joined(list).replaceAll(',', ''));
        const times = (some: readonly WireEvent[]): number[] => [...new Set(some.map(({ at }) => at))];
        if (written.exact) expect(times(marbles)).to.deep.equal(times(list));
        expect(marbles.at(-1)?.at ?? 0).to.be.at.least(list.at(-1)?.at ?? 0);
      }),
      { numRuns: 300 },
    );
  });
});
