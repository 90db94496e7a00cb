// Everything that happened in a simulation, at both ends of every connection, in the order in which it happened.

import { quote } from './quote.js';

/** What may happen. What a client does is told from its side, all else from that of a poller. */
export type TraceKind =
  | 'connects'
  | 'is refused'
  | 'sends'
  | 'receives'
  | 'sends FIN'
  | 'receives FIN'
  | 'resets'
  | 'is reset'
  | 'closes'
  | 'stops reading'
  | 'reads again'
  | 'listens'
  | 'accepts'
  | 'reads'
  | 'reads on'
  | 'reads off'
  | 'writes'
  | 'has sent'
  | 'fails'
  | 'drained'
  | 'closed'
  | 'ticks'
  | 'calls';

/** One thing that happened. */
export interface TraceEntry {
  /** Milliseconds of virtual time. */
  readonly at: number;
  /** `server`, `client`, or a name that was given. */
  readonly who: string;
  /** What it did. */
  readonly kind: TraceKind;
  /** 1, 2, 3, … in the order in which clients dialled; absent when it concerns no connection. */
  readonly connection?: number;
  /** What was sent, received, read or written. */
  readonly bytes?: Buffer;
  /** How many bytes the kernel has taken. */
  readonly count?: number;
  /** Codes, addresses, what a callback returned. */
  readonly detail?: string;
}

/** As a spec compares it, without the time: `server 1 reads "PING\r\n"`. */
export function traceText({ who, kind, connection, bytes, count, detail }: TraceEntry): string {
  const parts = [connection === undefined ? who : `${who} ${connection}`, kind];
  if (bytes !== undefined) parts.push(quote(bytes));
  if (count !== undefined) parts.push(count === 1 ? '1 byte' : `${count} bytes`);
  if (detail !== undefined) parts.push(detail);
  return parts.join(' ');
}

/** All that has happened in a run, in order. */
export class Trace {
  /** So far. */
  readonly entries: TraceEntry[] = [];
  /** Told of every entry. */
  onEntry: ((entry: TraceEntry) => void) | undefined;
  readonly #now: () => number;
  /** Off, nothing is kept: callers need not prepare anything. */
  readonly keeping: boolean;

  /** @internal Made by a {@link SimulatedNetwork}. */
  constructor(now: () => number, keeping: boolean) {
    this.#now = now;
    this.keeping = keeping;
  }

  /** Adds an entry, as of now. */
  add(who: string, kind: TraceKind, more: Omit<TraceEntry, 'at' | 'who' | 'kind'> = {}): void {
    if (!this.keeping) return;
    const entry = { at: this.#now(), who, kind, ...more };
    this.entries.push(entry);
    this.onEntry?.(entry);
  }

  /** Lines with their times, aligned. */
  lines(): string[] {
    const times = this.entries.map(({ at }) => `${Math.floor(at * 1000) / 1000} ms`);
    const width = Math.max(0, ...times.map(({ length }) => length));
    return this.entries.map((entry, index) => `${(times[index] ?? '').padStart(width)}  ${traceText(entry)}`);
  }
}
