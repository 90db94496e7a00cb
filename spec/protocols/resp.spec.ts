// resp(): every type of both versions, cut anywhere, within limits.

import { expect } from 'chai';
import {
  RespAttribute,
  RespBigNumber,
  RespDouble,
  RespError,
  RespPush,
  RespSimple,
  RespVerbatim,
  resp,
} from 'evio/protocols';
import type { RespOptions, RespValue } from 'evio/protocols';
import { map, of } from 'rxjs';
import type { Observable } from 'rxjs';

import { Told, cuts, lanes } from './lanes.js';

const bulk = (text: string): Buffer => Buffer.from(text);

/** Bytes of one value, and what it is. */
const VALUES: readonly (readonly [string, RespValue])[] = [
  ['+OK\r\n', new RespSimple('OK')],
  ['+\r\n', new RespSimple('')],
  ['-ERR no\r\n', new RespError('ERR no')],
  [':0\r\n', 0],
  [':-12\r\n', -12],
  [':+12\r\n', 12],
  [':9007199254740991\r\n', 9007199254740991],
  [':9223372036854775807\r\n', 9223372036854775807n],
  [':-9223372036854775808\r\n', -9223372036854775808n],
  ['$5\r\nhe\r\no\r\n', bulk('he\r\no')],
  ['$0\r\n\r\n', bulk('')],
  ['$-1\r\n', null],
  ['*-1\r\n', null],
  ['_\r\n', null],
  ['*0\r\n', []],
  ['*3\r\n$1\r\na\r\n:1\r\n*1\r\n_\r\n', [bulk('a'), 1, [null]]],
  ['#t\r\n', true],
  ['#f\r\n', false],
  [',1.5\r\n', new RespDouble(1.5)],
  [',10\r\n', new RespDouble(10)],
  [',-1e-3\r\n', new RespDouble(-0.001)],
  [',inf\r\n', new RespDouble(Infinity)],
  [',-inf\r\n', new RespDouble(-Infinity)],
  [',nan\r\n', new RespDouble(NaN)],
  [
    '(3492890328409238509324850943850943825024385\r\n',
    new RespBigNumber(3492890328409238509324850943850943825024385n),
  ],
  ['(-7\r\n', new RespBigNumber(-7n)],
  ['!10\r\nERR a\r\nb c\r\n', new RespError('ERR a\r\nb c', true)],
  ['=7\r\ntxt:a\nb\r\n', new RespVerbatim('txt', 'a\nb')],
  [
    '%2\r\n+a\r\n:1\r\n$1\r\nb\r\n%0\r\n',
    new Map<RespValue, RespValue>([
      [new RespSimple('a'), 1],
      [bulk('b'), new Map()],
    ]),
  ],
  ['~2\r\n:1\r\n#t\r\n', new Set([1, true])],
  ['>2\r\n+message\r\n:1\r\n', new RespPush<Buffer>([new RespSimple('message'), 1])],
  [
    '|1\r\n+ttl\r\n:3600\r\n*2\r\n:1\r\n|0\r\n:2\r\n',
    new RespAttribute(new Map<RespValue, RespValue>([[new RespSimple('ttl'), 3600]]), [
      1,
      new RespAttribute(new Map(), 2),
    ]),
  ],
];

const INVALID: readonly string[] = [
  'hello\r\n',
  '\r\n',
  '+OK\n',
  '+O\rK\r\n',
  ':1.5\r\n',
  ':\r\n',
  ':9223372036854775808\r\n',
  '$-2\r\n',
  '$x\r\n',
  '$1x\r\n',
  '$1\ra',
  '$1\r\nab\r\n',
  '$\r\n',
  '*-2\r\n',
  '~-1\r\n',
  '%-1\r\n',
  '=-1\r\n',
  '!-1\r\n',
  '=3\r\ntxt\r\n',
  '_x\r\n',
  '#x\r\n',
  '#\r\n',
  ',\r\n',
  ',.\r\n',
  ',1.5x\r\n',
  ',infinity\r\n',
  '(1.5\r\n',
  '(\r\n',
  '*1\r\nx\r\n',
  '*9999999999999999\r\n',
  '$?\r\n',
  '*?\r\n',
  '%?\r\n',
  '~?\r\n',
];

for (const lane of lanes) {
  describe(`resp (${lane.name})`, () => {
    const run = (
      text: string,
      options?: RespOptions,
    ): { readonly frames: readonly unknown[]; readonly end: string } =>
      lane.run(resp(options), text === '' ? [] : [Buffer.from(text)]);

    for (const [text, value] of VALUES) {
      it(`knows ${JSON.stringify(text)} wherever it is cut`, () => {
        for (const chunks of cuts(Buffer.from(text))) {
          expect(lane.run(resp(), chunks)).to.deep.equal({ frames: [value], end: 'complete' });
        }
      });
    }

    it('takes values that come together one by one', () => {
      const all = run(VALUES.map(([text]) => text).join(''));
      expect(all).to.deep.equal({ frames: VALUES.map(([, value]) => value), end: 'complete' });
    });

    it('refuses what is no RESP, wherever it is cut', () => {
      for (const text of INVALID) {
        const bytes = Buffer.from(`:1\r\n${text}`);
        for (const chunks of cuts(bytes)) {
          const { frames, end } = lane.run(resp({ rest: 'drop' }), chunks);
          expect([frames, end], JSON.stringify(text)).to.deep.equal([[1], 'ERR_EVIO_FRAME_INVALID']);
        }
      }
    });

    it('errors at the end inside of a value, or drops that', () => {
      for (const [text] of VALUES) {
        for (let end = 1; end < text.length; end++) {
          const cut = text.slice(0, end);
          expect(run(cut), JSON.stringify(cut)).to.deep.equal({
            frames: [],
            end: 'ERR_EVIO_FRAME_TRUNCATED',
          });
        }
      }
      expect(run('*2\r\n:1\r\n', { rest: 'drop' })).to.deep.equal({ frames: [], end: 'complete' });
      expect(run('')).to.deep.equal({ frames: [], end: 'complete' });
    });

    it('takes values as long as max with all that is in them, and no longer', () => {
      for (const text of [
        '$3\r\nabc\r\n',
        '+abcdef\r\n',
        '*2\r\n:1\r\n_\r\n',
        '%1\r\n_\r\n_\r\n',
        ':1234567\r\n',
        '=5\r\ntxt:a\r\n',
      ]) {
        for (const chunks of cuts(Buffer.from(text + text))) {
          expect(lane.run(resp({ max: text.length }), chunks)).to.have.nested.property('frames.length', 2);
          const { frames, end } = lane.run(resp({ max: text.length - 1 }), chunks);
          expect([frames, end]).to.deep.equal([[], 'ERR_EVIO_FRAME_TOO_LARGE']);
        }
      }
    });

    it('errors at a length above max, before the string is there', () => {
      expect(run('$70000000', { rest: 'drop' }).end).to.equal('complete');
      expect(run('$70000000\r\n', { rest: 'drop' }).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(run('$4\r\n', { max: 10, rest: 'drop' }).end).to.equal('complete');
      expect(run('$5\r\n', { max: 10, rest: 'drop' }).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
    });

    it('takes lines of 64 KiB, and no longer ones', () => {
      const longest = 'x'.repeat(64 * 1024);
      expect(run(`+${longest}\r\n`).frames).to.deep.equal([new RespSimple(longest)]);
      expect(run(`+${longest}x\r\n`).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(run(`+${longest}xyz`).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
    });

    it('takes big numbers of 4096 digits, and no longer ones', () => {
      const digits = '9'.repeat(4096);
      expect(run(`(-${digits}\r\n`).frames).to.deep.equal([new RespBigNumber(-BigInt(digits))]);
      expect(run(`(${digits}9\r\n`).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
    });

    it('takes values nested as deep as maxDepth, and no deeper', () => {
      const nested = (depth: number): string => `${'*1\r\n'.repeat(depth)}:1\r\n`;
      expect(run(nested(32)).frames).to.have.length(1);
      expect(run(nested(33)).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(run('*1\r\n*0\r\n', { maxDepth: 1 }).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(run('*0\r\n', { maxDepth: 0 }).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(run(':1\r\n', { maxDepth: 0 }).frames).to.deep.equal([1]);
      expect(run('|0\r\n'.repeat(40)).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
    });

    it('takes as many values in one as maxValues, and no more', () => {
      expect(run('*2\r\n:1\r\n*2\r\n:1\r\n:2\r\n', { maxValues: 4 }).frames).to.deep.equal([[1, [1, 2]]]);
      expect(run('*2\r\n:1\r\n*2\r\n', { maxValues: 3 }).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(run('%2\r\n', { maxValues: 3 }).end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(run('*2\r\n:1\r\n:2\r\n'.repeat(3), { maxValues: 2 }).frames).to.have.length(3);
      expect(run('*1000000000\r\n').end).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
    });

    it('gives strings as text where asked', () => {
      expect(run('$2\r\né\r\n', { strings: 'utf8' }).frames).to.deep.equal(['é']);
      expect(run('$2\r\né\r\n', { strings: 'latin1' }).frames).to.deep.equal(['Ã©']);
      expect(run('%1\r\n$1\r\na\r\n:1\r\n', { strings: 'utf8' }).frames).to.deep.equal([new Map([['a', 1]])]);
    });
  });

  describe(`resp, inline commands (${lane.name})`, () => {
    const commands = (text: string, options: RespOptions = {}): unknown => {
      const { frames, end } = lane.run(resp({ inline: true, strings: 'latin1', ...options }), [
        Buffer.from(text, 'latin1'),
      ]);
      return end === 'complete' ? frames : end;
    };

    it('are words, apart by white space, beside values', () => {
      expect(commands('PING\r\n')).to.deep.equal([['PING']]);
      expect(commands(' set  key\tvalue \n\r\n\n:1\r\nGET key\n')).to.deep.equal([
        ['set', 'key', 'value'],
        1,
        ['GET', 'key'],
      ]);
    });

    it('may have quotes, as in Redis', () => {
      expect(commands(String.raw`SET "a b" 'c "d' "\x41\n\"\\" 'it\'s' "" x"y"` + '\r\n')).to.deep.equal([
        ['SET', 'a b', 'c "d', 'A\n"\\', "it's", '', 'xy'],
      ]);
      for (const text of ['"a', "'a", '"a"b', "'a'b", String.raw`"a\"`]) {
        expect(commands(`${text}\r\n`), text).to.equal('ERR_EVIO_FRAME_INVALID');
      }
    });

    it('are the same wherever they are cut', () => {
      for (const chunks of cuts(Buffer.from('GET a\r\n\r\n*1\r\n$1\r\nb\r\nc\n'))) {
        const { frames } = lane.run(resp({ inline: true, strings: 'utf8' }), chunks);
        expect(frames).to.deep.equal([['GET', 'a'], ['b'], ['c']]);
      }
    });

    it('are within the limits, and not inside of values', () => {
      expect(commands('x'.repeat(65537))).to.equal('ERR_EVIO_FRAME_TRUNCATED');
      expect(commands('x'.repeat(65538))).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(commands('a b c\r\n', { maxValues: 2 })).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(commands('abcd\r\n', { max: 5 })).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(commands('*1\r\nPING\r\n')).to.equal('ERR_EVIO_FRAME_INVALID');
    });
  });
}

describe('resp: streamed values', () => {
  it('are refused in so many words', () => {
    let message = '';
    of(Buffer.from('*?\r\n'))
      .pipe(resp())
      .subscribe({ error: (error: Error) => (message = error.message) });
    expect(message).to.equal('resp: streamed values (*?) are not supported');
  });
});

describe('resp: memory', () => {
  it('is not taken for what was only announced', () => {
    const before = process.memoryUsage();
    const told = new Told(of(Buffer.from('*1000000\r\n$60000000\r\nx')).pipe(resp()));
    const { rss } = process.memoryUsage();
    expect(told.end).to.equal('ERR_EVIO_FRAME_TRUNCATED');
    expect(rss - before.rss).to.be.below(20_000_000);
  });
});

describe('resp: arguments and types', () => {
  it('are refused by name', () => {
    expect(() => resp({ maxDepth: -1 })).to.throw(RangeError, 'option maxDepth');
    expect(() => resp({ maxDepth: 1025 })).to.throw(RangeError, 'option maxDepth');
    expect(() => resp({ maxValues: 1.5 })).to.throw(RangeError, 'option maxValues');
    expect(() => resp({ max: 0 })).to.throw(RangeError, 'option max');
    expect(() => resp({ inline: 1 as never })).to.throw(TypeError, 'option inline');
    expect(() => resp({ strings: 'hex' as never })).to.throw(TypeError, 'option strings');
    expect(() => resp({ rest: 'emit' as never })).to.throw(TypeError, 'option rest');
    expect(() => resp({ depth: 1 } as never)).to.throw(TypeError, 'unknown option');
  });

  it('follow the form of strings', () => {
    const bytes$ = of(Buffer.from('$1\r\na\r\n'));
    const values$: Observable<RespValue> = bytes$.pipe(resp());
    const texts$: Observable<RespValue<string>> = bytes$.pipe(resp({ strings: 'utf8' }));
    // @ts-expect-error: bulk strings are Buffers here
    const wrong$: Observable<RespValue<string>> = bytes$.pipe(resp({ strings: 'buffer' }));
    expect(new Told(values$.pipe(map((value) => value instanceof Buffer))).frames).to.deep.equal([true]);
    expect(new Told(texts$.pipe(map((value) => typeof value === 'string'))).frames).to.deep.equal([true]);
    expect(new Told(wrong$).frames).to.have.length(1);
  });
});
