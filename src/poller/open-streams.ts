// Open connections keep the process alive, as they do with the native pollers.

/** As rarely as a timer can: it has nothing to do. */
const SELDOM = 2 ** 31 - 1;

/** Node's own socket keeps the process alive only while it is read or written: a timer does it for those that are not. */
class OpenStreams {
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  add(change: 1 | -1): void {
    this.#count += change;
    if (this.#count === 0) clearInterval(this.#timer);
    else if (this.#count === 1 && change === 1) this.#timer = setInterval(() => {}, SELDOM);
  }
}

/** Of this thread. */
export const openStreams: OpenStreams = new OpenStreams();
