// Writes a lane piece by piece, so that it stands below another column by column wherever the two agree.

import { milliseconds } from './lane-time.js';
import type { Token } from './lane-tokens.js';

/** Longer than that, nothing is written as a time. */
const DASHES = 20;

/** A place of the other lane. */
interface Place {
  readonly token: Token;
  readonly position: number;
}

/** The lane so far. */
export class LaneLayout {
  #text = '';
  /** In ms. */
  #position = 0;
  /** The last piece was a time, which ends with a space. */
  #afterTime = false;
  readonly #like: string;
  readonly #columns = new Map<number, number>();
  readonly #idle: readonly Place[];
  readonly #duration: number;
  #next = 0;

  /**
   * @param tokens - the pieces of the other lane
   * @param like - its text
   */
  constructor(tokens: readonly Token[], like: string) {
    this.#like = like;
    const idle: Place[] = [];
    let position = 0;
    for (const token of tokens) {
      this.#columns.set(position, token.column);
      if (token.kind === 'nothing') idle.push({ token, position });
      position = milliseconds(position + token.frames);
    }
    this.#idle = idle;
    this.#duration = position;
  }

  /** A piece, where the lane is now. */
  put(text: string, frames: number): void {
    this.#align();
    if (this.#afterTime && !this.#text.endsWith(' ')) this.#text += ' ';
    this.#afterTime = false;
    this.#text += text;
    this.#position = milliseconds(this.#position + frames);
  }

  /** Lets time pass, as the other lane does while it does. Goes nowhere when the lane is there, or later, already. */
  moveTo(time: number): void {
    while (this.#position < time) {
      const { now, later } = this.#likeIdle(time);
      if (now === undefined) {
        this.#pass(milliseconds((later ?? time) - this.#position));
      } else {
        this.#idleFor(this.#like.slice(now.column, now.end), now.frames);
      }
    }
  }

  /** The lane, at least as long as the other. */
  finish(): string {
    this.moveTo(this.#duration);
    return this.#text;
  }

  /** The other's idle piece that begins here and fits, or where its next one begins. */
  #likeIdle(time: number): { now?: Token; later?: number } {
    while ((this.#idle[this.#next]?.position ?? Infinity) < this.#position) this.#next += 1;
    const [here, after] = this.#idle.slice(this.#next, this.#next + 2);
    if (here === undefined) return {};
    if (here.position > this.#position) return here.position < time ? { later: here.position } : {};
    if (here.position + here.token.frames <= time) return { now: here.token };
    return after !== undefined && after.position < time ? { later: after.position } : {};
  }

  #pass(frames: number): void {
    if (frames <= DASHES && Number.isInteger(frames)) {
      this.put('-', 1);
      if (frames > 1) this.#pass(frames - 1);
      return;
    }
    const [amount, unit] =
      frames % 60_000 === 0
        ? [frames / 60_000, 'm']
        : frames % 1000 === 0
          ? [frames / 1000, 's']
          : [frames, 'ms'];
    this.#idleFor(`${amount}${unit}`, frames);
  }

  #idleFor(text: string, frames: number): void {
    this.#align();
    if (text === '-') return this.put(text, frames);
    if (this.#text !== '' && !this.#text.endsWith(' ')) this.#text += ' ';
    this.put(text, frames);
    this.#afterTime = true;
  }

  /** Up to the column that the other lane has at this time, if it is not passed. */
  #align(): void {
    const column = this.#columns.get(this.#position) ?? 0;
    this.#text = this.#text.padEnd(column);
  }
}
