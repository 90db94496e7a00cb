// What a poller may tell of a stream, and in which order, as poller.ts has it: checked where the poller is not the
// kit's own. The streams forgive what is told twice, so that nobody would see it in a diagram.

import type { Connection } from '../connection.js';
import type { Server } from '../server.js';
import { WATCH } from '../tap.js';
import type { Tap, Watchable } from '../tap.js';
import { compareLists } from './expectations.js';
import type { Observed } from './expectations.js';

/** What is told upwards, in words. */
const TOLD = {
  data: 'gave input',
  ended: 'told the end of input',
  broken: 'told that output is lost',
  failed: 'told a failure',
} as const;

/** Why nothing may follow. */
type Over = 'its failure' | 'close()' | 'reset()';

export class Contract {
  readonly #breaches: string[] = [];

  /** @param numberOf - of a connection, in the trace */
  watch(server: Server, numberOf: (connection: Connection) => number | undefined): void {
    (server as unknown as Watchable)[WATCH]((connection, now) => {
      const of = connection as unknown as Connection;
      const report = (what: string): void => {
        const who = `connection ${numberOf(of) ?? of.id}`;
        this.#breaches.push(`at ${Math.floor(now())} ms, ${who}: the poller ${what}`);
      };
      connection.tapped(new ContractOfStream(report));
    });
  }

  /** @throws ExpectationError that tells every breach, and what happened last. */
  check(observed: Observed): void {
    if (this.#breaches.length === 0) return;
    const notes = [...observed.notes, observed.trace.lines().slice(-20).join('\n')];
    compareLists({ ...observed, notes }, 'what a poller told against its contract', this.#breaches, []);
  }
}

class ContractOfStream implements Tap {
  readonly #report: (what: string) => void;
  readonly #told = new Set<keyof typeof TOLD>();
  #over: Over | undefined;

  constructor(report: (what: string) => void) {
    this.#report = report;
  }

  data(): void {
    if (this.#told.has('ended')) this.#report('gave input after its end');
    else this.#check('data');
  }

  ended(): void {
    this.#once('ended');
  }

  broken(): void {
    this.#once('broken');
  }

  failed(): void {
    this.#once('failed');
    this.#over ??= 'its failure';
  }

  write(): void {}

  shutdown(): void {}

  close(): void {
    this.#over ??= 'close()';
  }

  reset(): void {
    this.#over ??= 'reset()';
  }

  #once(what: keyof typeof TOLD): void {
    if (this.#told.has(what)) this.#report(`${TOLD[what]} twice`);
    else this.#check(what);
    this.#told.add(what);
  }

  #check(what: keyof typeof TOLD): void {
    if (this.#over !== undefined) this.#report(`${TOLD[what]} after ${this.#over}`);
  }
}
