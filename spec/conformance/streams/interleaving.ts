// A random life of one connection, and the model that says how it must come out: bytes in are bytes out, both ways.

import { expect } from 'chai';
import type { Connection } from 'evio';
import type { Subscription } from 'rxjs';

import { hash, pattern } from '../../support/bytes.js';
import type { Pair, Peer } from '../harness.js';

/** Numbers that look random and are the same for the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

const SIZES = [1, 10, 1000, 20_000, 70_000, 130_000];

/** One connection, what was put into it on either side, and what has come out. */
export class Life {
  readonly connection: Connection;
  readonly peer: Peer;
  readonly #random: Random;
  readonly #sent: Buffer[] = [];
  readonly #written: Buffer[] = [];
  #consumed: Buffer[] = [];
  #consumedBytes = 0;
  #subscription: Subscription | undefined;
  #paused = false;
  #inputEnded = false;
  #peerEnded = false;
  #outputEnded = false;
  #wakes = 0;
  #woken = 0;
  #sends = 0;
  #completed = 0;
  /** What must never be. */
  readonly offences: string[] = [];
  /** Called inside every chunk. */
  inside: () => void = () => {};

  constructor({ connection, peer }: Pair, random: Random) {
    this.connection = connection;
    this.peer = peer;
    this.#random = random;
  }

  /** Everything that may be done, some of it more often. */
  readonly steps: readonly (() => void)[] = [
    () => this.#peerSends(),
    () => this.#peerSends(),
    () => this.#peerSends(),
    () => this.#write(),
    () => this.#write(),
    () => this.#writeText(),
    () => this.#send(),
    () => this.pause(),
    () => this.resume(),
    () => this.resume(),
    () => this.leave(),
    () => this.take(),
    () => this.take(),
    () => this.unread(),
    () => this.#wake(),
    () => this.peer.stopReading(),
    () => this.peer.readAgain(),
    () => this.peer.readAgain(),
    // Seldom, so that most of a life lies before its end.
    () => void (this.#random.below(10) === 0 && this.peerEnds()),
    () => void (this.#random.below(10) === 0 && this.end()),
  ];

  #bytes(): Buffer {
    const size = this.#random.of(SIZES);
    return pattern(size, 1 + this.#random.below(1000));
  }

  #peerSends(): void {
    if (this.#peerEnded) return;
    const bytes = this.#bytes();
    this.#sent.push(bytes);
    this.peer.send(bytes);
  }

  peerEnds(): void {
    if (this.#peerEnded) return;
    this.#peerEnded = true;
    this.peer.fin();
  }

  #write(): void {
    if (this.#outputEnded) return;
    const bytes = this.#bytes();
    this.#written.push(bytes);
    this.connection.write(bytes);
  }

  #writeText(): void {
    if (this.#outputEnded) return;
    const text = `text ${this.#random.below(1000)}`;
    this.#written.push(Buffer.from(text));
    this.connection.write(text);
  }

  #send(): void {
    if (this.#outputEnded) return;
    const bytes = this.#bytes();
    this.#written.push(bytes);
    this.#sends += 1;
    this.connection.send(bytes).subscribe(() => (this.#completed += 1));
  }

  end(): void {
    this.#outputEnded = true;
    this.connection.end();
  }

  pause(): void {
    this.#paused = true;
    this.connection.pause();
  }

  resume(): void {
    this.#paused = false;
    this.connection.resume();
  }

  leave(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  take(): void {
    if (this.#inputEnded) return;
    this.#subscription ??= this.connection.data$.subscribe({
      next: (data) => this.#take(data),
      complete: () => {
        if (this.#inputEnded) this.offences.push('ended twice');
        this.#inputEnded = true;
      },
    });
  }

  #take(data: Buffer): void {
    if (this.#paused) this.offences.push('data while paused');
    if (this.#subscription === undefined) this.offences.push('data after the subscriber has left');
    if (this.#inputEnded) this.offences.push('data after the end');
    if (data.length === 0) this.#woken += 1;
    this.#consumed.push(data);
    this.#consumedBytes += data.length;
    this.inside();
  }

  /** Gives back a part of what came last. Only as a subscriber: nobody else knows that the end has not come yet. */
  unread(): void {
    const last = this.#consumed.at(-1);
    if (last === undefined || last.length === 0 || this.#inputEnded || this.#subscription === undefined)
      return;
    const kept = this.#random.below(last.length);
    this.#consumed[this.#consumed.length - 1] = last.subarray(0, kept);
    this.#consumedBytes -= last.length - kept;
    this.connection.unread(last.subarray(kept));
  }

  #wake(): void {
    this.#wakes += 1;
    this.connection.wake();
  }

  /** What holds at any time. */
  check(): void {
    expect(this.offences).to.deep.equal([]);
    expect(this.connection.bytesRead).to.equal(this.#consumedBytes);
    expect(this.#completed).to.be.at.most(this.#sends);
    expect(this.#woken).to.be.at.most(this.#wakes);
  }

  /** Lets it come to its end. */
  finish(): void {
    this.inside = () => {};
    this.peer.readAgain();
    this.resume();
    this.take();
    this.peerEnds();
    this.end();
  }

  /** What must hold when it is over. */
  checkOutcome(): void {
    this.check();
    expect(this.#inputEnded).to.equal(true);
    expect(hash(this.#consumed)).to.equal(hash(this.#sent));
    expect(this.peer.receivedBytes).to.equal(this.#written.reduce((sum, { length }) => sum + length, 0));
    expect(hash(this.peer.received)).to.equal(hash(this.#written));
    expect(this.connection.bytesWritten).to.equal(this.peer.receivedBytes);
    expect(this.#completed).to.equal(this.#sends);
  }
}
