// What RESP values are in JavaScript. Each type of the wire has one form of its own, so that a value says by itself how it
// is written: what is natural where that is unambiguous, a small class where it is not.

/**
 * A value of RESP2 or RESP3. `Bulk` is what strings of bytes are: Buffers, or strings where {@link RespOptions.strings} says so.
 *
 * | on the wire | in JavaScript |
 * |---|---|
 * | bulk string `$` | `Bulk` |
 * | simple string `+` | {@link RespSimple} |
 * | error `-`, blob error `!` | {@link RespError} |
 * | integer `:` | `number`; `bigint` beyond ±(2^53 - 1) |
 * | double `,` | {@link RespDouble} |
 * | big number `(` | {@link RespBigNumber} |
 * | verbatim string `=` | {@link RespVerbatim} |
 * | null `_`, null bulk `$-1`, null array `*-1` | `null` |
 * | boolean `#` | `boolean` |
 * | array `*`, set `~`, map `%` | `Array`, `Set`, `Map`; keys that are Buffers are apart even when they are equal |
 * | push `>` | {@link RespPush} |
 * | attribute `\|` with the value behind it | {@link RespAttribute} |
 */
export type RespValue<Bulk extends Uint8Array | string = Buffer> =
  | Bulk
  | number
  | bigint
  | boolean
  | null
  | RespSimple
  | RespError
  | RespDouble
  | RespBigNumber
  | RespVerbatim
  | RespPush<Bulk>
  | RespAttribute<Bulk>
  | readonly RespValue<Bulk>[]
  | ReadonlySet<RespValue<Bulk>>
  | ReadonlyMap<RespValue<Bulk>, RespValue<Bulk>>;

/** One line without CR and LF: `OK`. */
export class RespSimple {
  /** Without CR or LF. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The text. */
  toString(): string {
    return this.text;
  }
}

/** An error as a value: it is the peer's, and no failure of the stream. */
export class RespError {
  /** Begins with a code: `ERR no such thing`. */
  readonly text: string;
  /** A blob error, which may have several lines. */
  readonly blob: boolean;

  constructor(text: string, blob = false) {
    this.text = text;
    this.blob = blob;
  }

  /** The first word. */
  get code(): string {
    return /^\S*/.exec(this.text)?.[0] ?? '';
  }

  /** The text. */
  toString(): string {
    return this.text;
  }
}

/** A double: `1` as a double is not the integer `1`. */
export class RespDouble {
  /** May be infinite or NaN. */
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  /** The number, so that it can be calculated with. */
  valueOf(): number {
    return this.value;
  }
}

/** An integer of any length. */
export class RespBigNumber {
  /** Of 4096 digits at most where it was decoded. */
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }

  /** The number, so that it can be calculated with. */
  valueOf(): bigint {
    return this.value;
  }
}

/** Text for people, with its format in three characters: `txt`, `mkd`. */
export class RespVerbatim {
  /** Three characters of ASCII. */
  readonly format: string;
  /** Without the format. */
  readonly text: string;

  constructor(format: string, text: string) {
    this.format = format;
    this.text = text;
  }

  /** The text. */
  toString(): string {
    return this.text;
  }
}

/** What the server says without having been asked. */
export class RespPush<Bulk extends Uint8Array | string = Buffer> {
  /** The first is its kind: `message`, `invalidate`. */
  readonly values: readonly RespValue<Bulk>[];

  constructor(values: readonly RespValue<Bulk>[]) {
    this.values = values;
  }
}

/** A value with more about it. */
export class RespAttribute<Bulk extends Uint8Array | string = Buffer> {
  /** What is said about the value. */
  readonly attributes: ReadonlyMap<RespValue<Bulk>, RespValue<Bulk>>;
  /** The value itself. */
  readonly value: RespValue<Bulk>;

  constructor(attributes: ReadonlyMap<RespValue<Bulk>, RespValue<Bulk>>, value: RespValue<Bulk>) {
    this.attributes = attributes;
    this.value = value;
  }
}
