// What was recorded of one connection, as a diagram that JSON can hold.

import { isUtf8 } from 'node:buffer';

import { formatLane } from './lane-text.js';
import type { WireEvent } from './lane-text.js';
import { isName } from './lane-values.js';
import type { HexValue } from './lane-values.js';

/** One connection. It is JSON, and `wire(serving, fixture, fixture.values)` reads it as it is. */
export interface Fixture {
  /** What the client did, from the acceptance on, in ms. */
  readonly client: string;
  /** What the server did. */
  readonly server: string;
  /** The bytes of both lanes: UTF-8, or hex for what is not. */
  readonly values: Readonly<Record<string, string | HexValue>>;
  /** There was more than was to be kept: this is the beginning. */
  readonly cut?: true;
  /** It was still open when the recording stopped, so many ms after its acceptance: nothing is known of what came later. */
  readonly open?: number;
  /** Too much happened within 3 ms to be written: something stands up to 3 ms late. */
  readonly rounded?: true;
}

/** How far a connection is known. */
export type Known = Pick<Fixture, 'cut' | 'open'>;

/**
 * Writes both lanes. Bytes have a name of one letter, so that they take no time but their own.
 *
 * @param client - events in the order in which they happened, data of one millisecond put together
 */
export function fixtureOf(client: readonly WireEvent[], server: readonly WireEvent[], known: Known): Fixture {
  const names = new Names();
  names.add(client, 'a');
  names.add(server, 'A');
  const { buffers } = names;
  const ours = formatLane(client, buffers);
  let theirs = formatLane(server, buffers);
  if (!theirs.exact) {
    // When the server closed is known to the server alone, and the least of what a lane says.
    const without = formatLane(
      server.filter(({ kind }) => kind !== 'close'),
      buffers,
    );
    if (without.exact) theirs = without;
  }
  return {
    client: ours.text,
    server: theirs.text,
    values: names.values,
    ...known,
    ...(!(ours.exact && theirs.exact) && { rounded: true as const }),
  };
}

/** Letters that have no look or direction of their own to mislead by: Latin, Greek and Cyrillic, then Chinese. */
const OTHERS: readonly (readonly [from: number, to: number])[] = [
  [0xc0, 0x24f],
  [0x391, 0x3ff],
  [0x400, 0x481],
  [0x4e00, 0x9fff],
];

/** A letter for each piece of bytes, the same for the same bytes. */
class Names {
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #letters = new Map<string, Generator<string, never>>();

  add(events: readonly WireEvent[], first: 'a' | 'A'): void {
    for (const { bytes } of events) {
      const key = bytes?.toString('latin1');
      if (key === undefined || this.#names.has(key)) continue;
      this.#names.set(key, this.#free(first));
    }
  }

  #free(first: 'a' | 'A'): string {
    let letters = this.#letters.get(first);
    if (letters === undefined) this.#letters.set(first, (letters = lettersFrom(first)));
    let name: string = letters.next().value;
    while (this.#taken.has(name)) name = letters.next().value;
    this.#taken.add(name);
    return name;
  }

  get buffers(): Record<string, Buffer> {
    return Object.fromEntries([...this.#names].map(([key, name]) => [name, Buffer.from(key, 'latin1')]));
  }

  get values(): Fixture['values'] {
    return Object.fromEntries(Object.entries(this.buffers).map(([name, bytes]) => [name, valueOf(bytes)]));
  }
}

function valueOf(bytes: Buffer): string | { hex: string } {
  return isUtf8(bytes) ? bytes.toString() : { hex: bytes.toString('hex') };
}

/** Without end: when the letters are used up, words take a little time. */
function* lettersFrom(first: 'a' | 'A'): Generator<string, never> {
  const code = first.charCodeAt(0);
  for (const [from, to] of [[code, code + 25] as const, ...OTHERS]) {
    for (let letter = from; letter <= to; letter++) {
      const name = String.fromCharCode(letter);
      if (isName(name)) yield name;
    }
  }
  for (let number = 1; ; number++) yield `${first}${number}`;
}
