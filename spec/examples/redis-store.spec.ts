// The store of the Redis server beside a Map, which is the model of what it must hold.

import { expect } from 'chai';
import * as fc from 'fast-check';

import { Block } from '../../examples/redis/block.js';
import { LARGE, Store, type StoreOptions } from '../../examples/redis/store.js';
import { put, taken } from './redis-in-memory.js';

const KiB = 1024;
const UNUSED = 200 * KiB; // what an empty store takes, and a little more

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** The store and its model, changed together. */
class Pair {
  readonly store: Store;
  readonly model = new Map<string, string>();

  constructor(options?: StoreOptions) {
    this.store = new Store(options);
  }

  set(key: string, value: string): void {
    put(this.store, key, value);
    this.model.set(key, value);
  }

  delete(key: string): void {
    const { bytes, block } = named(key);
    expect(this.store.delete(block, 0, bytes.length)).to.equal(this.model.delete(key));
  }

  clear(): void {
    this.store.clear();
    this.model.clear();
  }

  check(key: string): void {
    const { bytes, block } = named(key);
    expect(taken(this.store, key) === this.model.get(key), JSON.stringify(key.slice(0, 40))).to.equal(true);
    expect(this.store.has(block, 0, bytes.length)).to.equal(this.model.has(key));
  }

  checkAll(): void {
    expect(this.store.size).to.equal(this.model.size);
    for (const key of this.model.keys()) this.check(key);
  }

  /** What keys and values have together. */
  get bytes(): number {
    let bytes = 0;
    for (const [key, value] of this.model) bytes += key.length + value.length;
    return bytes;
  }

  /** What is alive, rounded up, four times over, and the table: 64 bytes a key at its emptiest after growing. */
  checkMemory(): void {
    const { size } = this.model;
    expect(this.store.memory).to.be.at.most(4 * (this.bytes + 8 * size) + 2 * 64 * size + UNUSED);
  }
}

function named(key: string): { bytes: Buffer; block: Block } {
  const bytes = Buffer.from(key, 'latin1');
  return { bytes, block: new Block(bytes) };
}

/** Few, so that they meet each other; of all lengths below 10, where four bytes at a time come to their end. */
const keys = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 9 }).map(latin1) },
  { weight: 5, arbitrary: fc.constantFrom('', '\0', '\0\0', 'a', 'a\0', '\xff', 'key', 'key:1', 'key:2') },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 100 * KiB }).map((length) => 'k'.repeat(length)) },
);
const lengths = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: LARGE - 2, max: LARGE + 2 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 100 * KiB }) },
);
const values = fc
  .tuple(lengths, fc.integer({ min: 0, max: 255 }))
  .map(([length, first]) => latin1(Uint8Array.from({ length }, (_, at) => first + at * 7)));

type Step = (pair: Pair) => void;
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 24,
    arbitrary: fc.tuple(keys, values).map(
      ([key, value]): Step =>
        (pair) =>
          pair.set(key, value),
    ),
  },
  {
    weight: 12,
    arbitrary: keys.map(
      (key): Step =>
        (pair) =>
          pair.delete(key),
    ),
  },
  {
    weight: 12,
    arbitrary: keys.map(
      (key): Step =>
        (pair) =>
          pair.check(key),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 3000 }), lengths).map(([count, length]): Step => (pair) => {
      for (let at = 0; at < count; at++) pair.set(`many:${at}`, 'v'.repeat(length % 100));
    }),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 3000 }).map((count): Step => (pair) => {
      for (let at = 0; at < count; at++) pair.delete(`many:${at}`);
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>((pair) => pair.clear()) },
);

describe('examples: the store of the Redis server', () => {
  for (const [title, options] of [
    ['with its own hashes', {}],
    ['when all keys have the same hash', { hash: () => 0 }],
    [
      'when the hashes are few, and at the end of the table',
      { hash: (view, start, end) => (end > start ? view.getUint8(start) % 4 : 1) - 2 },
    ],
    [
      'when the hashes differ where the table does not look',
      { hash: (view, start, end) => (end > start ? view.getUint8(start) << 24 : 0) },
    ],
  ] satisfies [string, StoreOptions][]) {
    it(`holds what a Map holds, whatever is set, overwritten and deleted, ${title}`, () => {
      const collides = 'hash' in options;
      fc.assert(
        fc.property(fc.array(steps, { maxLength: collides ? 15 : 60 }), (sequence) => {
          const pair = new Pair(options);
          for (const step of sequence) {
            step(pair);
            pair.checkMemory();
          }
          pair.checkAll();
        }),
        { numRuns: collides ? 15 : 60 },
      );
    }).timeout(60_000);
  }

  it('tells apart keys of any bytes', () => {
    const pair = new Pair();
    for (let one = 0; one < 256; one++) {
      pair.set(String.fromCharCode(one), `one ${one}`);
      for (const other of [0, 1, 13, 10, 127, 128, 255]) {
        for (const more of ['', '\0', '\0\0', '\0\0\0', 'abc']) {
          pair.set(String.fromCharCode(one, other) + more, `${one} ${other} ${more}`);
          pair.set(more + String.fromCharCode(other, one), `${more} ${other} ${one}`);
        }
      }
    }
    pair.checkAll();
  });

  it('finds every key in a large table, and after half of them have gone', () => {
    const pair = new Pair();
    for (let at = 0; at < 50_000; at++) pair.set(`key:${at}`, String(at));
    pair.checkAll();
    for (let at = 0; at < 50_000; at += 2) pair.delete(`key:${at}`);
    pair.checkAll();
    for (let at = 0; at < 50_000; at += 2) pair.check(`key:${at}`);
  }).timeout(30_000);

  it('takes no more memory for what is overwritten again and again', () => {
    const pair = new Pair();
    let most = 0;
    for (let round = 0; round < 200; round++) {
      for (let at = 0; at < 200; at++) pair.set(`key:${at}`, 'x'.repeat((round * 37 + at * 11) % 500));
      most = Math.max(most, pair.store.memory);
      pair.checkMemory();
    }
    expect(most).to.be.below(600 * KiB); // 200 keys of 500 bytes; 10 MB have been written
    pair.checkAll();
  });

  it('gives memory back when most keys are gone, one by one or all at once', () => {
    const pair = new Pair();
    for (let at = 0; at < 20_000; at++) pair.set(`key:${at}`, 'x'.repeat(100));
    for (let at = 0; at < 100; at++) pair.set(`large:${at}`, 'x'.repeat(100 * KiB));
    expect(pair.store.memory).to.be.above(10_000 * KiB);
    for (let at = 0; at < 100; at++) pair.delete(`large:${at}`);
    for (let at = 1; at < 20_000; at++) pair.delete(`key:${at}`);
    expect(pair.store.memory).to.be.below(2 * UNUSED);
    pair.checkAll();
    for (let at = 0; at < 20_000; at++) pair.set(`key:${at}`, 'x'.repeat(100));
    pair.clear();
    expect(pair.store.memory).to.be.below(UNUSED);
    pair.checkAll();
  });

  it('keeps what it had when there is no memory for more', () => {
    const pair = new Pair();
    const { allocUnsafeSlow } = Buffer;
    const refuse = (): never => {
      throw new RangeError('Array buffer allocation failed');
    };
    pair.set('key', 'old');
    pair.set('large', 'x'.repeat(2 * LARGE));
    for (const [key, length] of [
      ['key', 2 * LARGE],
      ['new', 2 * LARGE],
      ['large', 3 * LARGE],
      ['k'.repeat(100 * KiB), 1],
    ] as const) {
      Buffer.allocUnsafeSlow = refuse;
      try {
        expect(() => put(pair.store, key, 'x'.repeat(length)), key.slice(0, 9)).to.throw(RangeError);
      } finally {
        Buffer.allocUnsafeSlow = allocUnsafeSlow;
      }
      pair.check(key);
      pair.checkAll();
      pair.checkMemory();
    }
    for (let at = 0; at < 1000; at++) pair.set(`key:${at}`, 'x'.repeat(100));
    pair.checkAll();
    pair.checkMemory();
  });
});
