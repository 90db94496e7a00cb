// lengthPrefixed() and fixedLength(): frames whose length is known before they come.

import { expect } from 'chai';
import { encodeLengthPrefixed, fixedLength, lengthPrefixed } from 'evio/protocols';
import type { LengthPrefix } from 'evio/protocols';
import * as fc from 'fast-check';

import { cutBy, cuts, lanes } from './lanes.js';

const PREFIXES: readonly LengthPrefix[] = (['u8', 'u16', 'u32', 'varint'] as const).flatMap((length) =>
  (['big', 'little'] as const).flatMap((endian) =>
    [false, true].map((includesPrefix) => ({ length, endian, includesPrefix })),
  ),
);

const u8 = (options: object = {}): LengthPrefix => ({ length: 'u8', ...options });

for (const lane of lanes) {
  describe(`lengthPrefixed (${lane.name})`, () => {
    it('frames are the same wherever the input is cut, for every kind of length', () => {
      const bodies = ['', 'a', 'body', 'x'.repeat(200)];
      for (const prefix of PREFIXES) {
        const bytes = Buffer.concat(bodies.map((body) => encodeLengthPrefixed(body, prefix)));
        for (const chunks of [[bytes], cutBy(bytes, [1]), cutBy(bytes, [3])]) {
          const { frames, end } = lane.run(lengthPrefixed(prefix), chunks);
          expect(frames.map(String)).to.deep.equal(bodies);
          expect(end).to.equal('complete');
        }
      }
    });

    it('frames are the same at every split', () => {
      const bytes = Buffer.concat(
        ['ab', '', 'cde'].map((body) => encodeLengthPrefixed(body, { length: 'u16' })),
      );
      for (const chunks of cuts(bytes)) {
        const { frames } = lane.run(lengthPrefixed({ length: 'u16' }), chunks);
        expect(frames.map(String)).to.deep.equal(['ab', '', 'cde']);
      }
    });

    it('decodes what was encoded, for any frames and any cuts', () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...PREFIXES),
          fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }),
          fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
          (prefix, bodies, sizes) => {
            const bytes = Buffer.concat(bodies.map((body) => encodeLengthPrefixed(body, prefix)));
            const { frames, end } = lane.run(lengthPrefixed(prefix), cutBy(bytes, sizes));
            expect(frames).to.deep.equal(bodies.map((body) => Buffer.from(body)));
            expect(end).to.equal('complete');
          },
        ),
        { numRuns: 150 },
      );
    });

    it('errors at a length above max, before the frame is there', () => {
      const end = (bytes: number[], options: object = {}): string =>
        lane.run(lengthPrefixed({ length: 'u8', max: 4, rest: 'drop', ...options }), [Buffer.from(bytes)])
          .end;
      expect(end([4])).to.equal('complete');
      expect(end([5])).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(end([5], { includesPrefix: true })).to.equal('complete');
      expect(end([6], { includesPrefix: true })).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(end([5], { length: 'varint' })).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(end([0, 5], { length: 'u16' })).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
      expect(end([4, 0], { length: 'u16', endian: 'little' })).to.equal('complete');
      expect(end([255, 255, 255, 255], { length: 'u32' })).to.equal('ERR_EVIO_FRAME_TOO_LARGE');
    });

    it('errors at the end inside of a frame or of its length, or drops that', () => {
      for (const bytes of [[2, 97], [2]]) {
        expect(lane.run(lengthPrefixed(u8()), [Buffer.from(bytes)]).end).to.equal('ERR_EVIO_FRAME_TRUNCATED');
        expect(lane.run(lengthPrefixed({ length: 'u8', rest: 'drop' }), [Buffer.from(bytes)])).to.deep.equal({
          frames: [],
          end: 'complete',
        });
      }
      expect(lane.run(lengthPrefixed({ length: 'u32' }), [Buffer.from([0, 0, 0])]).end).to.equal(
        'ERR_EVIO_FRAME_TRUNCATED',
      );
    });

    it('errors at a length less than its own', () => {
      const bytes = Buffer.from([0, 1]);
      expect(lane.run(lengthPrefixed({ length: 'u16', includesPrefix: true }), [bytes]).end).to.equal(
        'ERR_EVIO_FRAME_INVALID',
      );
    });

    it('errors at a varint that is longer than it need be, too long, or above 2^53 - 1', () => {
      const end = (bytes: number[]): string[] =>
        [[Buffer.from(bytes)], cutBy(Buffer.from(bytes), [1])].map(
          (chunks) => lane.run(lengthPrefixed({ length: 'varint' }), chunks).end,
        );
      expect(end([0x80, 0x00])).to.deep.equal(Array(2).fill('ERR_EVIO_FRAME_INVALID'));
      expect(end([0x81, 0x80, 0x00])).to.deep.equal(Array(2).fill('ERR_EVIO_FRAME_INVALID'));
      expect(end(Array<number>(8).fill(0xff))).to.deep.equal(Array(2).fill('ERR_EVIO_FRAME_INVALID'));
      expect(end([...Array<number>(7).fill(0xff), 0x10])).to.deep.equal(
        Array(2).fill('ERR_EVIO_FRAME_INVALID'),
      );
      // 2^53 - 1 itself is a number, and above max.
      expect(end([...Array<number>(7).fill(0xff), 0x0f])).to.deep.equal(
        Array(2).fill('ERR_EVIO_FRAME_TOO_LARGE'),
      );
    });
  });

  describe(`fixedLength (${lane.name})`, () => {
    it('frames are the same wherever the input is cut', () => {
      for (const chunks of cuts(Buffer.from('aaabbbccc'))) {
        const { frames, end } = lane.run(fixedLength(3), chunks);
        expect([frames.map(String), end]).to.deep.equal([['aaa', 'bbb', 'ccc'], 'complete']);
      }
    });

    it('errors at what is left, or hands it on, or drops it', () => {
      const run = (rest?: 'emit' | 'error' | 'drop'): unknown => {
        const framing = rest === undefined ? fixedLength(2) : fixedLength(2, { rest });
        const { frames, end } = lane.run(framing, [Buffer.from('abc')]);
        return [frames.map(String), end];
      };
      expect(run()).to.deep.equal([['ab'], 'ERR_EVIO_FRAME_TRUNCATED']);
      expect(run('error')).to.deep.equal([['ab'], 'ERR_EVIO_FRAME_TRUNCATED']);
      expect(run('emit')).to.deep.equal([['ab', 'c'], 'complete']);
      expect(run('drop')).to.deep.equal([['ab'], 'complete']);
    });
  });
}

describe('encodeLengthPrefixed', () => {
  it('writes the length as agreed', () => {
    const hex = (prefix: LengthPrefix, body = 'ab'): string =>
      encodeLengthPrefixed(body, prefix).toString('hex');
    expect(hex({ length: 'u8' })).to.equal('026162');
    expect(hex({ length: 'u16' })).to.equal('00026162');
    expect(hex({ length: 'u16', endian: 'little' })).to.equal('02006162');
    expect(hex({ length: 'u32', includesPrefix: true })).to.equal('000000066162');
    expect(hex({ length: 'varint' }, 'a'.repeat(300)).slice(0, 6)).to.equal('ac0261');
  });

  it('counts a varint with itself where it grows by that', () => {
    for (const [length, first] of [
      [126, [0x7f]],
      [127, [0x81, 0x01]],
    ] as const) {
      const frame = encodeLengthPrefixed(Buffer.alloc(length, 0xaa), {
        length: 'varint',
        includesPrefix: true,
      });
      expect([...frame.subarray(0, first.length)]).to.deep.equal(first);
      expect(frame.length).to.equal(length + first.length);
    }
  });

  it('refuses what the length cannot say, and what is above max', () => {
    expect(encodeLengthPrefixed(Buffer.alloc(255), u8())).to.have.length(256);
    expect(() => encodeLengthPrefixed(Buffer.alloc(256), u8())).to.throw(
      RangeError,
      'at most 255 bytes, not 256',
    );
    expect(() => encodeLengthPrefixed(Buffer.alloc(255), u8({ includesPrefix: true }))).to.throw(
      RangeError,
      'at most 254 bytes',
    );
    expect(() => encodeLengthPrefixed('abc', u8({ max: 2 }))).to.throw(RangeError, 'at most 2');
    expect(() => encodeLengthPrefixed(1 as never, u8())).to.throw(TypeError, 'bytes');
  });
});

describe('lengthPrefixed, fixedLength: arguments', () => {
  it('are refused by name', () => {
    expect(() => lengthPrefixed(undefined as never)).to.throw(TypeError, 'option length');
    expect(() => lengthPrefixed({ length: 'u64' } as never)).to.throw(
      TypeError,
      '"u8", "u16", "u32", "varint"',
    );
    expect(() => lengthPrefixed({ length: 'u16', endian: 'le' } as never)).to.throw(
      TypeError,
      'option endian',
    );
    expect(() => lengthPrefixed({ length: 'u8', rest: 'emit' } as never)).to.throw(TypeError, 'option rest');
    expect(() => lengthPrefixed({ length: 'u8', max: -1 })).to.throw(RangeError, 'option max');
    expect(() => encodeLengthPrefixed('', { length: 'u8', rest: 'drop' } as never)).to.throw(
      TypeError,
      'unknown option',
    );
    for (const wrong of [0, 1.5, NaN, Infinity, 2 ** 31]) {
      expect(() => fixedLength(wrong)).to.throw(RangeError, 'length');
    }
    expect(() => fixedLength(undefined as never)).to.throw(TypeError, 'length');
    expect(() => fixedLength(1, { max: 1 } as never)).to.throw(TypeError, 'unknown option');
  });
});
