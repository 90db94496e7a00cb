// delimited(): a delimiter of any length, cut anywhere.

import { expect } from 'chai';
import { delimited } from 'evio/protocols';
import * as fc from 'fast-check';

import { cutBy, cuts, lanes } from './lanes.js';

function framesOf(text: string, delimiter: string, keep = false): string[] {
  const parts = text.split(delimiter);
  const last = parts.pop() ?? '';
  const whole = keep ? parts.map((part) => part + delimiter) : parts;
  return last === '' ? whole : [...whole, last];
}

for (const lane of lanes) {
  describe(`delimited (${lane.name})`, () => {
    it('frames are the same wherever the input is cut', () => {
      for (const [delimiter, text] of [
        ['\0', 'a\0\0bc\0'],
        ['--', 'a---b--c-'],
        ['aab', 'aaabaabxaaaaab'],
        ['\r\n\r\n', 'a\r\n\r\n\r\n\r\nb\r\n\r'],
        ['€', 'a€b€'],
      ] as const) {
        for (const keep of [false, true]) {
          for (const chunks of cuts(Buffer.from(text))) {
            const { frames, end } = lane.run(delimited(delimiter, { keep }), chunks);
            expect(frames.map(String)).to.deep.equal(framesOf(text, delimiter, keep));
            expect(end).to.equal('complete');
          }
        }
      }
    });

    it('frames are the same for any text, any delimiter and any cuts', () => {
      const texts = (max: number): fc.Arbitrary<string> =>
        fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: max }).map((all) => all.join(''));
      fc.assert(
        fc.property(
          texts(60),
          texts(5),
          fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
          (text, delimiter, sizes) => {
            const { frames } = lane.run(delimited(delimiter), cutBy(Buffer.from(text), sizes));
            expect(frames.map(String)).to.deep.equal(framesOf(text, delimiter));
          },
        ),
        { numRuns: 150 },
      );
    });

    it('frames may be as long as max, without the delimiter, and no longer', () => {
      for (const keep of [false, true]) {
        const framing = delimited('::', { max: 4, keep });
        for (const chunks of cuts(Buffer.from('abc:::'))) {
          const { frames, end } = lane.run(framing, chunks);
          expect([frames.map(String), end]).to.deep.equal([framesOf('abc:::', '::', keep), 'complete']);
        }
        for (const text of ['ab::abcde::', 'ab::abcde']) {
          for (const chunks of cuts(Buffer.from(text))) {
            const { frames, end } = lane.run(framing, chunks);
            expect([frames.length, end]).to.deep.equal([1, 'ERR_EVIO_FRAME_TOO_LARGE']);
          }
        }
      }
    });

    it('errors as soon as a frame must be longer than max', () => {
      const end = (text: string): string =>
        lane.run(delimited('::', { max: 4, rest: 'drop' }), [Buffer.from(text)]).end;
      expect([end('abcd:'), end('abcdef')]).to.deep.equal(['complete', 'ERR_EVIO_FRAME_TOO_LARGE']);
    });

    it('hands on what is left at the end, or errors, or drops it', () => {
      const run = (rest: 'emit' | 'error' | 'drop'): unknown => {
        const { frames, end } = lane.run(delimited('||', { rest }), [Buffer.from('a||b|')]);
        return [frames.map(String), end];
      };
      expect(run('emit')).to.deep.equal([['a', 'b|'], 'complete']);
      expect(run('error')).to.deep.equal([['a'], 'ERR_EVIO_FRAME_TRUNCATED']);
      expect(run('drop')).to.deep.equal([['a'], 'complete']);
    });

    it('does not mind what becomes of the delimiter it was given', () => {
      const delimiter = Buffer.from(';');
      const framing = delimited(delimiter);
      delimiter.fill(0);
      expect(lane.run(framing, [Buffer.from('a;b;')]).frames.map(String)).to.deep.equal(['a', 'b']);
    });
  });
}

describe('delimited: arguments', () => {
  it('are refused by name', () => {
    expect(() => delimited(''))
      .to.throw(RangeError, 'delimiter')
      .with.property('code', 'ERR_OUT_OF_RANGE');
    expect(() => delimited('x'.repeat(257))).to.throw(RangeError, 'delimiter');
    expect(() => delimited(10 as never)).to.throw(TypeError, 'delimiter');
    expect(() => delimited('x', { keep: 1 as never })).to.throw(TypeError, 'option keep');
    expect(() => delimited('x', { max: 1.5 })).to.throw(RangeError, 'option max');
    expect(() => delimited('x', { encoding: 'utf8' } as never)).to.throw(TypeError, 'unknown option');
  });
});
