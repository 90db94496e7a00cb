// What a person reads when a diagram fails, as text.

import { expect } from 'chai';

import { mismatch } from './modules.js';

const { describeMismatch } = mismatch;

const PONG = Buffer.from('+PONG\r\n');
const lines = (...text: string[]): string => text.join('\n');

/** The first line, for a difference at 4 ms. */
function sentence(expected?: Buffer | string, actual?: Buffer | string, at = 4): string | undefined {
  const difference = {
    at,
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
  };
  return describeMismatch({ title: '', client: '', expected: '', actual: '', difference }).split('\n')[0];
}

describe('testing: a diagram that fails', () => {
  const SAID: readonly [Buffer | string | undefined, Buffer | string | undefined, string][] = [
    [PONG, Buffer.from('-ERR\r\n'), String.raw`should have sent "+PONG\r\n", but it sent "-ERR\r\n"`],
    [PONG, undefined, String.raw`should have sent "+PONG\r\n", but it sent nothing`],
    [undefined, PONG, String.raw`should have done nothing, but it sent "+PONG\r\n"`],
    ['fin', undefined, 'should have ended its output (FIN), but it did not'],
    ['fin', 'reset', 'should have ended its output (FIN), but it reset the connection (RST)'],
    ['reset', 'fin', 'should have reset the connection (RST), but it ended its output (FIN)'],
    ['fin', PONG, String.raw`should have ended its output (FIN), but it sent "+PONG\r\n"`],
    [PONG, 'fin', String.raw`should have sent "+PONG\r\n", but it ended its output (FIN)`],
    ['close', undefined, 'should have closed the connection, but it did not'],
    [undefined, 'close', 'should have done nothing, but it closed the connection'],
    ['connect', undefined, 'should have accepted the connection, but it did not'],
    ['kept quiet', 'made a noise', 'should have kept quiet, but it made a noise'],
    [undefined, undefined, 'did something else than expected'],
  ];
  for (const [expected, actual, said] of SAID) {
    it(`is said in words: the server ${said}`, () => {
      expect(sentence(expected, actual)).to.equal(`at 4 ms the server ${said}`);
    });
  }

  it('has its time without fractions', () => {
    expect(sentence('fin', undefined, 16.67)).to.match(/^at 16 ms /);
  });

  it('says where bytes differ that begin alike', () => {
    const [a, b] = [Buffer.alloc(50, 'x'), Buffer.alloc(51, 'x')];
    const x = 'x'.repeat(40);
    expect(sentence(a, b)).to.equal(
      `at 4 ms the server should have sent "${x}"… (50 bytes), but it sent "${x}"… (51 bytes), which differs from byte 50 on`,
    );
  });

  it('shows the lanes, the bytes, the notes and the trace', () => {
    const text = describeMismatch({
      title: 'a ping is answered',
      client: '^-{ping}---|',
      expected: '--------{pong}--|!',
      actual: String.raw`--------'-ERR\r\n'|!`,
      difference: { at: 8, column: 8, expected: PONG, actual: Buffer.from('-ERR\r\n') },
      notes: ['seed 42', 'cut after byte 3'],
      trace: [
        '0 ms  the client connects',
        '2 ms  the client sends 6 bytes',
        '8 ms  the server sends 6 bytes',
      ],
    });
    expect(text).to.equal(
      lines(
        String.raw`a ping is answered: at 8 ms the server should have sent "+PONG\r\n", but it sent "-ERR\r\n"`,
        '',
        '  client    ^-{ping}---|',
        '  expected  --------{pong}--|!',
        String.raw`  actual    --------'-ERR\r\n'|!`,
        '                    ^',
        '',
        '  the first difference is at byte 0 (0x0): expected 7 bytes, actual 6 bytes',
        '  expected  0000  2b 50 4f 4e 47 0d 0a                              |+PONG..|',
        '  actual    0000  2d 45 52 52 0d 0a                                 |-ERR..|',
        '                  ^^ ^^ ^^ ^^ ^^ ^^ ^^',
        '',
        '  seed 42',
        '  cut after byte 3',
        '',
        '  0 ms  the client connects',
        '  2 ms  the client sends 6 bytes',
        '  8 ms  the server sends 6 bytes',
      ),
    );
  });

  it('has no caret without a column, and no bytes where there are none to compare', () => {
    const text = describeMismatch({
      title: '',
      client: '^-x|',
      expected: '',
      actual: '--x',
      difference: { at: 2, actual: Buffer.from('x') },
    });
    expect(text).to.equal(
      lines(
        'at 2 ms the server should have done nothing, but it sent "x"',
        '',
        '  client    ^-x|',
        '  expected',
        '  actual    --x',
      ),
    );
  });

  it('has its caret below the end of a lane that is too short', () => {
    const text = describeMismatch({
      title: '',
      client: '',
      expected: '',
      actual: '--x',
      difference: { at: 2, column: 2, actual: Buffer.from('x') },
    });
    expect(text.split('\n').slice(-2)).to.deep.equal(['  actual    --x', '              ^']);
  });

  it('shows long lanes round the place', () => {
    const text = describeMismatch({
      title: '',
      client: '^-x|',
      expected: `${'-'.repeat(120)}x--`,
      actual: '-'.repeat(250),
      difference: { at: 120, column: 120, expected: Buffer.from('x') },
    });
    expect(text.split('\n').slice(2)).to.deep.equal([
      '  client    …',
      `  expected  …${'-'.repeat(40)}x--`,
      `  actual    …${'-'.repeat(100)}…`,
      `             ${' '.repeat(40)}^`,
    ]);
  });

  it('shows twelve lines of the trace up to that time, and three after', () => {
    const trace = Array.from({ length: 40 }, (_, ms) => `${ms}.5 ms  something`);
    const text = describeMismatch({
      title: '',
      client: '',
      expected: '',
      actual: '',
      difference: { at: 20.5, expected: 'fin' },
      trace,
    });
    const shown = text.split('\n\n').at(-1)?.split('\n');
    expect(shown).to.deep.equal([
      '  … 9 lines before',
      ...trace.slice(9, 24).map((line) => `  ${line}`),
      '  … 16 lines after',
    ]);
  });

  it('shows the end of a trace without times', () => {
    const trace = Array.from({ length: 13 }, (_, line) => `line ${line}`);
    const difference = { at: 4, expected: 'fin' };
    const text = describeMismatch({ title: '', client: '', expected: '', actual: '', difference, trace });
    expect(text.split('\n').slice(-13)).to.deep.equal([
      '  … 1 line before',
      ...trace.slice(1).map((line) => `  ${line}`),
    ]);
  });
});
