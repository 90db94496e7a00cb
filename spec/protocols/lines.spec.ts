// lines(): wherever the input is cut, the same lines.

import { expect } from 'chai';
import { lines } from 'evio/protocols';
import type { LinesOptions } from 'evio/protocols';
import * as fc from 'fast-check';

import { cutBy, cuts, lanes } from './lanes.js';

/** What lines are, said in another way. */
function linesOf(text: string): string[] {
  const parts = text.split('\n');
  const last = parts.pop() ?? '';
  const whole = parts.map((part) => part.replace(/\r$/, ''));
  return last === '' ? whole : [...whole, last];
}

for (const lane of lanes) {
  describe(`lines (${lane.name})`, () => {
    const run = (text: string, options?: LinesOptions): unknown =>
      lane.run(lines(options), text === '' ? [] : [Buffer.from(text)]);

    it('are the same wherever the input is cut', () => {
      for (const text of ['a\nb\n', 'a\r\nb\r\n', '\n\r\n\n', 'ab\r\rc\r\n\rd', 'é€😀\n€', '\r', 'x']) {
        for (const chunks of cuts(Buffer.from(text))) {
          expect(lane.run(lines(), chunks), JSON.stringify([text, chunks.map(String)])).to.deep.equal({
            frames: linesOf(text),
            end: 'complete',
          });
        }
      }
    });

    it('are the same for any text and any cuts', () => {
      const texts = fc
        .array(fc.constantFrom('a', 'bc', 'é', '😀', '\r', '\n', '\r\n'))
        .map((all) => all.join(''));
      fc.assert(
        fc.property(texts, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (text, sizes) => {
          const { frames } = lane.run(lines(), cutBy(Buffer.from(text), sizes));
          expect(frames).to.deep.equal(linesOf(text));
        }),
        { numRuns: 100 },
      );
    });

    it('hand on what is left at the end without a newline, or error, or drop it', () => {
      expect(run('a\nb')).to.deep.equal({ frames: ['a', 'b'], end: 'complete' });
      expect(run('a\nb', { rest: 'error' })).to.deep.equal({
        frames: ['a'],
        end: 'ERR_EVIO_FRAME_TRUNCATED',
      });
      expect(run('a\nb', { rest: 'drop' })).to.deep.equal({ frames: ['a'], end: 'complete' });
      expect(run('a\n', { rest: 'error' })).to.deep.equal({ frames: ['a'], end: 'complete' });
      expect(run('')).to.deep.equal({ frames: [], end: 'complete' });
    });

    it('may be as long as max, whatever ends them, and no longer', () => {
      const max = 4;
      for (const ending of ['\n', '\r\n', '']) {
        for (const chunks of cuts(Buffer.from(`ok\nabcd${ending}`))) {
          expect(lane.run(lines({ max }), chunks)).to.deep.equal({ frames: ['ok', 'abcd'], end: 'complete' });
        }
        for (const chunks of cuts(Buffer.from(`ok\nabcde${ending}`))) {
          expect(lane.run(lines({ max }), chunks)).to.deep.equal({
            frames: ['ok'],
            end: 'ERR_EVIO_FRAME_TOO_LARGE',
          });
        }
      }
      expect(run('abcd\r', { max })).to.have.property('end', 'ERR_EVIO_FRAME_TOO_LARGE');
    });

    it('are refused as soon as they must be longer than max', () => {
      const options = { max: 4, rest: 'drop' } as const;
      expect(run('abcd\r', options)).to.have.property('end', 'complete');
      expect(run('abcde', options)).to.have.property('end', 'ERR_EVIO_FRAME_TOO_LARGE');
    });

    it('are at most 64 KiB by default', () => {
      const longest = 'x'.repeat(64 * 1024);
      expect(run(`${longest}\r\n`)).to.deep.equal({ frames: [longest], end: 'complete' });
      expect(run(`${longest}x`)).to.deep.equal({ frames: [], end: 'ERR_EVIO_FRAME_TOO_LARGE' });
    });

    it('are text or bytes as asked', () => {
      const bytes = Buffer.from([0xe9, 0x0a, 0xff]);
      expect(lane.run(lines(), [bytes]).frames).to.deep.equal(['\ufffd', '\ufffd']);
      expect(lane.run(lines({ encoding: 'latin1' }), [bytes]).frames).to.deep.equal(['é', 'ÿ']);
      expect(lane.run(lines({ encoding: 'buffer' }), [bytes]).frames).to.deep.equal([
        Buffer.from([0xe9]),
        Buffer.from([0xff]),
      ]);
    });

    it('as bytes stay what they were', () => {
      const text = 'one\ntwo\r\nthree\nfour';
      for (const chunks of cuts(Buffer.from(text))) {
        const { frames } = lane.run(lines({ encoding: 'buffer' }), chunks);
        expect(frames.map(String)).to.deep.equal(['one', 'two', 'three', 'four']);
      }
    });
  });
}

describe('lines: arguments', () => {
  it('are refused by name', () => {
    expect(() => lines({ max: 0 }))
      .to.throw(RangeError, 'option max')
      .with.property('code', 'ERR_OUT_OF_RANGE');
    expect(() => lines({ max: Infinity })).to.throw(RangeError, 'option max');
    expect(() => lines({ max: '1' as never })).to.throw(TypeError, 'option max');
    expect(() => lines({ encoding: 'ascii' as never })).to.throw(TypeError, '"utf8", "latin1", "buffer"');
    expect(() => lines({ rest: true as never })).to.throw(TypeError, '"emit", "error", "drop"');
    expect(() => lines({ size: 1 } as never)).to.throw(TypeError, 'unknown option "size"');
    expect(() => lines(1 as never)).to.throw(TypeError, 'options');
  });
});
