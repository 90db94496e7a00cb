// The ways to write bytes in a lane, the most readable first; and names for what is too long.

import { framesOf } from './lane-time.js';
import type { Token } from './lane-tokens.js';
import { bytesOf, isName, isValue, type WireValue, type WireValues } from './lane-values.js';
import { textOf } from './quote.js';

/** One way to write bytes. */
export interface Form {
  readonly text: string;
  readonly frames: number;
  /** It is several pieces, which are one segment only inside a group. */
  readonly grouped: boolean;
}

/** A literal that is longer is not read by anybody: it gets a name. */
const LONGEST = 40;

/** Knows the names of a lane, and finds new ones. */
export class LaneForms {
  readonly #values: WireValues;
  /** By the bytes, in latin1. */
  readonly #known = new Map<string, Form[]>();
  /** Characters that mean themselves somewhere in the lane, and so can mean nothing else. */
  readonly #literal = new Set<string>();
  readonly #invented = new Map<string, string>();

  /**
   * @param like - the pieces of another lane, whose ways of writing come first
   * @param text - what they are pieces of
   */
  constructor(values: WireValues, like: readonly Token[], text: string) {
    this.#values = values;
    for (const { bytes, pieces } of runsOf(like, text)) {
      this.#know(bytes, {
        text: pieces.join(''),
        frames: framesIn(pieces.join('')),
        grouped: pieces.length > 1,
      });
      for (const piece of pieces)
        if (isName(piece) && !Object.hasOwn(values, piece)) this.#literal.add(piece);
    }
    for (const [name, value] of Object.entries(values)) {
      if (!isWritable(name) || !isUsable(value)) continue;
      const written = isName(name) ? name : `{${name}}`;
      this.#know(bytesOf(value), { text: written, frames: framesIn(written), grouped: false });
    }
  }

  /** Names made up so far, with their bytes. */
  get invented(): Readonly<Record<string, Buffer>> {
    return Object.fromEntries(
      Array.from(this.#invented, ([key, name]) => [name, Buffer.from(key, 'latin1')]),
    );
  }

  /** Ways to write those bytes, the best first; maybe none. */
  of(bytes: Buffer): Form[] {
    const forms = [...(this.#known.get(bytes.toString('latin1')) ?? [])];
    const itself = bytes.length <= 4 ? bytes.toString() : '';
    if (isName(itself) && !this.#isTaken(itself)) forms.push({ text: itself, frames: 1, grouped: false });
    if (bytes.length <= LONGEST) {
      const literals = [textOf(bytes), hexOf(bytes)].filter((text) => text !== undefined);
      forms.push(
        ...literals
          .map((text) => ({ text, frames: framesIn(text), grouped: false }))
          .filter(({ frames }) => frames <= LONGEST)
          .sort((a, b) => a.frames - b.frames),
      );
    }
    return forms;
  }

  /** To be told of all bytes of the lane, first: a character that means itself is no name for anything else. */
  reserve(bytes: Buffer): void {
    const itself = bytes.length <= 4 ? bytes.toString() : '';
    if (isName(itself) && !this.#isTaken(itself)) this.#literal.add(itself);
  }

  /** A name of one character; the same for the same bytes. */
  invent(bytes: Buffer): Form {
    const key = bytes.toString('latin1');
    let name = this.#invented.get(key);
    if (name === undefined) {
      name = this.#freeName();
      this.#invented.set(key, name);
    }
    return { text: name, frames: 1, grouped: false };
  }

  #know(bytes: Buffer, form: Form): void {
    const key = bytes.toString('latin1');
    const forms = this.#known.get(key) ?? [];
    if (!forms.some(({ text }) => text === form.text)) forms.push(form);
    this.#known.set(key, forms);
  }

  #isTaken(name: string): boolean {
    return Object.hasOwn(this.#values, name) || [...this.#invented.values()].includes(name);
  }

  /** `A` to `Z`, then letters of other scripts: not `m` and `s`, which after a digit could be a time. */
  #freeName(): string {
    for (let code = 0x41; ; code = code === 0x5a ? 0xc0 : code + 1) {
      const name = String.fromCodePoint(code);
      if (isName(name) && !this.#literal.has(name) && !this.#isTaken(name)) return name;
    }
  }
}

/** What a lane writes as one segment. */
function runsOf(tokens: readonly Token[], text: string): { bytes: Buffer; pieces: string[] }[] {
  const runs: { bytes: Buffer; pieces: string[] }[] = [];
  let grouped = false;
  let running = false;
  for (const { kind, bytes, column, end } of tokens) {
    if (kind === 'open' || kind === 'shut') grouped = kind === 'open';
    const last = runs.at(-1);
    const piece = text.slice(column, end);
    if (bytes !== undefined && running && grouped && last !== undefined) {
      last.bytes = Buffer.concat([last.bytes, bytes]);
      last.pieces.push(piece);
    } else if (bytes !== undefined) {
      runs.push({ bytes, pieces: [piece] });
    }
    running = bytes !== undefined;
  }
  return runs;
}

/** Values that no lane uses have not been looked at by anybody. */
function isUsable(value: unknown): value is WireValue {
  return isValue(value) && bytesOf(value).length > 0;
}

function isWritable(name: string): boolean {
  return name.trim() !== '' && !/[}\r\n]/.test(name);
}

function hexOf(bytes: Buffer): string {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  return `<${digits.join(' ')}>`;
}

/** Spaces between hex digits take no time; those in quotes and braces do. */
function framesIn(text: string): number {
  return framesOf(
    text.replaceAll(/('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\{[^}]*\})|<[^>]*>/g, (all, kept?: string) =>
      kept === undefined ? all.replaceAll(' ', '') : all,
    ),
  );
}
