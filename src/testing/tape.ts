// What is kept of one connection while it is recorded.

import type { Tap } from '../tap.js';
import { fixtureOf } from './fixture.js';
import type { Fixture, Known } from './fixture.js';
import { milliseconds } from './lane-time.js';
import type { MarbleKind } from './lane-tokens.js';
import type { WireEvent } from './lane-text.js';

/** Bytes that may still be kept, of all connections of a recording. */
export interface Budget {
  left: number;
}

interface Noted {
  readonly at: number;
  readonly kind: MarbleKind;
  /** Of data: what came in one millisecond. */
  readonly pieces: Buffer[];
}

export class Tape implements Tap {
  /** Called when there is nothing more to hear. */
  onOver: () => void = () => {};
  readonly #now: () => number;
  readonly #budget: Budget;
  readonly #round: number;
  readonly #accepted: number;
  readonly #client: Noted[] = [];
  readonly #server: Noted[] = [];
  /** When the recording stopped. */
  #stopped: number | undefined;
  #over = false;
  #broken = false;
  #shut = false;
  #cut = false;

  /** @param round - ms: times are multiples of it */
  constructor(now: () => number, budget: Budget, round: number) {
    this.#now = now;
    this.#budget = budget;
    this.#round = round;
    this.#accepted = now();
  }

  data(source: Buffer, start: number, end: number): void {
    this.#keep(this.#client, source.subarray(start, end));
  }

  ended(): void {
    this.#note(this.#client, 'fin');
  }

  /** Told together with the end: input may still come, and nothing in a lane follows a reset. */
  broken(): void {
    this.#broken = true;
  }

  failed(): void {
    this.#note(this.#client, 'reset');
    this.#finish();
  }

  write(source: Uint8Array, start: number, end: number): void {
    this.#keep(this.#server, source.subarray(start, end));
  }

  shutdown(): void {
    this.#shut = true;
    this.#note(this.#server, 'fin');
  }

  close(): void {
    if (this.#broken) return this.failed();
    if (!this.#shut) this.#note(this.#server, 'fin');
    this.#note(this.#server, 'close');
    this.#finish();
  }

  reset(): void {
    this.#note(this.#server, 'reset');
    this.#finish();
  }

  /** What comes from now on is not told. */
  stop(): void {
    this.#stopped ??= this.#time();
  }

  /** So far. */
  fixture(): Fixture {
    const goneAt = this.#client.find(({ kind }) => kind === 'reset')?.at ?? Infinity;
    const reached = this.#server.filter(({ at }) => at < goneAt);
    return fixtureOf(this.#client.map(eventOf), reached.map(eventOf), this.#known());
  }

  #known(): Known {
    if (this.#cut) return { cut: true };
    return this.#over ? {} : { open: this.#stopped ?? this.#time() };
  }

  #finish(): void {
    this.#over = true;
    this.onOver();
  }

  #keep(side: Noted[], bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#cut) return;
    if (bytes.length > this.#budget.left) {
      this.#cut = true;
      this.#finish();
      return;
    }
    this.#budget.left -= bytes.length;
    const at = this.#time();
    const last = side.at(-1);
    const copy = Buffer.from(bytes);
    if (last?.kind === 'data' && last.at === at) last.pieces.push(copy);
    else side.push({ at, kind: 'data', pieces: [copy] });
  }

  #note(side: Noted[], kind: MarbleKind): void {
    if (!this.#cut) side.push({ at: this.#time(), kind, pieces: [] });
  }

  #time(): number {
    const passed = milliseconds(this.#now() - this.#accepted);
    return Math.floor(passed / this.#round) * this.#round;
  }
}

function eventOf({ at, kind, pieces }: Noted): WireEvent {
  return kind === 'data' ? { at, kind, bytes: Buffer.concat(pieces) } : { at, kind };
}
