// What lies between two ends: time. Segments arrive in the order in which they were sent, as TCP has it, so what a network
// loses is only late; a link that is down keeps everything back until it is up again.

import type { Agenda } from './agenda.js';
import type { Choices } from './choices.js';

/** How a link behaves. Times in milliseconds. */
export interface LinkOptions {
  /** How long a segment is under way, one way. Default 0: it arrives at once. */
  readonly latency?: number;
  /** At most so much longer, by the schedule. Default 0. */
  readonly jitter?: number;
  /** Bytes per millisecond, in each direction. Default `Infinity`. */
  readonly bandwidth?: number;
}

/** Finite bandwidth is shared out in pieces of this many bytes. */
const SEGMENT = 16 * 1024;

/** Before a segment that must not come together with the one before, whoever is there gets so many chances to take a turn. */
export const HOPS = 6;

/** A segment that is there, and has not been told of. */
interface Arrived {
  readonly arrive: () => void;
  /** Chances to take a turn that are due first. */
  hops: number;
}

/** One way of one connection. */
export class Way {
  readonly #agenda: Agenda;
  readonly #choices: Choices;
  readonly #options: LinkOptions;
  /** What is sent while the link is down, and what is sent behind that. */
  readonly #held: (() => void)[] = [];
  /** In the order in which they were sent. */
  readonly #arrived: Arrived[] = [];
  #hopping = false;
  #apart = false;
  #down = false;
  /** When the last byte of what has been sent has left. */
  #freeAt = 0;
  /** When the last segment arrives: none may overtake it. */
  #lastArrival = 0;
  #underWay = 0;

  constructor(agenda: Agenda, choices: Choices, options: LinkOptions) {
    this.#agenda = agenda;
    this.#choices = choices;
    this.#options = options;
  }

  /** How many bytes may go in one segment. */
  get segment(): number {
    return this.#options.bandwidth === undefined || this.#options.bandwidth === Infinity ? Infinity : SEGMENT;
  }

  /** What is sent next does not come together with what was sent before. */
  separate(): void {
    this.#apart = true;
  }

  /** Sends a segment of that many bytes; `arrive` is called when it is there. */
  send(bytes: number, arrive: () => void): void {
    const segment = { arrive, hops: this.#apart ? HOPS : 0 };
    this.#apart = false;
    if (this.#down || this.#held.length > 0) this.#held.push(() => this.#depart(bytes, segment));
    else this.#depart(bytes, segment);
  }

  #depart(bytes: number, segment: Arrived): void {
    const { latency = 0, jitter = 0, bandwidth = Infinity } = this.#options;
    const now = this.#agenda.now;
    const late = jitter > 0 ? this.#choices.below(Math.floor(jitter) + 1) : 0;
    this.#freeAt = Math.max(this.#freeAt, now) + bytes / bandwidth;
    const arrival = Math.max(this.#freeAt + latency + late, this.#lastArrival);
    if (arrival <= now && this.#underWay === 0 && segment.hops === 0) {
      segment.arrive();
      return;
    }
    this.#lastArrival = arrival;
    this.#underWay += 1;
    this.#agenda.at(arrival, () => {
      this.#arrived.push(segment);
      this.#deliver();
    });
  }

  #deliver(): void {
    while (!this.#down && !this.#hopping) {
      const [first] = this.#arrived;
      if (first === undefined) return;
      if (first.hops > 0) {
        first.hops -= 1;
        this.#hopping = true;
        this.#agenda.after(0, () => {
          this.#hopping = false;
          this.#deliver();
        });
        return;
      }
      this.#arrived.shift();
      this.#underWay -= 1;
      first.arrive();
    }
  }

  down(): void {
    this.#down = true;
  }

  /** What was under way arrives now, and what was kept back is sent: in this order, and before what that brings about. */
  up(): void {
    if (!this.#down) return;
    this.#down = false;
    this.#deliver();
    while (!this.#down) {
      const depart = this.#held.shift();
      if (depart === undefined) return;
      depart();
    }
  }

  get isDown(): boolean {
    return this.#down;
  }
}
