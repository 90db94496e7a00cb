// From an address as written to a connected stream: names are resolved, and the addresses of both families tried, each a
// little later than the one before it, until one answers ("Happy Eyeballs", RFC 8305).

import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';

import type { ParsedAddress } from './address.js';
import type { Engine } from './engine.js';
import type { ConnectSettings, Lookup } from './options.js';
import type { BindAddress, DialOptions, PollerDial, PollerStream, StreamEvents } from './poller/poller.js';
import type { Timer } from './timing-wheel.js';

/** The head start of an attempt, in milliseconds: what Node gives it (net.getDefaultAutoSelectFamilyAttemptTimeout), and RFC 8305 recommends. */
const HEAD_START = 250;

export interface DialOutcome {
  connected(stream: PollerStream): StreamEvents;
  failed(error: Error): void;
}

/** Where `:port` leads to, as with Node: this machine. */
const LOOPBACK = 'localhost';

export class Dial {
  readonly #engine: Engine;
  readonly #options: DialOptions;
  readonly #lookup: Lookup;
  readonly #outcome: DialOutcome;
  #waiting: BindAddress[] = [];
  readonly #attempts = new Set<PollerDial>();
  readonly #errors: Error[] = [];
  #next: Timer | undefined;
  #over = false;

  constructor(engine: Engine, { dial, lookup }: ConnectSettings, outcome: DialOutcome) {
    this.#engine = engine;
    this.#options = dial;
    this.#lookup = lookup;
    this.#outcome = outcome;
  }

  start({ scheme, host, port }: ParsedAddress): void {
    if (scheme === 'unix') {
      this.#begin([{ family: 'unix', address: host, port: 0 }]);
      return;
    }
    const family = isIP(host);
    if (family !== 0) {
      this.#begin([{ family: family === 4 ? 'IPv4' : 'IPv6', address: host, port }]);
      return;
    }
    const wanted = scheme === 'tcp4' ? 4 : scheme === 'tcp6' ? 6 : 0;
    const lookup = this.#lookup;
    lookup(host === '' ? LOOPBACK : host, { all: true, family: wanted }, (error, found) => {
      if (this.#over) return;
      if (error === null) this.#begin(alternating(found, port));
      else this.#fail(Object.assign(error, { port }));
    });
  }

  /** Nothing is heard of it any more. */
  abort(): void {
    this.#over = true;
    if (this.#next !== undefined) this.#engine.cancel(this.#next);
    for (const attempt of this.#attempts) attempt.abort();
    this.#attempts.clear();
  }

  #begin(addresses: BindAddress[]): void {
    if (addresses.length === 0) {
      const message = 'connect: the name has no address';
      return this.#fail(Object.assign(new Error(message), { code: 'ENOTFOUND', syscall: 'connect' }));
    }
    this.#waiting = addresses;
    this.#attempt();
  }

  #attempt(): void {
    const address = this.#waiting.shift();
    if (address === undefined) return;
    const attempt = this.#engine.poller.connect(address, this.#options, {
      connected: (stream) => {
        this.#attempts.delete(attempt);
        this.abort();
        return this.#outcome.connected(stream);
      },
      connectFailed: (error) => {
        this.#attempts.delete(attempt);
        this.#errors.push(error);
        if (this.#next !== undefined) this.#engine.cancel(this.#next);
        if (this.#waiting.length > 0) this.#attempt();
        else if (this.#attempts.size === 0) this.#fail(summary(this.#errors));
      },
    });
    this.#attempts.add(attempt);
    if (this.#waiting.length > 0) this.#next = this.#engine.after(HEAD_START, () => this.#attempt());
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.abort();
    this.#outcome.failed(error);
  }
}

/** One family after the other, beginning with what the resolver has put first. */
function alternating(found: readonly LookupAddress[], port: number): BindAddress[] {
  const first = found[0]?.family;
  const one = found.filter(({ family }) => family === first);
  const other = found.filter(({ family }) => family !== first);
  return one
    .flatMap((address, i) => [address, ...other.slice(i, i + 1)])
    .concat(other.slice(one.length))
    .map(({ family, address }) => ({ family: family === 4 ? 'IPv4' : 'IPv6', address, port }));
}

/** One error for all attempts, as Node has it: the one there is, or an AggregateError with the code of the first. */
function summary(errors: readonly Error[]): Error {
  const [first] = errors;
  if (first !== undefined && errors.length === 1) return first;
  const message = errors.map(({ message: text }) => text).join('; ');
  const { code } = first as NodeJS.ErrnoException;
  return Object.assign(new AggregateError(errors, message), { code });
}
