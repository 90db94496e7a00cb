// The data: keys and values are sequences of bytes, in one block of memory; no object stands for any of them, and none is made
// to look one up.
//
// A table with open addressing (linear probing, at most half full) says for each key where its record lies: the key's bytes
// and, behind them, those of the value. A new record goes behind the last one. The bytes of a dead record are found again by
// compacting: the live ones are copied to a new block when the old one is full and a quarter of it is dead, or when less
// than a quarter of it is alive. So the block is never larger than a small multiple of what lives in it. Large values are
// Buffers of their own, which nobody has to move.

import { constants } from 'node:buffer';
import { randomInt } from 'node:crypto';
import { Block, copyBytes, hashOf, isSame, NO_BYTES } from './block.js';
import { parseInteger, writeInteger } from './integers.js';
import { LargeValues } from './large-values.js';

/** Bytes of somebody else: valid until the store is changed or asked for the next value. */
export interface Slice {
  readonly block: Block;
  readonly start: number;
  readonly end: number;
}

// A slot of the table has four numbers: the key's hash, where the record is, and the lengths of key and value.
const SLOT = 4;
const PLACE = 1; // 0: the slot is free
const KEY = 2;
const VALUE = 3;

/** Records begin at multiples of so many bytes, and PLACE counts in them: 31 bits reach far enough. */
const UNIT = 8;
const FEWEST_SLOTS = 1024;
const FEWEST_UNITS = 8 * 1024;
const MOST_UNITS = Math.floor(constants.MAX_LENGTH / UNIT);

/** Of more bytes than this a value is large: the record has its number instead. */
export const LARGE = 16 * 1024;
const NUMBER = 4;

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const EXACT = 15;

export interface StoreOptions {
  /** What the hashes begin with, 32 bits: a number that nobody outside can know, unless it is given. */
  readonly seed?: number;
  /** For specs: the hash of a key, instead of a good one. */
  readonly hash?: (view: DataView, start: number, end: number, seed: number) => number;
}

export class Store {
  readonly #seed: number;
  readonly #hash: NonNullable<StoreOptions['hash']>;
  readonly #found = { block: NO_BYTES, start: 0, end: 0 };
  readonly #digits = Block.ofSize(24);
  #slots = new Int32Array(SLOT * FEWEST_SLOTS);
  /** Turns a hash, times SLOT, into the offset of a slot. */
  #mask = SLOT * FEWEST_SLOTS - 1;
  #size = 0;
  #block = Block.ofSize(UNIT * FEWEST_UNITS);
  /** In units, as the next two: how long the block is. */
  #units = FEWEST_UNITS;
  /** Where the next record goes. */
  #end = 1;
  /** How much of the block is alive. */
  #live = 0;
  readonly #large = new LargeValues();

  constructor({ seed = randomInt(2 ** 32), hash = hashOf }: StoreOptions = {}) {
    this.#seed = seed | 0;
    this.#hash = hash;
  }

  /** How many keys there are. */
  get size(): number {
    return this.#size;
  }

  /** How many bytes of memory the data takes, with the table and what is not in use at present. */
  get memory(): number {
    return this.#slots.byteLength + this.#block.bytes.length + this.#large.bytes;
  }

  /** The value of a key. There is one Slice, filled anew each time. */
  get(key: Block, start: number, end: number): Slice | undefined {
    const at = this.#find(key, start, end, this.#hash(key.view, start, end, this.#seed));
    return at < 0 ? undefined : this.#valueIn(at);
  }

  has(key: Block, start: number, end: number): boolean {
    return this.#find(key, start, end, this.#hash(key.view, start, end, this.#seed)) >= 0;
  }

  /** The key is `key[start, end)`, the value `value[from, to)`; both are copied. */
  set(key: Block, start: number, end: number, value: Block, from: number, to: number): void {
    const hash = this.#hash(key.view, start, end, this.#seed);
    const at = this.#find(key, start, end, hash);
    if (at < 0) this.#add(hash, key, start, end, value, from, to);
    else this.#replace(at, value, from, to);
  }

  /** Whether there was such a key. */
  delete(key: Block, start: number, end: number): boolean {
    const at = this.#find(key, start, end, this.#hash(key.view, start, end, this.#seed));
    if (at < 0) return false;
    this.#release(at);
    this.#vacate(at);
    this.#size--;
    this.#shrink();
    return true;
  }

  clear(): void {
    this.#slots = new Int32Array(SLOT * FEWEST_SLOTS);
    this.#mask = this.#slots.length - 1;
    this.#size = 0;
    this.#block = Block.ofSize(UNIT * FEWEST_UNITS);
    this.#units = FEWEST_UNITS;
    this.#end = 1;
    this.#live = 0;
    this.#large.clear();
  }

  /**
   * Adds one to a number, a missing one being 0.
   * @returns the new number, or why there is none
   */
  increment(key: Block, start: number, end: number): bigint | number | 'not an integer' | 'overflow' {
    const old = this.get(key, start, end);
    const length = old === undefined ? 0 : old.end - old.start;
    const number =
      old === undefined ? 0 : length > 20 ? NaN : parseInteger(old.block.bytes, old.start, old.end);
    if (Number.isNaN(number)) return 'not an integer';
    // 15 digits fit into a number; the rest of the 64 bits is worth a slower way.
    if (old !== undefined && length > EXACT) return this.#incrementLong(key, start, end, old);
    const digits = writeInteger(this.#digits.bytes, 0, number + 1);
    this.set(key, start, end, this.#digits, 0, digits);
    return number + 1;
  }

  #incrementLong(key: Block, start: number, end: number, old: Slice): ReturnType<Store['increment']> {
    const number = BigInt(old.block.text(old.start, old.end));
    if (number < MIN || number > MAX) return 'not an integer';
    if (number === MAX) return 'overflow';
    const sum = new Block(Buffer.from(String(number + 1n)));
    this.set(key, start, end, sum, 0, sum.bytes.length);
    return number + 1n;
  }

  /** The slot of a key, or the complement of the free one where it would go. */
  #find(key: Block, start: number, end: number, hash: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    const length = end - start;
    let at = (hash << 2) & mask;
    for (; slots[at + PLACE] !== 0; at = (at + SLOT) & mask) {
      if (slots[at] !== hash || slots[at + KEY] !== length) continue;
      if (isSame(key.view, start, end, this.#block.view, (slots[at + PLACE] ?? 0) * UNIT)) return at;
    }
    return ~at;
  }

  #valueIn(at: number): Slice {
    const slots = this.#slots;
    const found = this.#found;
    const start = (slots[at + PLACE] ?? 0) * UNIT + (slots[at + KEY] ?? 0);
    const length = slots[at + VALUE] ?? 0;
    if (length > LARGE) {
      found.block = this.#large.get(this.#numberAt(start));
      found.start = 0;
      found.end = length;
    } else {
      if (found.block !== this.#block) found.block = this.#block;
      found.start = start;
      found.end = start + length;
    }
    return found;
  }

  /** Of a large value. */
  #numberAt(at: number): number {
    return this.#block.view.getInt32(at);
  }

  #add(hash: number, key: Block, start: number, end: number, value: Block, from: number, to: number): void {
    if (2 * SLOT * (this.#size + 1) > this.#slots.length) this.#rehash(2 * this.#slots.length);
    const units = unitsFor(end - start, to - from);
    const place = this.#allocate(units);
    copyBytes(key, start, end, this.#block, place * UNIT);
    this.#writeValue(place * UNIT + end - start, value, from, to);
    const at = freeSlot(this.#slots, this.#mask, hash);
    this.#live += units;
    this.#slots[at] = hash;
    this.#slots[at + PLACE] = place;
    this.#slots[at + KEY] = end - start;
    this.#slots[at + VALUE] = to - from;
    this.#size++;
  }

  #replace(at: number, value: Block, from: number, to: number): void {
    const keyLength = this.#slots[at + KEY] ?? 0;
    const length = to - from;
    const oldLength = this.#slots[at + VALUE] ?? 0;
    const units = unitsFor(keyLength, length);
    if (oldLength <= LARGE && length <= LARGE && units === unitsFor(keyLength, oldLength)) {
      copyBytes(value, from, to, this.#block, (this.#slots[at + PLACE] ?? 0) * UNIT + keyLength);
      this.#slots[at + VALUE] = length;
      return;
    }
    const place = this.#allocate(units);
    const old = (this.#slots[at + PLACE] ?? 0) * UNIT; // read now: to allocate can mean to move
    copyBytes(this.#block, old, old + keyLength, this.#block, place * UNIT);
    this.#writeValue(place * UNIT + keyLength, value, from, to);
    this.#release(at);
    this.#live += units;
    this.#slots[at + PLACE] = place;
    this.#slots[at + VALUE] = length;
    this.#shrink();
  }

  #writeValue(at: number, value: Block, from: number, to: number): void {
    if (to - from > LARGE) this.#block.view.setInt32(at, this.#large.add(value.bytes, from, to));
    else copyBytes(value, from, to, this.#block, at);
  }

  /** What a slot refers to is dead. */
  #release(at: number): void {
    const keyLength = this.#slots[at + KEY] ?? 0;
    const length = this.#slots[at + VALUE] ?? 0;
    this.#live -= unitsFor(keyLength, length);
    if (length <= LARGE) return;
    this.#large.remove(this.#numberAt((this.#slots[at + PLACE] ?? 0) * UNIT + keyLength));
  }

  /** Frees a slot. Those behind it that were pushed away from their own move up, so that searches end where they should. */
  #vacate(at: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let hole = at;
    for (let next = (at + SLOT) & mask; slots[next + PLACE] !== 0; next = (next + SLOT) & mask) {
      const home = ((slots[next] ?? 0) << 2) & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      slots.copyWithin(hole, next, next + SLOT);
      hole = next;
    }
    slots[hole + PLACE] = 0;
  }

  #rehash(length: number): void {
    const old = this.#slots;
    const slots = new Int32Array(length);
    const mask = length - 1;
    for (let from = 0; from < old.length; from += SLOT) {
      if (old[from + PLACE] === 0) continue;
      const at = freeSlot(slots, mask, old[from] ?? 0);
      for (let part = 0; part < SLOT; part++) slots[at + part] = old[from + part] ?? 0;
    }
    this.#slots = slots;
    this.#mask = mask;
  }

  /** Room for a record at the end of the block, in units. Whatever was known of the block before may have moved. */
  #allocate(units: number): number {
    if (this.#end + units > this.#units) {
      if (4 * this.#live < 3 * this.#end) this.#compact(this.#live + units);
      else this.#grow(this.#end + units);
    }
    const place = this.#end;
    this.#end += units;
    return place;
  }

  /** Everything stays where it is, in a longer block. */
  #grow(needed: number): void {
    const units = spacious(needed);
    const block = Block.ofSize(units * UNIT);
    this.#block.bytes.copy(block.bytes, 0, 0, this.#end * UNIT);
    this.#block = block;
    this.#units = units;
  }

  /** The live records go to a new block. */
  #compact(needed: number): void {
    const units = spacious(needed);
    const block = Block.ofSize(units * UNIT);
    const slots = this.#slots;
    let end = 1;
    for (let at = 0; at < slots.length; at += SLOT) {
      const place = slots[at + PLACE] ?? 0;
      if (place === 0) continue;
      const length = unitsFor(slots[at + KEY] ?? 0, slots[at + VALUE] ?? 0);
      copyBytes(this.#block, place * UNIT, (place + length) * UNIT, block, end * UNIT);
      slots[at + PLACE] = end;
      end += length;
    }
    this.#block = block;
    this.#units = units;
    this.#end = end;
  }

  /** Gives memory back when little of it is in use. */
  #shrink(): void {
    if (4 * this.#live + 2 * FEWEST_UNITS < this.#units) this.#compact(this.#live);
    if (this.#slots.length > SLOT * FEWEST_SLOTS && 8 * SLOT * this.#size < this.#slots.length) {
      this.#rehash(this.#slots.length / 2);
    }
  }
}

/** Of a record with a key and a value that are so long. */
function unitsFor(key: number, value: number): number {
  return (key + (value > LARGE ? NUMBER : value) + UNIT - 1) >>> 3;
}

/** Half as much again as is needed, so that a block is not copied for each record; but no more than a Buffer can have. */
function spacious(needed: number): number {
  return Math.max(needed, Math.min(needed + (needed >>> 1) + FEWEST_UNITS, MOST_UNITS));
}

function freeSlot(slots: Int32Array, mask: number, hash: number): number {
  let at = (hash << 2) & mask;
  while (slots[at + PLACE] !== 0) at = (at + SLOT) & mask;
  return at;
}
