// Deadlines on a poller's clock: a hierarchical timing wheel (Varghese and Lauck, 1987). Setting, moving and clearing a
// deadline take the same small time however many there are, and no memory; one alarm of the poller serves them all, so
// virtual time moves them together.
//
// Level 0 has a slot for each of the next 64 ms, level 1 for each of the next 64 times 64 ms, and so on. When the time of
// a slot of a higher level has come, its timers are spread over the levels below it.

/** A deadline that can be set, moved and cleared again and again. */
export class Timer {
  /** When it was last set for. */
  at: number = Infinity;
  readonly run: () => void;
  /** Where it is in the wheel: of the wheel alone. */
  slot: number = NOWHERE;
  previous: Timer | undefined;
  next: Timer | undefined;
  order: number = 0;

  constructor(run: () => void) {
    this.run = run;
  }

  /** Set, and neither passed nor cleared. */
  get isSet(): boolean {
    return this.slot !== NOWHERE;
  }
}

const NOWHERE = -1;
const DUE = -2;

const SLOTS = 64;
const LEVELS = 5;
/** Milliseconds of one slot, by level: 1 ms, 64 ms, 4 s, 4.4 min, 4.7 h. Later than 12 days is looked at again then. */
const WIDTHS: readonly number[] = Array.from({ length: LEVELS }, (_, level) => SLOTS ** level);
const SPAN = SLOTS ** LEVELS;

/** Deadlines in the order of their times; those of the same time in the order in which they were set. */
export class TimingWheel {
  readonly #slots: (Timer | undefined)[] = Array.from<Timer | undefined>({ length: LEVELS * SLOTS });
  /** The whole millisecond that has been reached: no timer in the wheel is of an earlier one. */
  #tick: number;
  #size = 0;
  #order = 0;
  /** Not later than the earliest deadline; undefined when it must be found again. */
  #next: number | undefined = Infinity;
  /** Taken out of the wheel, in order, and not yet handed out. */
  #due: Timer[] = [];

  constructor(now: number) {
    this.#tick = Math.floor(now);
  }

  /**
   * When `takeDue` is to be called: not later than the earliest deadline, `Infinity` when there is none. It may be
   * earlier, when deadlines have been cleared, and for those that are more than 64 ms away.
   */
  get next(): number {
    if (this.#size === 0) return Infinity;
    return (this.#next ??= this.#findNext());
  }

  /** Sets a deadline, or moves it. A time in the past is due at once. */
  set(timer: Timer, at: number): void {
    if (timer.slot !== NOWHERE) this.clear(timer);
    timer.at = at;
    timer.order = ++this.#order;
    this.#size += 1;
    if (this.#due.length > 0 && at <= (this.#due.at(-1) as Timer).at) {
      this.#insertDue(timer);
      return;
    }
    this.#insert(timer);
    if (this.#next !== undefined && at < this.#next) this.#next = at;
  }

  /** Does nothing when the deadline has passed or was cleared before. */
  clear(timer: Timer): void {
    if (timer.slot === NOWHERE) return;
    this.#size -= 1;
    if (timer.slot === DUE) {
      this.#due.splice(this.#due.indexOf(timer), 1);
    } else {
      this.#unlink(timer);
      if (timer.at === this.#next) this.#next = undefined;
    }
    timer.slot = NOWHERE;
  }

  /** Takes the earliest deadline that has passed. */
  takeDue(now: number): Timer | undefined {
    if (this.#due.length === 0 && (this.next > now || !this.#collect(now))) return undefined;
    const timer = this.#due.shift() as Timer;
    timer.slot = NOWHERE;
    this.#size -= 1;
    return timer;
  }

  #insert(timer: Timer): void {
    const tick = Math.min(Math.max(Math.floor(timer.at), this.#tick), this.#tick + SPAN - 1);
    const distance = tick - this.#tick;
    let level = 0;
    while (distance >= SLOTS * (WIDTHS[level] as number)) level += 1;
    const slot = level * SLOTS + (Math.floor(tick / (WIDTHS[level] as number)) % SLOTS);
    const first = this.#slots[slot];
    timer.slot = slot;
    timer.next = first;
    if (first !== undefined) first.previous = timer;
    this.#slots[slot] = timer;
  }

  #unlink(timer: Timer): void {
    const { previous, next } = timer;
    if (previous === undefined) this.#slots[timer.slot] = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    timer.previous = timer.next = undefined;
  }

  /** Empties a slot. */
  #takeAll(slot: number): Timer | undefined {
    const first = this.#slots[slot];
    this.#slots[slot] = undefined;
    return first;
  }

  /** The first slot of a level that is not empty, as its time; timers of the present slot of level 0 count. */
  #firstTime(level: number): number {
    const width = WIDTHS[level] as number;
    const present = Math.floor(this.#tick / width);
    // Above level 0, the timers of the present slot are those of one whole round later.
    const from = level === 0 ? 0 : 1;
    for (let i = from; i < SLOTS + from; i++) {
      if (this.#slots[level * SLOTS + ((present + i) % SLOTS)] !== undefined) return (present + i) * width;
    }
    return Infinity;
  }

  #findNext(): number {
    let next = this.#firstTime(0);
    if (next !== Infinity) {
      let at = Infinity;
      for (let timer = this.#slots[next % SLOTS]; timer !== undefined; timer = timer.next) {
        at = Math.min(at, timer.at);
      }
      next = at;
    }
    for (let level = 1; level < LEVELS; level++) next = Math.min(next, this.#firstTime(level));
    return next;
  }

  /** Moves on to `now`; whether anything is due. */
  #collect(now: number): boolean {
    this.#next = undefined;
    const until = Math.floor(now);
    for (;;) {
      let time = Infinity;
      for (let level = 0; level < LEVELS; level++) time = Math.min(time, this.#firstTime(level));
      if (time > until) break;
      this.#tick = time;
      // From the top, since what a slot holds may belong into the present slot of the next level.
      for (let level = LEVELS - 1; level > 0; level--) this.#spread(level, time);
      this.#takeSlot(now);
      if (this.#slots[time % SLOTS] !== undefined) break; // later in this very millisecond
    }
    this.#tick = Math.max(this.#tick, until);
    this.#due.sort((a, b) => a.at - b.at || a.order - b.order);
    return this.#due.length > 0;
  }

  #spread(level: number, time: number): void {
    const width = WIDTHS[level] as number;
    if (time % width !== 0) return;
    let timer = this.#takeAll(level * SLOTS + (Math.floor(time / width) % SLOTS));
    while (timer !== undefined) {
      const { next } = timer;
      timer.previous = timer.next = undefined;
      this.#insert(timer);
      timer = next;
    }
  }

  /** What is due of the present millisecond. */
  #takeSlot(now: number): void {
    let timer = this.#slots[this.#tick % SLOTS];
    while (timer !== undefined) {
      const { next } = timer;
      if (timer.at <= now) {
        this.#unlink(timer);
        timer.slot = DUE;
        this.#due.push(timer);
      }
      timer = next;
    }
  }

  #insertDue(timer: Timer): void {
    let index = this.#due.length;
    while (index > 0 && (this.#due[index - 1] as Timer).at > timer.at) index -= 1;
    timer.slot = DUE;
    this.#due.splice(index, 0, timer);
  }
}
