// Turns for a poller that is called by Node: one callback of Node's is one turn.
//
// What makes it more than two calls: turns never nest, whatever Node or the code above does inside one; a throw loses
// nothing but its own call; no turn runs in the async context of whoever caused it; and what the turn wrote is given to
// Node when the turn is over, even if the process exits in the middle of it.

import { guarded } from './guarded.js';
import type { TurnEvents } from './poller.js';
import { inRootContext } from './root-context.js';

/** Something whose output waits for the end of the turn. */
export interface Gathered {
  send(): void;
}

export class Turns {
  #events: TurnEvents = { turnBegin: nothing, turnEnd: nothing };
  #running = false;
  #later: (() => void)[] = [];
  #wanted = false;
  #immediate = false;
  #gathering = false;
  #gathered: Gathered[] = [];

  attach(events: TurnEvents): void {
    this.#events = events;
    if (!process.listeners('exit').includes(sendAtExit)) process.on('exit', sendAtExit);
  }

  /** Runs a turn for one event; from inside a turn, puts the event into the next one. */
  turn(event: () => void = nothing): void {
    if (this.#running) return this.later(event);
    inRootContext(() => this.#run(event));
  }

  /** Puts an event into the next turn, which comes before the event loop blocks. */
  later(event: () => void): void {
    this.#later.push(event);
    this.schedule();
  }

  schedule(): void {
    this.#wanted = true;
    if (this.#immediate) return;
    this.#immediate = true;
    setImmediate(() => {
      this.#immediate = false;
      // Some other turn may have come first and done what this one was wanted for.
      if (this.#wanted) this.turn();
    });
  }

  /** Whether the stream's writes are to wait for the end of the turn. */
  gather(stream: Gathered): boolean {
    if (this.#gathering) this.#gathered.push(stream);
    return this.#gathering;
  }

  /** Gives Node what was gathered, and gathers no more. */
  readonly #send = (): void => {
    this.#gathering = false;
    if (this.#gathered.length === 0) return;
    const streams = this.#gathered;
    this.#gathered = [];
    for (const stream of streams) stream.send();
  };

  #run(event: () => void): void {
    this.#running = this.#gathering = true;
    this.#wanted = false;
    sendCurrent = this.#send;
    guarded(() => this.#events.turnBegin());
    if (this.#later.length > 0) {
      const earlier = this.#later;
      this.#later = [];
      for (const job of earlier) guarded(job);
    }
    guarded(event);
    guarded(() => this.#events.turnEnd());
    this.#send();
    sendCurrent = nothing;
    this.#running = false;
  }
}

function nothing(): void {}

/** Of the turn that is under way; a thread has one at most, whatever the number of pollers. */
let sendCurrent: () => void = nothing;

/** `process.exit()` inside a turn: what was written goes to the kernel, as with node:net itself. */
function sendAtExit(): void {
  sendCurrent();
}
