// A clock that is not exact: what comes about when it was due is taken to have come then, all else keeps its own time.

import { describe, invalidArgument } from '../errors.js';
import type { Lane } from './diagram.js';
import type { WireEvent } from './lane-text.js';

/** How far what comes may be from when it was due, in frames. */
export interface Leeway {
  /** Before it, from 0. */
  readonly early: number;
  /** After it, from 0. */
  readonly late: number;
  /** The lane is a beginning: what comes after all that it has is let be. */
  readonly cut?: boolean;
  /** The lane is known up to that frame: what comes after all that it has, and may have come later than that, is let be. */
  readonly until?: number;
}

/** Of real time, by which things may be off unless somebody says otherwise: a busy machine is late now and then. */
export const TOLERANCE = 250;

/** @throws TypeError for what is no tolerance. */
export function toleranceOf(where: string, tolerance: unknown): number {
  if (typeof tolerance === 'number' && tolerance >= 0) return tolerance;
  throw invalidArgument(`${where}: tolerance must be a number of ms from 0, not ${describe(tolerance)}`);
}

/** Bytes of a lane that are due at one time, and where they stand in all that is sent. */
interface Due {
  readonly at: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** What came, moved to when it was due if that is near; bytes are told apart by where they stand in the stream. */
export function aligned(lane: Lane, events: readonly WireEvent[], leeway: Leeway): WireEvent[] {
  const stream = new Stream(lane, leeway);
  const moved = events.flatMap((event) => {
    if (event.kind === 'data') return stream.take(event);
    const due = lane.marbles.find(({ kind }) => kind === event.kind);
    if (due === undefined) return unknown(event, leeway) ? [] : [{ ...event, at: Math.floor(event.at) }];
    return [{ ...event, at: near(event.at, Math.floor(due.at), leeway) }];
  });
  return moved.sort((a, b) => a.at - b.at);
}

/** Whether the lane would not have what nothing is due for. */
function unknown({ at }: WireEvent, { early, cut = false, until = Infinity }: Leeway): boolean {
  return cut || at + early >= until;
}

/** Then, if it is near; a frame off at least, if it is not. */
function near(at: number, due: number, { early, late }: Leeway): number {
  if (at < due - early) return Math.min(Math.floor(at), due - 1);
  return at > due + late ? Math.max(Math.floor(at), due + 1) : due;
}

class Stream {
  readonly #dues: readonly Due[];
  readonly #leeway: Leeway;
  #index = 0;
  #offset = 0;
  /** Other bytes have come than were due: how far they go is anybody's guess. */
  #astray = false;

  constructor({ marbles }: Lane, leeway: Leeway) {
    this.#leeway = leeway;
    let end = 0;
    this.#dues = marbles.flatMap(({ at, bytes }) => {
      if (bytes === undefined) return [];
      const start = end;
      end += bytes.length;
      return [{ at: Math.floor(at), bytes, start, end }];
    });
  }

  take(event: WireEvent): WireEvent[] {
    const pieces: WireEvent[] = [];
    let rest = event.bytes ?? Buffer.alloc(0);
    while (rest.length > 0) {
      const due = this.#dues[this.#index];
      if (due === undefined || this.#astray) return [...pieces, ...this.#byTime(event, rest)];
      const piece = rest.subarray(0, due.end - this.#offset);
      const wanted = due.bytes.subarray(this.#offset - due.start, this.#offset - due.start + piece.length);
      if (!piece.equals(wanted)) {
        this.#astray = true;
        continue;
      }
      pieces.push({ ...event, at: near(event.at, due.at, this.#leeway), bytes: piece });
      this.#offset += piece.length;
      if (this.#offset === due.end) this.#index += 1;
      rest = rest.subarray(piece.length);
    }
    return pieces;
  }

  /** Where other bytes stand: at the next time that is near, one chunk at each. */
  #byTime(event: WireEvent, bytes: Buffer): WireEvent[] {
    if (!this.#astray && unknown(event, this.#leeway)) return [];
    const index = this.#dues.findIndex(
      ({ at }, index) => index >= this.#index && near(event.at, at, this.#leeway) === at,
    );
    if (index >= 0) this.#index = index + 1;
    return [{ ...event, at: this.#dues[index]?.at ?? Math.floor(event.at), bytes }];
  }
}
