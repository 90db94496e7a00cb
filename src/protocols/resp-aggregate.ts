// A RESP value made of others, while they arrive.

import { ATTRIBUTE, MAP, PUSH, SET } from './resp-signs.js';
import { RespAttribute, RespPush } from './resp-value.js';
import type { RespValue } from './resp-value.js';

type Value = RespValue<Buffer | string>;

export class Aggregate {
  readonly #sign: number;
  readonly #values: Value[] = [];
  #missing: number;

  /** @param count - as announced: of pairs for maps and attributes */
  constructor(sign: number, count: number) {
    this.#sign = sign;
    this.#missing = partsOf(sign, count);
    // The value that attributes are about.
    if (sign === ATTRIBUTE) this.#missing += 1;
  }

  get whole(): boolean {
    return this.#missing === 0;
  }

  add(value: Value): void {
    this.#values.push(value);
    this.#missing -= 1;
  }

  value(): Value {
    const values = this.#values;
    switch (this.#sign) {
      case MAP:
        return pairs(values);
      case SET:
        return new Set(values);
      case PUSH:
        return new RespPush(values);
      case ATTRIBUTE: {
        const about = values.pop() ?? null;
        return new RespAttribute(pairs(values), about);
      }
      default:
        return values;
    }
  }
}

/** How many values it announces. */
export function partsOf(sign: number, count: number): number {
  return sign === MAP || sign === ATTRIBUTE ? 2 * count : count;
}

function pairs(values: readonly Value[]): Map<Value, Value> {
  const map = new Map<Value, Value>();
  for (let i = 0; i + 1 < values.length; i += 2) map.set(values[i] ?? null, values[i + 1] ?? null);
  return map;
}
