// What a spec expects of a run: noted as it is said, compared when the run is over.

import { known } from '../options.js';
import type { Failure, Server } from '../server.js';
import type { RecordedCallbacks } from './callbacks.js';
import { parseLane, parseSigns } from './diagram.js';
import type { WireValues } from './diagram.js';
import {
  checkBytes,
  checkChunks,
  checkDrained,
  checkQueueStaysBelow,
  checkQueued,
  checkReading,
  checkSaid,
  checkTrace,
  checkWire,
  compareLists,
} from './expectations.js';
import type { Observed, TraceFilter, Window } from './expectations.js';
import type { Leeway } from './leeway.js';
import type { WireClient } from './wire-client.js';
import type { WorldClock } from './world-clock.js';

const TRACE_FILTER: Readonly<Record<keyof TraceFilter, true>> = { connection: true, who: true, kinds: true };

/** Says what is expected: with the check, and how long the run has to be for it, in ms. */
type Note = (check: () => void, duration?: () => number) => void;

/** The expectations of a `World`, but for those that it has of RxJS. */
export abstract class WorldExpectations {
  /** @internal */
  protected readonly observed: Observed;
  readonly #clock: WorldClock;
  readonly #checks: (() => void)[] = [];
  /** Expectations of which nobody has said yet what they are. */
  readonly #begun = new Set<{ readonly text: string }>();
  #over = false;
  readonly #errors = new Map<Server, Failure[]>();
  readonly #expectsErrors = new Set<Server>();

  /** @internal */
  constructor(clock: WorldClock, observed: Observed) {
    this.#clock = clock;
    this.observed = observed;
  }

  /** What the server sends to that client, byte for byte and, without leeway, millisecond for millisecond. */
  expectWire(client: WireClient): {
    /** Compares when the run is over. `values` are those of the client unless given. */
    toBe(lane: string, values?: WireValues, leeway?: Leeway): void;
  } {
    const note = this.#begin('expectWire', 'toBe');
    return {
      toBe: (lane, values = client.values, leeway?) => {
        note(
          () => checkWire(this.observed, client, lane, values, leeway),
          () => parseLane(lane, 'server', values).duration + (leeway?.late ?? 0),
        );
      },
    };
  }

  /** All that the server sends to that client, however it is cut and, unless told, whenever it comes. */
  expectBytes(client: WireClient): {
    /** Compares when the run is over. */
    toBe(bytes: string | Uint8Array, window?: Window): void;
  } {
    const note = this.#begin('expectBytes', 'toBe');
    return {
      toBe: (bytes, window = {}) => {
        note(() => checkBytes(this.observed, client, bytes, window));
      },
    };
  }

  /** How the server's output ends for that client, whenever that is: `fin`, `reset`, both, or not at all. */
  expectEnds(client: WireClient): {
    /** Compares when the run is over. */
    toEqual(kinds: readonly ('fin' | 'reset')[]): void;
  } {
    const note = this.#begin('expectEnds', 'toEqual');
    return {
      toEqual: (kinds) => {
        note(() => {
          const ends = client.events.flatMap(({ kind }) =>
            kind === 'fin' || kind === 'reset' ? [kind] : [],
          );
          compareLists(this.observed, 'the end of the output', ends, kinds);
        });
      },
    };
  }

  /** The chunks in which that client got what the server sent. */
  expectChunks(client: WireClient): {
    /** Compares when the run is over. */
    toEqual(chunks: readonly (string | Uint8Array)[]): void;
  } {
    const note = this.#begin('expectChunks', 'toEqual');
    return {
      toEqual: (chunks) => {
        note(() => checkChunks(this.observed, client, chunks));
      },
    };
  }

  /** When the server reads from that client: `^` where it begins, `!` where it stops. */
  expectReading(client: WireClient): {
    /** Compares when the run is over. */
    toBe(signs: string): void;
  } {
    const note = this.#begin('expectReading', 'toBe');
    return this.#signs(note, (signs) => checkReading(this.observed, client, signs));
  }

  /** How many bytes are queued for that client, by names, where that changes; a number without a name stands for itself. */
  expectQueued(client: WireClient): {
    /** Compares when the run is over. */
    toBe(signs: string, values?: Readonly<Record<string, number>>): void;
    /** Never that many bytes or more. */
    toStayBelow(bytes: number): void;
  } {
    const note = this.#begin('expectQueued', 'toBe');
    return {
      ...this.#signs(note, (signs, values = {}) => checkQueued(this.observed, client, signs, values)),
      toStayBelow: (bytes) => {
        note(() => checkQueueStaysBelow(this.observed, client, bytes));
      },
    };
  }

  /** When that client's connection drains: a letter for each time. Of servers made by `serving`. */
  expectDrained(client: WireClient): {
    /** Compares when the run is over. */
    toBe(signs: string): void;
  } {
    const note = this.#begin('expectDrained', 'toBe');
    return this.#signs(note, (signs) => checkDrained(this.observed, client, signs));
  }

  #signs(
    note: Note,
    check: (signs: string, values?: Readonly<Record<string, number>>) => void,
  ): {
    toBe(signs: string, values?: Readonly<Record<string, number>>): void;
  } {
    return {
      toBe: (signs, values) => {
        note(
          () => check(signs, values),
          () => parseSigns(signs).duration,
        );
      },
    };
  }

  /** Everything that happens, in order, over all connections, or a part of it. */
  expectTrace(filter: TraceFilter = {}): {
    /** Compares when the run is over; a line is as `traceText` writes it. */
    toEqual(lines: readonly string[]): void;
  } {
    known<TraceFilter>(filter, TRACE_FILTER);
    const note = this.#begin('expectTrace', 'toEqual');
    return {
      toEqual: (lines) => {
        note(() => checkTrace(this.observed, filter, lines));
      },
    };
  }

  /** What `errors$` of a server tells: codes, or messages where there is no code. Without this, nothing may be told. */
  expectErrors(server: Server): {
    /** Compares when the run is over. */
    toEqual(codes: readonly string[]): void;
  } {
    const note = this.#begin('expectErrors', 'toEqual');
    return {
      toEqual: (codes) => {
        this.#expectsErrors.add(server);
        note(() => {
          const actual = (this.#errors.get(server) ?? []).map(({ error }) => codeOf(error));
          compareLists(this.observed, 'errors$', actual, codes);
        });
      },
    };
  }

  /** Of what `errors$` of a server tells, these codes (or messages) are no failure of the run. */
  allowErrors(server: Server, codes: readonly string[]): void {
    this.#expectsErrors.add(server);
    this.refuseIfOver();
    this.#checks.push(() => {
      const other = this.#errors.get(server)?.find(({ error }) => !codes.includes(codeOf(error)));
      if (other !== undefined) throw other.error;
    });
  }

  /** In which order `serve` called, with what, and what it was answered. */
  expectCallbacks<C>(recorded: RecordedCallbacks<C>): {
    /** Compares when the run is over. */
    toEqual(calls: readonly string[]): void;
  } {
    const note = this.#begin('expectCallbacks', 'toEqual');
    return {
      toEqual: (calls) => {
        note(() => compareLists(this.observed, 'the callbacks', recorded.calls, calls));
      },
    };
  }

  #begin(name: string, how: string): Note {
    this.refuseIfOver();
    const begun = { text: `${name}(…) without ${how}(…)` };
    this.#begun.add(begun);
    return (check, duration) => {
      this.#begun.delete(begun); // first: a lane that cannot be read has been said all the same
      this.refuseIfOver();
      if (duration !== undefined) this.#clock.expect(duration());
      this.#checks.push(check);
    };
  }

  /**
   * @internal
   * @throws Error when nobody will ever look at it: a body of `simulate` that awaits goes on when the run is over.
   */
  protected refuseIfOver(): void {
    if (!this.#over) return;
    throw new Error(
      'something is expected of a run that is over: a body that awaits needs simulateAsync, and to be awaited itself',
    );
  }

  /** @internal The run is over: what was expected of it, and nothing is from now on. */
  protected takeChecks(): (() => void)[] {
    this.#over = true;
    const begun = Array.from(this.#begun, ({ text }) => text);
    return [...this.#checks.splice(0), () => checkSaid(this.observed, begun)];
  }

  /** @internal What goes wrong there is a failure of the run, unless it is expected. */
  protected watchErrors(server: Server): void {
    const errors: Failure[] = [];
    this.#errors.set(server, errors);
    server.errors$.subscribe((failure) => errors.push(failure));
  }

  /** @internal */
  protected checkErrors(): void {
    for (const [server, errors] of this.#errors) {
      if (!this.#expectsErrors.has(server) && errors[0] !== undefined) throw errors[0].error;
    }
  }
}

/** By what an error is known: its code, or its message where it has none. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
