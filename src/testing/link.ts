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

/** One way of one connection. */
export class Way {
  readonly #agenda: Agenda;
  readonly #choices: Choices;
  readonly #options: LinkOptions;
  /** Segments that a link which is down keeps back. */
  readonly #held: (() => void)[] = [];
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

  /** Sends a segment of that many bytes; `arrive` is called when it is there. */
  send(bytes: number, arrive: () => void): void {
    if (this.#down) {
      this.#held.push(() => this.send(bytes, arrive));
      return;
    }
    const { latency = 0, jitter = 0, bandwidth = Infinity } = this.#options;
    const now = this.#agenda.now;
    const late = jitter > 0 ? this.#choices.below(Math.floor(jitter) + 1) : 0;
    this.#freeAt = Math.max(this.#freeAt, now) + bytes / bandwidth;
    const arrival = Math.max(this.#freeAt + latency + late, this.#lastArrival);
    if (arrival <= now && this.#underWay === 0) {
      arrive();
      return;
    }
    this.#lastArrival = arrival;
    this.#underWay += 1;
    this.#agenda.at(arrival, () => {
      this.#underWay -= 1;
      if (this.#down) this.#held.push(arrive);
      else arrive();
    });
  }

  down(): void {
    this.#down = true;
  }

  /** What was kept back is sent now. */
  up(): void {
    if (!this.#down) return;
    this.#down = false;
    for (const segment of this.#held.splice(0)) segment();
  }

  get isDown(): boolean {
    return this.#down;
  }
}
