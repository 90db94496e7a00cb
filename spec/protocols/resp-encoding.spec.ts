// encodeResp(): what is decoded is what was encoded, and the other way round.

import { expect } from 'chai';
import {
  RespAttribute,
  RespBigNumber,
  RespDouble,
  RespError,
  RespPush,
  RespSimple,
  RespVerbatim,
  encodeResp,
  resp,
} from 'evio/protocols';
import type { EncodeRespOptions, RespEncodable, RespValue } from 'evio/protocols';
import * as fc from 'fast-check';
import { of } from 'rxjs';

import { Told, cutBy, lanes } from './lanes.js';

const three = (value: RespEncodable): string => encodeResp(value, { version: 3 }).toString('latin1');
const two = (value: RespEncodable): string => encodeResp(value).toString('latin1');

const line = fc.string({ maxLength: 12, unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, ''));
const format = fc.constantFrom('txt', 'mkd');

/** Any value that decoding yields. */
const { value: ANY } = fc.letrec<{ value: RespValue; map: ReadonlyMap<RespValue, RespValue> }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.maxSafeInteger(),
    fc.bigInt(2n ** 53n, 2n ** 63n - 1n),
    fc.boolean(),
    fc.constant(null),
    line.map((text) => new RespSimple(text)),
    fc.tuple(line, fc.boolean()).map(([text, blob]) => new RespError(text, blob)),
    fc.double().map((value) => new RespDouble(value)),
    fc.bigInt().map((value) => new RespBigNumber(value)),
    fc.tuple(format, fc.string()).map(([kind, text]) => new RespVerbatim(kind, text)),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(tie('value'), { maxLength: 5 }).map((values) => new Set(values)),
    fc.array(tie('value'), { maxLength: 5 }).map((values) => new RespPush(values)),
    tie('map'),
    fc.tuple(tie('map'), tie('value')).map(([attributes, value]) => new RespAttribute(attributes, value)),
  ),
  map: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
}));

for (const lane of lanes) {
  describe(`encodeResp and resp (${lane.name})`, () => {
    it('give back any value, and any bytes of one, wherever they are cut', () => {
      const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
      fc.assert(
        fc.property(fc.array(ANY, { maxLength: 4 }), sizes, (values, cuts) => {
          const bytes = Buffer.concat(values.map((value) => encodeResp(value, { version: 3 })));
          const { frames, end } = lane.run(resp({ maxDepth: 100 }), cutBy(bytes, cuts));
          expect(end).to.equal('complete');
          expect(frames).to.deep.equal(values);
          expect(Buffer.concat(frames.map((value) => encodeResp(value, { version: 3 })))).to.deep.equal(
            bytes,
          );
        }),
        { numRuns: 200 },
      );
    });

    it('survive any bytes: values, then an end or a typed error, the same wherever they are cut', () => {
      const pieces = fc.constantFrom(
        '$',
        '*',
        '+',
        '-',
        ':',
        '%',
        '~',
        '>',
        '|',
        '_',
        '#t',
        ',1',
        '(1',
        '=',
        '!',
        '1',
        '2',
        '\r\n',
        '\r\n',
        'a',
        '?',
      );
      fc.assert(
        fc.property(fc.array(pieces, { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), (all, size) => {
          const bytes = Buffer.from(all.join(''));
          const whole = lane.run(resp(), [bytes]);
          expect(whole.end).to.match(/^(complete|ERR_EVIO_FRAME_\w+)$/);
          expect(lane.run(resp(), cutBy(bytes, [size]))).to.deep.equal(whole);
        }),
        { numRuns: 400 },
      );
    });
  });
}

describe('encodeResp', () => {
  it('writes requests alike in both versions', () => {
    const request = '*3\r\n$3\r\nSET\r\n$2\r\né\r\n$1\r\n\x00\r\n';
    const value = ['SET', 'é', Uint8Array.of(0)];
    expect(encodeResp(value).toString()).to.equal(request);
    expect(encodeResp(value, { version: 3 }).toString()).to.equal(request);
  });

  it('writes RESP3', () => {
    expect(three(null)).to.equal('_\r\n');
    expect(three(true)).to.equal('#t\r\n');
    expect(three(7)).to.equal(':7\r\n');
    expect(three(1.5)).to.equal(',1.5\r\n');
    expect(three(-0)).to.equal(',-0\r\n');
    expect(three(2 ** 60)).to.equal(
      ',1152921504606846976\r\n'.replace('1152921504606846976', String(2 ** 60)),
    );
    expect(three(2n ** 63n - 1n)).to.equal(':9223372036854775807\r\n');
    expect(three(2n ** 63n)).to.equal('(9223372036854775808\r\n');
    expect(three(new RespDouble(NaN))).to.equal(',nan\r\n');
    expect(three(new RespError('ERR a\nb', true))).to.equal('!7\r\nERR a\nb\r\n');
    expect(three(new Map([['a', 1]]))).to.equal('%1\r\n$1\r\na\r\n:1\r\n');
    expect(three(new Set(['a']))).to.equal('~1\r\n$1\r\na\r\n');
    expect(three(new RespPush(['a']))).to.equal('>1\r\n$1\r\na\r\n');
    expect(three(new RespVerbatim('txt', 'a'))).to.equal('=5\r\ntxt:a\r\n');
    expect(three(new RespAttribute(new Map([['k', 1]]), 'v'))).to.equal('|1\r\n$1\r\nk\r\n:1\r\n$1\r\nv\r\n');
  });

  it('writes in RESP2 what RESP2 has', () => {
    expect(two(null)).to.equal('$-1\r\n');
    expect([two(true), two(false)]).to.deep.equal([':1\r\n', ':0\r\n']);
    expect(two(1.5)).to.equal('$3\r\n1.5\r\n');
    expect(two(2n ** 63n)).to.equal('$19\r\n9223372036854775808\r\n');
    expect(two(new RespError('ERR a\r\nb', true))).to.equal('-ERR a b\r\n');
    expect(two(new Map([['a', 1]]))).to.equal('*2\r\n$1\r\na\r\n:1\r\n');
    expect(two(new Set(['a']))).to.equal('*1\r\n$1\r\na\r\n');
    expect(two(new RespPush(['a']))).to.equal('*1\r\n$1\r\na\r\n');
    expect(two(new RespVerbatim('txt', 'a'))).to.equal('$1\r\na\r\n');
    expect(two(new RespAttribute(new Map([['k', 1]]), 'v'))).to.equal('$1\r\nv\r\n');
    expect(two(new RespSimple('OK'))).to.equal('+OK\r\n');
  });

  it('does not let text end a line early', () => {
    for (const text of ['a\nb', 'a\r']) {
      expect(() => encodeResp(new RespSimple(text))).to.throw(TypeError, 'line break');
      expect(() => encodeResp(new RespError(text))).to.throw(TypeError, 'line break');
    }
    expect(() => encodeResp(new RespVerbatim('text', ''))).to.throw(TypeError, 'three characters');
  });

  it('refuses what is no value, and options that are none', () => {
    for (const wrong of [undefined, {}, Symbol('x'), () => 1, new Date(0)]) {
      expect(() => encodeResp([wrong as never])).to.throw(TypeError, 'not a RESP value');
    }
    expect(() => encodeResp(1, { version: 1 as never })).to.throw(TypeError, 'option version');
    expect(() => encodeResp(1, { protocol: 3 } as EncodeRespOptions)).to.throw(TypeError, 'unknown option');
  });

  it('takes decoded values as they are, errors among them', () => {
    const told = new Told(of(Buffer.from('*2\r\n-WRONGTYPE no\r\n$-1\r\n')).pipe(resp()));
    const [value = null] = told.frames;
    expect(two(value)).to.equal('*2\r\n-WRONGTYPE no\r\n$-1\r\n');
    const error = (value as RespValue[])[0] as RespError;
    expect([error.code, String(error)]).to.deep.equal(['WRONGTYPE', 'WRONGTYPE no']);
  });
});
