// Bytes for people: quoted, dumped, and compared.

import { expect } from 'chai';
import * as fc from 'fast-check';

import { hex, quoting } from './modules.js';

const { hexDiff, hexDump } = hex;
const { quote } = quoting;

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const lines = (...text: string[]): string => text.join('\n');

describe('testing: quoted bytes', () => {
  const QUOTED: readonly [string, Buffer, string][] = [
    ['nothing', latin1(''), '""'],
    ['text', latin1('PING\r\n'), String.raw`"PING\r\n"`],
    ['tabs, quotes and backslashes', latin1('\t"it\'s" \\'), String.raw`"\t\"it's\" \\"`],
    ['zeros, also before digits', latin1('\0a\x001'), String.raw`"\0a\x001"`],
    ['control characters', latin1('\x1b\x7f\v'), String.raw`"\x1b\x7f\x0b"`],
    ['UTF-8', Buffer.from('é€😀'), '"é€😀"'],
    [
      'characters that nobody sees',
      Buffer.from('\u0085\u200b\ufeff\u{e0001}'),
      String.raw`"\u0085\u200b\ufeff\u{e0001}"`,
    ],
    ['bytes that are not UTF-8', latin1('a\xff\xc3'), String.raw`"a\xff\xc3"`],
    [
      'such bytes amid UTF-8',
      Buffer.concat([Buffer.from('é'), latin1('\xa9\xed\xa0\x80')]),
      String.raw`"é\xa9\xed\xa0\x80"`,
    ],
  ];
  for (const [title, bytes, text] of QUOTED) {
    it(`show ${title}: ${text}`, () => {
      expect(quote(bytes)).to.equal(text);
    });
  }

  it('are cut after a whole character, and say how many there are', () => {
    expect(quote(Buffer.alloc(1234, 'a'), 4)).to.equal('"aaaa"… (1,234 bytes)');
    expect(quote(Buffer.from('aé'), 2)).to.equal('"a"… (3 bytes)');
    expect(quote(Buffer.from('aé'), 3)).to.equal('"aé"');
    expect(quote(latin1('a'), 0)).to.equal('""… (1 byte)');
    expect(quote(Buffer.alloc(41, 'a'))).to.equal(`"${'a'.repeat(40)}"… (41 bytes)`);
  });

  it('are a literal of JavaScript with the same text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        const literal = quote(Buffer.from(text), 100);
        // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- whether JavaScript reads it is what is asked
        expect((new Function(`'use strict'; return ${literal};`) as () => string)()).to.equal(text);
      }),
    );
  });
});

describe('testing: a dump of bytes', () => {
  it('has sixteen a line, with offset and what is printable', () => {
    expect(hexDump(latin1('PING\r\n'))).to.equal(
      '0000  50 49 4e 47 0d 0a                                 |PING..|',
    );
    expect(hexDump(latin1('0123456789abcdef~\x7f'))).to.equal(
      lines(
        '0000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|',
        '0010  7e 7f                                             |~.|',
      ),
    );
  });

  it('says what it does not show', () => {
    const [first, more, ...rest] = hexDump(Buffer.alloc(1300), { max: 16 }).split('\n');
    expect(first).to.match(/^0000 {2}00 .*\|\.{16}\|$/);
    expect(more).to.equal('… 1,284 bytes more');
    expect(rest).to.deep.equal([]);
    expect(hexDump(Buffer.alloc(1300)).split('\n')).to.have.length(17);
  });

  it('is never an empty line', () => {
    expect(hexDump(Buffer.alloc(0))).to.equal('(no bytes)');
  });
});

describe('testing: bytes compared', () => {
  it('are marked where they differ', () => {
    expect(hexDiff(latin1('+PONG\r\n'), latin1('+PING\r\r'))).to.equal(
      lines(
        'the first difference is at byte 2 (0x2): expected 7 bytes, actual 7 bytes',
        'expected  0000  2b 50 4f 4e 47 0d 0a                              |+PONG..|',
        'actual    0000  2b 50 49 4e 47 0d 0d                              |+PING..|',
        '                      ^^          ^^',
      ),
    );
  });

  it('begin at the first difference, after a line that is the same, and end soon', () => {
    const same = 'x'.repeat(70);
    expect(
      hexDiff(latin1(`${same}a${'y'.repeat(300)}`), latin1(`${same}b${'y'.repeat(290)}`), { lines: 2 }),
    ).to.equal(
      lines(
        'the first difference is at byte 70 (0x46): expected 371 bytes, actual 361 bytes',
        '          … 48 bytes the same',
        '          0030  78 78 78 78 78 78 78 78  78 78 78 78 78 78 78 78  |xxxxxxxxxxxxxxxx|',
        'expected  0040  78 78 78 78 78 78 61 79  79 79 79 79 79 79 79 79  |xxxxxxayyyyyyyyy|',
        'actual    0040  78 78 78 78 78 78 62 79  79 79 79 79 79 79 79 79  |xxxxxxbyyyyyyyyy|',
        '                                  ^^',
        '          0050  79 79 79 79 79 79 79 79  79 79 79 79 79 79 79 79  |yyyyyyyyyyyyyyyy|',
        '          … 275 bytes more',
      ),
    );
  });

  it('say what is missing at the end', () => {
    expect(hexDiff(latin1('+PONG\r\n'), latin1('+PONG\r'))).to.equal(
      lines(
        '1 byte missing at the end: expected 7 bytes, actual 6 bytes',
        'expected  0000  2b 50 4f 4e 47 0d 0a                              |+PONG..|',
        'actual    0000  2b 50 4f 4e 47 0d                                 |+PONG.|',
        '                                  ^^',
      ),
    );
  });

  it('say what is too many at the end, and where a line has nothing', () => {
    expect(hexDiff(Buffer.alloc(16, 'a'), Buffer.alloc(18, 'a'))).to.equal(
      lines(
        '2 bytes too many at the end: expected 16 bytes, actual 18 bytes',
        '          0000  61 61 61 61 61 61 61 61  61 61 61 61 61 61 61 61  |aaaaaaaaaaaaaaaa|',
        'expected  0010  (ends)',
        'actual    0010  61 61                                             |aa|',
        '                ^^ ^^',
      ),
    );
  });

  it('have as much before as is asked for', () => {
    const [, first, second] = hexDiff(Buffer.alloc(64), Buffer.alloc(65), { context: 0 }).split('\n');
    expect(first).to.equal('          … 64 bytes the same');
    expect(second).to.equal('expected  0040  (ends)');
    expect(hexDiff(Buffer.alloc(64), Buffer.alloc(65), { context: 9 })).to.not.include('the same');
  });

  it('are said to be the same', () => {
    expect(hexDiff(latin1('abc'), latin1('abc'))).to.equal('no difference: 3 bytes');
  });
});
