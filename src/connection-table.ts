// Open connections of a server, in the order of their ids.
//
// Ids only grow, so the table is a list, and a connection is found by halving it: 36 bytes less for each than in a Map (the heap of
// `npm run bench -- --scenario idle`). Who has gone leaves his id behind, until there are as many of those as of the others.

/** What a table holds. */
interface Identified {
  readonly id: number;
}

/** Fewer gone ones than this are left where they are. */
const FEW = 16;

export class ConnectionTable<C extends Identified> implements Iterable<C> {
  /** A number is the id of one who has gone. */
  #entries: (C | number)[] = [];
  #size = 0;
  /** How often entries have changed their places. */
  #moves = 0;

  get size(): number {
    return this.#size;
  }

  add(connection: C): void {
    this.#size += 1;
    const last = this.#entries.at(-1);
    if (last === undefined || idOf(last) < connection.id) {
      this.#entries.push(connection);
    } else {
      // He has waited to be let in while others were.
      this.#entries.splice(this.#placeOf(connection.id), 0, connection);
      this.#moves += 1;
    }
  }

  get(id: number): C | undefined {
    const entry = this.#entries[this.#placeOf(id)];
    return typeof entry === 'object' && entry.id === id ? entry : undefined;
  }

  /** Whether it was there. */
  delete(id: number): boolean {
    const place = this.#placeOf(id);
    const entry = this.#entries[place];
    if (typeof entry !== 'object' || entry.id !== id) return false;
    this.#entries[place] = id;
    this.#size -= 1;
    if (this.#entries.length - this.#size > Math.max(this.#size, FEW)) this.#close();
    return true;
  }

  /** Visits those that are added behind the last one meanwhile, and none that has gone meanwhile. */
  *[Symbol.iterator](): Generator<C> {
    let visited = 0;
    let moves = this.#moves;
    for (let place = 0; place < this.#entries.length; place++) {
      const entry = this.#entries[place] as C | number;
      visited = idOf(entry);
      if (typeof entry === 'number') continue;
      yield entry;
      if (moves === this.#moves) continue;
      moves = this.#moves;
      place = this.#placeOf(visited + 1) - 1;
    }
  }

  /** Where the first entry is whose id is not below; behind the last one if there is none. */
  #placeOf(id: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (idOf(this.#entries[middle] as C | number) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #close(): void {
    this.#entries = this.#entries.filter((entry) => typeof entry === 'object');
    this.#moves += 1;
  }
}

function idOf(entry: Identified | number): number {
  return typeof entry === 'number' ? entry : entry.id;
}

/** Who has been accepted and is in no table yet, since there is nothing to tell of him. */
export interface Unannounced {
  readonly unannounced: number;
  announceAll(): void;
}

/** A server's connections as users see them, who need not know that some are made only when somebody looks. */
export class Connections<C extends Identified> implements ReadonlyMap<number, C> {
  readonly #table: ConnectionTable<C>;
  readonly #others: Unannounced;

  constructor(table: ConnectionTable<C>, others: Unannounced) {
    this.#table = table;
    this.#others = others;
  }

  get size(): number {
    return this.#table.size + this.#others.unannounced;
  }

  get(id: number): C | undefined {
    return this.#table.get(id) ?? this.#all().get(id);
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  forEach(callback: (connection: C, id: number, map: ReadonlyMap<number, C>) => void, self?: unknown): void {
    for (const connection of this.#all()) callback.call(self, connection, connection.id, this);
  }

  *keys(): MapIterator<number> {
    for (const { id } of this.#all()) yield id;
  }

  values(): MapIterator<C> {
    return this.#all()[Symbol.iterator]() as MapIterator<C>;
  }

  *entries(): MapIterator<[number, C]> {
    for (const connection of this.#all()) yield [connection.id, connection];
  }

  [Symbol.iterator](): MapIterator<[number, C]> {
    return this.entries();
  }

  #all(): ConnectionTable<C> {
    this.#others.announceAll();
    return this.#table;
  }
}
