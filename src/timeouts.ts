// The time-outs of one connection. Activity is a number written down; the one timer is moved when it rings, or when a
// deadline comes nearer, and not whenever something happens.

import type { Engine } from './engine.js';
import type { EvioErrorCode } from './errors.js';
import type { TimeoutLimits } from './options.js';
import { Timer } from './timing-wheel.js';

/** What a time-out does when it is up. */
export interface TimedOut {
  timedOut(code: EvioErrorCode, text: string): void;
}

const NEVER = Infinity;

export class Timeouts {
  readonly #engine: Engine;
  readonly #limits: TimeoutLimits;
  readonly #owner: TimedOut;
  readonly #timer: Timer;
  readonly #began: number;
  /** When a byte has last moved in either direction. */
  #moved: number;
  /** Since when the connection is read and nothing has come. */
  #waitsSince = NEVER;
  /** Since when the kernel has taken nothing of what is queued. */
  #stalledSince = NEVER;
  #established = false;
  #anyByte = false;

  constructor(engine: Engine, limits: TimeoutLimits, owner: TimedOut) {
    this.#engine = engine;
    this.#limits = limits;
    this.#owner = owner;
    this.#timer = new Timer(() => this.#ring());
    this.#began = this.#moved = engine.time;
    if (limits.idle > 0) this.#arm(this.#began + limits.idle);
    if (limits.handshake > 0) this.#arm(this.#began + limits.handshake);
  }

  /** Reading was turned on or off. */
  reading(on: boolean): void {
    this.#waitsSince = on ? this.#engine.time : NEVER;
    const limit = this.#readLimit;
    if (on && limit > 0) this.#arm(this.#waitsSince + limit);
  }

  /** Bytes have come. */
  received(): void {
    const now = this.#engine.time;
    this.#moved = now;
    if (this.#waitsSince !== NEVER) this.#waitsSince = now;
    if (this.#anyByte) return;
    this.#anyByte = true;
    // From now on another limit holds, which may be the shorter one.
    if (this.#limits.read > 0 && this.#waitsSince !== NEVER) this.#arm(now + this.#limits.read);
  }

  /** There is something queued where there was nothing. */
  queued(): void {
    this.#stalledSince = this.#engine.time;
    if (this.#limits.write > 0) this.#arm(this.#stalledSince + this.#limits.write);
  }

  /** The kernel has taken bytes: all of them, or some. */
  taken(all: boolean): void {
    this.#moved = this.#engine.time;
    this.#stalledSince = all ? NEVER : this.#moved;
  }

  /** What was queued is lost: nothing stalls any more. */
  lost(): void {
    this.#stalledSince = NEVER;
  }

  established(): void {
    this.#established = true;
  }

  stop(): void {
    this.#engine.cancel(this.#timer);
  }

  get #readLimit(): number {
    return this.#anyByte ? this.#limits.read : this.#limits.firstByte;
  }

  #arm(at: number): void {
    if (!this.#timer.isSet || at < this.#timer.at) this.#engine.arm(this.#timer, at);
  }

  #ring(): void {
    const now = this.#engine.time;
    const { idle, write, handshake } = this.#limits;
    const read = this.#readLimit;
    let next = NEVER;
    /** Whether that limit is passed; otherwise notes when it will be. */
    const passed = (limit: number, since: number): boolean => {
      if (limit === 0 || since === NEVER) return false;
      if (since + limit <= now) return true;
      next = Math.min(next, since + limit);
      return false;
    };
    if (!this.#established && passed(handshake, this.#began)) {
      const text = `not established within ${handshake} ms (handshakeTimeout)`;
      this.#owner.timedOut('ERR_EVIO_HANDSHAKE_TIMEOUT', text);
    } else if (passed(write, this.#stalledSince)) {
      const text = `the peer took nothing of what is queued for ${write} ms (writeTimeout)`;
      this.#owner.timedOut('ERR_EVIO_WRITE_TIMEOUT', text);
    } else if (passed(read, this.#waitsSince)) {
      const name = this.#anyByte ? 'readTimeout' : 'firstByteTimeout';
      this.#owner.timedOut('ERR_EVIO_READ_TIMEOUT', `the peer sent nothing for ${read} ms (${name})`);
    } else if (passed(idle, this.#moved)) {
      const text = `nothing was sent or received for ${idle} ms (idleTimeout)`;
      this.#owner.timedOut('ERR_EVIO_IDLE_TIMEOUT', text);
    } else if (next !== NEVER) {
      this.#engine.arm(this.#timer, next);
    }
  }
}
