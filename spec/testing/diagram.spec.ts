// One lane of a wire diagram: what is read, and what is said about what cannot be.

import { expect } from 'chai';
import { TestScheduler } from 'rxjs/testing';

import { expectTypeError, thrownBy, titleOf } from '../input-errors/misuse.js';
import { diagram, type Side } from './modules.js';

const { bytesOf, parseLane, parseSigns } = diagram;

const VALUES = { a: 'alpha', ping: 'PING\r\n', b: new Uint8Array([0, 255]), 'two words': '2', '+': 'plus' };

/** What happens, in short: `data@3 "x"`. */
function summary(text: string, side: Side = 'client', values: object = {}): string[] {
  return parseLane(text, side, values as Record<string, string>).marbles.map(({ at, kind, bytes }) =>
    bytes === undefined ? `${kind}@${at}` : `${kind}@${at} ${JSON.stringify(bytes.toString('latin1'))}`,
  );
}

describe('testing: a lane', () => {
  const READ: readonly [string, string[], number][] = [
    ['', [], 0],
    ['---', [], 3],
    ['^-x-1|', ['connect@0', 'data@2 "x"', 'data@4 "1"', 'fin@5'], 6],
    [' - x  y ', ['data@1 "x"', 'data@2 "y"'], 3],
    ['a{ping}b', ['data@0 "alpha"', 'data@1 "PING\\r\\n"', 'data@7 "\\u0000ÿ"'], 8],
    ['{two words}x{+}', ['data@0 "2"', 'data@11 "x"', 'data@12 "plus"'], 15],
    ["'a b'-", ['data@0 "a b"'], 6],
    [`"it's"x'"'`, ['data@0 "it\'s"', 'data@6 "x"', 'data@7 "\\""'], 10],
    ['<0d 0A ff>x', ['data@0 "\\r\\nÿ"', 'data@8 "x"'], 9],
    ['< 0d0a>x', ['data@0 "\\r\\n"', 'data@6 "x"'], 7],
    ['é', ['data@0 "Ã©"'], 1],
    ['𝒳y', ['data@0 "ð\u009d\u0092³"', 'data@1 "y"'], 2],
    ["'𝒳'y", ['data@0 "ð\u009d\u0092³"', 'data@3 "y"'], 4],
    ['x[-]#', ['data@0 "x"', 'stop@1', 'go@3', 'reset@4'], 5],
    ['x!', ['data@0 "x"', 'close@1'], 2],
    // Groups.
    ['-(xy)z', ['data@1 "xy"', 'data@5 "z"'], 6],
    ["-(x'y z'|)-", ['data@1 "xy z"', 'fin@1'], 11],
    ['(^x)(y|)', ['connect@0', 'data@0 "x"', 'data@4 "y"', 'fin@4'], 8],
    ['( x [ y )z', ['data@0 "x"', 'stop@0', 'data@0 "y"', 'data@5 "z"'], 6],
    ['(20ms)x', ['data@0 "20ms"', 'data@6 "x"'], 7],
    // Time.
    ['- 20ms x', ['data@21 "x"'], 22],
    ['20ms x', ['data@20 "x"'], 21],
    ['x 20ms', ['data@0 "x"'], 21],
    ['20ms', [], 20],
    ['x 1.5s y 2m |', ['data@0 "x"', 'data@1501 "y"', 'fin@121502'], 121503],
    [' 0.1ms  0.2ms x', ['data@0.3 "x"'], 1.3],
    [' 1.001s x', ['data@1001 "x"'], 1002],
    ['1s-', ['data@0 "1"', 'data@1 "s"'], 3],
    ['-3s x', ['data@1 "3"', 'data@2 "s"', 'data@3 "x"'], 4],
    // Ends.
    ['x|[-]', ['data@0 "x"', 'fin@1', 'stop@2', 'go@4'], 5],
    ['|- 3ms #', ['fin@0', 'reset@5'], 6],
    ['|!', ['fin@0', 'close@1'], 2],
  ];
  for (const [text, happens, duration] of READ) {
    it(`${JSON.stringify(text)} is ${happens.join(', ') || 'nothing'}, in ${duration} ms`, () => {
      expect(summary(text, 'client', VALUES)).to.deep.equal(happens);
      expect(parseLane(text, 'client', VALUES)).to.include({ text, side: 'client', duration });
    });
  }

  it('has the escapes of JavaScript in its texts, in UTF-8', () => {
    const text = String.raw`'\r\n\t\0\\\'\"\x41\u00e9\u{1f600}\xff'`;
    // oxlint-disable-next-line no-useless-escape -- the same text, read by JavaScript
    const expected = Buffer.from('\r\n\t\0\\\'"\x41\u00e9\u{1f600}\xff');
    expect(parseLane(text, 'client').marbles[0]?.bytes).to.deep.equal(expected);
  });

  it('takes names from the values themselves, not from what objects inherit', () => {
    expectTypeError(
      thrownBy(() => parseLane('{toString}', 'client')),
      'ERR_INVALID_ARG_VALUE',
      'no value',
    );
  });

  it('knows the columns of what happens, and what is of one group', () => {
    const { marbles } = parseLane(" -x {ping} (y'z'|) 3ms !", 'server', VALUES);
    expect(marbles.map(({ column, group }) => [column, group])).to.deep.equal([
      [2, undefined],
      [4, undefined],
      [12, 11],
      [16, 11],
      [23, undefined],
    ]);
    expect(marbles[0]).to.not.have.any.keys('group');
    expect(marbles[3]).to.not.have.any.keys('bytes');
  });

  it('copies the bytes of its values', () => {
    const value = new Uint8Array([1, 2, 3]);
    const { marbles } = parseLane('aa', 'client', { a: value });
    value[0] = 9;
    marbles[0]!.bytes!.fill(9, 1, 2);
    expect(marbles.map(({ bytes }) => [...(bytes as Buffer)])).to.deep.equal([
      [1, 9, 3],
      [1, 2, 3],
    ]);
  });

  const OF_SERVER: readonly [string, string[]][] = [
    ['^-x|-!', ['connect@0', 'data@2 "x"', 'fin@3', 'close@5']],
    ['x!|', ['data@0 "x"', 'close@1', 'fin@2']],
    ['#!', ['reset@0', 'close@1']],
    ['!#', ['close@0', 'reset@1']],
    ['(x|!)', ['data@0 "x"', 'fin@0', 'close@0']],
    ['!|-#', ['close@0', 'fin@1', 'reset@3']],
  ];
  for (const [text, happens] of OF_SERVER) {
    it(`of a server, ${text}, is ${happens.join(', ')}`, () => {
      expect(summary(text, 'server')).to.deep.equal(happens);
    });
  }

  // Where RxJS has the same characters it gives them the same time.
  for (const text of [
    '-a--b',
    'ab(cd)e',
    '-(ab|)',
    '(abc)--d',
    '- 9ms a 1.5s b 1m c',
    '9ms a',
    ' a - b(c)|',
  ]) {
    it(`has the frames of RxJS: ${text}`, () => {
      // In run mode a frame is one millisecond.
      const frames = new TestScheduler(() => {}).run(() =>
        TestScheduler.parseMarbles(text, undefined, undefined, false, true).map(({ frame }) => frame),
      );
      const ours = parseLane(text, 'client').marbles.map(({ at }) => at);
      // Data side by side in a group is one event here.
      expect([...new Set(ours)]).to.deep.equal([...new Set(frames)]);
    });
  }
});

/** The message about a lane, of the lines `text` and a caret: see `laneError`. */
function about(side: Side, column: number, what: string, text: string): string {
  return `${side} lane, column ${column}: ${what}\n  ${text}\n  ${' '.repeat(column)}^`;
}

describe('testing: a lane that cannot be', () => {
  const EXPECTED =
    'expected a letter or digit, {name}, \'text\', "text", <hex>, (group), - | # ! ^ [ ] or a time such as " 20ms "';
  const ESCAPES = String.raw`unknown escape; known are \r \n \t \0 \\ \' \" \xHH \uHHHH \u{…}`;
  const CLIENT: readonly [string, number, string][] = [
    ['--?', 2, `${EXPECTED}, not "?"`],
    ['a\tb', 1, `${EXPECTED}, not "\\t"`],
    ['a}', 1, `${EXPECTED}, not "}"`],
    ['1.5', 1, `${EXPECTED}, not "."`],
    // Names.
    ['-{pong}', 1, '"pong" has no value; known are a, bad, none, nothing'],
    ['-{pong', 1, 'the name is not closed: expected }'],
    ['-{ }', 1, 'expected a name between { and }'],
    ['-{none}', 1, 'the value of "none" is empty; data is at least one byte'],
    ['-{bad}', 1, 'the value of "bad" must be a string, a Buffer or a Uint8Array, not 5'],
    ['-{nothing}', 1, 'the value of "nothing" must be a string, a Buffer or a Uint8Array, not undefined'],
    // Texts and bytes.
    ["-'ab", 1, "the text is not closed: expected '"],
    ['-"ab\'', 1, 'the text is not closed: expected "'],
    [String.raw`-'ab\'`, 1, "the text is not closed: expected '"],
    ["-''", 1, 'the text is empty; data is at least one byte'],
    [String.raw`'a\q'`, 2, ESCAPES],
    [String.raw`'\N'`, 1, ESCAPES],
    [String.raw`'\x4'`, 1, ESCAPES],
    [String.raw`'\01'`, 1, ESCAPES],
    [String.raw`'\u{110000}'`, 1, ESCAPES],
    [String.raw`-'\ud800'`, 1, 'the text has half of a surrogate pair, which is no UTF-8'],
    ['-<0d', 1, 'the bytes are not closed: expected >'],
    ['-<>', 1, 'no bytes in <>; data is at least one byte'],
    ['<0d 0>', 4, 'half a byte: expected two hex digits, as in <00>'],
    ['<0d a 0b>', 4, 'half a byte: expected two hex digits, as in <0a>'],
    ['<0d 0x>', 5, 'expected a hex digit, not "x"'],
    ['<-1>', 1, 'expected a hex digit, not "-"'],
    // Groups.
    ['-()', 1, 'an empty group'],
    ['(a)-( )', 4, 'an empty group'],
    ['-(a', 1, 'the group is not closed: expected )'],
    ['-a)', 2, 'a ")" without its "("'],
    ['(a(b))', 2, 'a group inside the group at column 0'],
    ['(a-b)', 2, 'no time passes inside a group: everything in it happens at once'],
    // Time.
    ['-20ms-', 1, 'a time needs a space on both sides, as in " 20ms "'],
    ['- 20ms-', 2, 'a time needs a space on both sides, as in " 20ms "'],
    ['a20ms b', 1, 'a time needs a space on both sides, as in " 20ms "'],
    // Order.
    ['a^', 1, '"^" must come before everything else that happens, and something does at column 0'],
    ['^-^', 2, 'a second "^": the first is at column 0, and a lane is one connection'],
    ['a|-b', 3, '"b" cannot follow the "|" at column 1: only [ ] # ! - spaces and time may'],
    ["(|'ab')", 2, '"\'ab\'" cannot follow the "|" at column 1: only [ ] # ! - spaces and time may'],
    ['||', 1, '"|" cannot follow the "|" at column 0: only [ ] # ! - spaces and time may'],
    ['#!', 1, '"!" cannot follow the "#" at column 0: only - spaces and time may'],
    ['!|', 1, '"|" cannot follow the "!" at column 0: only - spaces and time may'],
    ['|#!', 2, '"!" cannot follow the "#" at column 1: only - spaces and time may'],
  ];
  const values = { a: 'x', bad: 5, none: '', nothing: undefined } as unknown as Record<string, string>;
  for (const [text, column, what] of CLIENT) {
    it(`${JSON.stringify(text)}: ${what}`, () => {
      const error = thrownBy(() => parseLane(text, 'client', values));
      expect(error).to.be.an.instanceOf(TypeError);
      expect(error.message).to.equal(about('client', column, what, text));
    });
  }

  const SERVER: readonly [string, number, string][] = [
    ['-[', 1, '"[" is for the client lane: it is the client that stops reading'],
    ['-]', 1, '"]" is for the client lane: it is the client that stops reading'],
    ['#|', 1, '"|" cannot follow the "#" at column 0: only ! - spaces and time may'],
    ['#!!', 2, '"!" cannot follow the "!" at column 1: only | # - spaces and time may'],
    ['!a', 1, '"a" cannot follow the "!" at column 0: only | # - spaces and time may'],
    ['|a', 1, '"a" cannot follow the "|" at column 0: only # ! - spaces and time may'],
  ];
  for (const [text, column, what] of SERVER) {
    it(`${JSON.stringify(text)} of a server: ${what}`, () => {
      const error = thrownBy(() => parseLane(text, 'server'));
      expectTypeError(error, 'ERR_INVALID_ARG_VALUE');
      expect(error.message).to.equal(about('server', column, what, text));
    });
  }

  it('has its caret below the character, whatever was before it', () => {
    const [, , caret] = thrownBy(() => parseLane("'𝒳\t'?", 'client')).message.split('\n');
    expect(caret).to.equal('    \t ^');
  });

  it('names the values that would have been there, at most twenty', () => {
    const message = (values: Record<string, string>): string =>
      thrownBy(() => parseLane('{x}', 'client', values)).message.split('\n')[0] as string;
    expect(message({})).to.equal(
      'client lane, column 0: "x" has no value; no names are known: pass values, as in { ping: "PING\\r\\n" }',
    );
    const many = Object.fromEntries(Array.from({ length: 22 }, (_, i) => [`n${i}`, 'v']));
    expect(message(many)).to.match(/known are n0, n1, .*, n19, … 2 more$/);
  });

  for (const text of [undefined, null, 5, {}, ['a'], Symbol('mine')]) {
    it(`${titleOf(text)}: not a string`, () => {
      const error = thrownBy(() => parseLane(text as string, 'server'));
      expectTypeError(
        error,
        'ERR_INVALID_ARG_TYPE',
        'the server lane must be a string such as "^--a--b|", not ',
      );
      expectTypeError(
        thrownBy(() => parseSigns(text as string)),
        'ERR_INVALID_ARG_TYPE',
        'the lane of signs',
      );
    });
  }

  it('with values that are none', () => {
    for (const values of [null, 5, 'a']) {
      const error = thrownBy(() => parseLane('a', 'client', values as unknown as Record<string, string>));
      expectTypeError(error, 'ERR_INVALID_ARG_TYPE', 'values of the client lane must be an object such as');
    }
    const wrong = thrownBy(() => parseLane('{bad}', 'client', values));
    expectTypeError(wrong, 'ERR_INVALID_ARG_TYPE');
  });
});

describe('testing: bytes of a value', () => {
  it('are a copy', () => {
    const value = Buffer.from('abc');
    const bytes = bytesOf(value);
    value[0] = 0;
    expect(bytes.toString()).to.equal('abc');
    expect(bytesOf('é')).to.deep.equal(Buffer.from([0xc3, 0xa9]));
  });

  it('are of strings and bytes only', () => {
    for (const value of [5, undefined, [1], new Uint16Array(1)]) {
      expectTypeError(
        thrownBy(() => bytesOf(value as unknown as string)),
        'ERR_INVALID_ARG_TYPE',
        'bytes must be',
      );
    }
  });
});

describe('testing: a lane of signs', () => {
  const READ: readonly [string, string[], number][] = [
    ['', [], 0],
    ['-0--5', ['0@1', '5@4'], 5],
    ['0-{64} 20ms x', ['0@0', '64@2', 'x@26'], 27],
    ['+ <>"', ['+@0', '<@1', '>@2', '"@3'], 4],
    ['^-!', ['^@0', '!@2'], 3],
    ['1s', [], 1000],
    ['𝒳{𝒳}y', ['𝒳@0', '𝒳@1', 'y@4'], 5],
  ];
  for (const [text, signs, duration] of READ) {
    it(`${JSON.stringify(text)} is ${signs.join(', ') || 'nothing'}, in ${duration} ms`, () => {
      const read = parseSigns(text);
      expect(read.signs.map(({ sign, at }) => `${sign}@${at}`)).to.deep.equal(signs);
      expect(read.duration).to.equal(duration);
    });
  }

  it('knows its columns', () => {
    expect(parseSigns(' 0 {64} 5ms 7').signs.map(({ column }) => column)).to.deep.equal([1, 3, 12]);
  });

  const WRONG: readonly [string, number, string][] = [
    ['-(0)', 1, 'expected a sign, {name}, - or a time such as " 20ms ", not "("'],
    ['0)', 1, 'expected a sign, {name}, - or a time such as " 20ms ", not ")"'],
    ['0}', 1, 'expected a sign, {name}, - or a time such as " 20ms ", not "}"'],
    ['0\n', 1, 'expected a sign, {name}, - or a time such as " 20ms ", not "\\n"'],
    ['-{64', 1, 'the name is not closed: expected }'],
    ['-{}', 1, 'expected a name between { and }'],
    ['-20ms', 1, 'a time needs a space on both sides, as in " 20ms "'],
  ];
  for (const [text, column, what] of WRONG) {
    it(`${JSON.stringify(text)}: ${what}`, () => {
      const error = thrownBy(() => parseSigns(text));
      expectTypeError(error, 'ERR_INVALID_ARG_VALUE');
      const caret = `${' '.repeat(column)}^`;
      expect(error.message).to.equal(`lane of signs, column ${column}: ${what}\n  ${text}\n  ${caret}`);
    });
  }
});
