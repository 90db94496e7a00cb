// What framing keeps, and what it costs: nothing large for a small rest, nothing between frames, no work done twice.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect } from 'chai';
import { delimited, fixedLength, lengthPrefixed, lines, resp } from 'evio/protocols';
import { Subject } from 'rxjs';
import type { OperatorFunction } from 'rxjs';

import { MIB } from '../support/bytes.js';
import { pieces } from '../support/connections.js';
import { Told } from './lanes.js';

function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  gc();
}

/** What is left after a large chunk: a few bytes of a frame, or none. */
const RESTS: Readonly<Record<string, readonly [OperatorFunction<Uint8Array, unknown>, string]>> = {
  'lines, with a rest': [lines({ max: MIB, encoding: 'latin1' }), '\nrest'],
  'lines, without': [lines({ max: MIB, encoding: 'latin1' }), '\n'],
  'resp, inside of an array': [resp({ strings: 'latin1', inline: true }), '\n*2\r\n$1\r\na\r\n$10\r\nhalf'],
};

describe('framing: memory', () => {
  for (const [title, [framing, rest]] of Object.entries(RESTS)) {
    it(`holds no chunk that was used up: ${title}`, async () => {
      const source = new Subject<Buffer>();
      let frames = 0;
      source.pipe(framing).subscribe(() => (frames += 1));
      const sendLargeChunk = (): WeakRef<ArrayBufferLike> => {
        const chunk = Buffer.allocUnsafeSlow(MIB / 32).fill('x');
        chunk.write(rest, chunk.length - rest.length, 'latin1');
        source.next(chunk);
        return new WeakRef(chunk.buffer);
      };
      const memory = sendLargeChunk();
      await new Promise((resolve) => setImmediate(resolve)); // a WeakRef is strong until the end of its task
      collect();
      expect([frames, memory.deref(), source.observed]).to.deep.equal([1, undefined, true]);
    });
  }

  it('does not grow before bytes come, whatever was announced', () => {
    const before = process.memoryUsage().arrayBuffers;
    const told = Array.from({ length: 50 }, () => {
      const source = new Subject<Buffer>();
      const one = new Told(source.pipe(lengthPrefixed({ length: 'u32', max: 2 ** 31 - 1 })));
      source.next(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1]));
      return one;
    });
    expect(told.every(({ end }) => end === 'open')).to.equal(true);
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(MIB);
  });
});

describe('framing: time', () => {
  const LONG = 16 * MIB;
  const body = Buffer.alloc(LONG, 'x');
  const frames: Readonly<Record<string, readonly [OperatorFunction<Uint8Array, Buffer>, Buffer]>> = {
    lines: [lines({ max: LONG, encoding: 'buffer' }), Buffer.concat([body, Buffer.from('\n')])],
    delimited: [delimited('xy'.repeat(8), { max: LONG }), Buffer.concat([body, Buffer.from('xy'.repeat(8))])],
    lengthPrefixed: [lengthPrefixed({ length: 'u32' }), Buffer.concat([Buffer.from([1, 0, 0, 0]), body])],
    fixedLength: [fixedLength(LONG), body],
  };
  for (const [title, [framing, bytes]] of Object.entries(frames)) {
    // 65536 chunks: looking at each byte again with each chunk would take hours.
    it(`grows with the bytes, not with the square of them: ${title}`, () => {
      const source = new Subject<Buffer>();
      const told = new Told(source.pipe(framing));
      for (const chunk of pieces(bytes, 256)) source.next(chunk);
      expect(told.frames[0]).to.have.length(LONG);
    });
  }

  it('of resp grows with the bytes as well', () => {
    const source = new Subject<Buffer>();
    const told = new Told(source.pipe(resp()));
    const values = Buffer.from('$3\r\nabc\r\n'.repeat(100_000));
    const bytes = Buffer.concat([Buffer.from('*100001\r\n'), values, Buffer.from(`$${LONG}\r\n`), body]);
    for (const chunk of pieces(bytes, 200)) source.next(chunk);
    source.next(Buffer.from('\r\n'));
    const [value] = told.frames;
    expect(value).to.have.length(100_001);
  });
});
