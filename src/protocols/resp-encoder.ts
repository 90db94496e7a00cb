// RESP from values to bytes.

import { describe, invalidArgument } from '../errors.js';
import { known } from '../options.js';
import { doubleText, isInt64 } from './resp-scalars.js';
import {
  RespAttribute,
  RespBigNumber,
  RespDouble,
  RespError,
  RespPush,
  RespSimple,
  RespVerbatim,
} from './resp-value.js';
import type { RespValue } from './resp-value.js';

/** What can be written: strings, which are UTF-8, and bytes are bulk strings. */
export type RespEncodable = RespValue<Uint8Array | string>;

/** Options of {@link encodeResp}. */
export interface EncodeRespOptions {
  /** What the peer understands: 2 (default), or 3 after it has said `HELLO 3`. */
  readonly version?: 2 | 3;
}

/**
 * A value as it goes out. In version 3 decoding gives back the same value, and encoding what was decoded the same bytes,
 * save that the three nulls are one, and numbers lose leading zeros and plus signs. Version 2 has fewer types: booleans
 * become 1 and 0, doubles, big numbers and verbatim strings bulk strings, sets and pushes arrays, maps arrays of keys and
 * values in turn, and attributes are left away. Requests are arrays of bulk strings and alike in both.
 *
 * A `number` that is no safe integer is written as a double, a `bigint` of more than 64 bits as a big number.
 *
 * @throws TypeError for what is no value, for a simple string or a simple error with a line break in it, and for a bad
 *   option.
 * @example
 * ```ts
 * connection.write(encodeResp(['SET', 'key', 'value']));
 * connection.write(encodeResp(new Map([['proto', 3]]), { version: 3 }));
 * ```
 */
export function encodeResp(value: RespEncodable, options?: EncodeRespOptions): Buffer {
  const { version = 2 } = known<EncodeRespOptions>(options, { version: true });
  if (version !== 2 && version !== 3) {
    throw invalidArgument(`option version must be 2 or 3, not ${describe(version)}`);
  }
  const writer = new Writer(version);
  writer.value(value);
  return writer.bytes();
}

class Writer {
  readonly #version: 2 | 3;
  readonly #parts: (Uint8Array | string)[] = [];
  /** Of the parts, in bytes. */
  #length = 0;
  /** What follows the parts. */
  #text = '';

  constructor(version: 2 | 3) {
    this.#version = version;
  }

  bytes(): Buffer {
    if (this.#parts.length === 0) return Buffer.from(this.#text);
    this.#endText();
    const bytes = Buffer.allocUnsafe(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      if (typeof part === 'string') {
        at += bytes.write(part, at);
      } else {
        bytes.set(part, at);
        at += part.length;
      }
    }
    return bytes;
  }

  #endText(): void {
    this.#parts.push(this.#text);
    this.#length += Buffer.byteLength(this.#text);
    this.#text = '';
  }

  value(value: RespEncodable): void {
    switch (typeof value) {
      case 'string':
        this.#string('$', value);
        return;
      case 'number':
        this.#number(value);
        return;
      case 'bigint':
        if (isInt64(value)) this.#text += `:${value}\r\n`;
        else this.#bigNumber(value);
        return;
      case 'boolean':
        this.#text += this.#version === 3 ? `#${value ? 't' : 'f'}\r\n` : `:${Number(value)}\r\n`;
        return;
      default:
        this.#object(value);
    }
  }

  #object(value: Exclude<RespEncodable, string | number | bigint | boolean>): void {
    if (value === null) this.#text += this.#version === 3 ? '_\r\n' : '$-1\r\n';
    else if (value instanceof Uint8Array) this.#raw(value);
    else if (value instanceof RespSimple) this.#line('+', value.text);
    else if (value instanceof RespError) this.#error(value);
    else if (value instanceof RespDouble) this.#double(value.value);
    else if (value instanceof RespBigNumber) this.#bigNumber(value.value);
    else if (value instanceof RespVerbatim) this.#verbatim(value);
    else if (value instanceof RespAttribute) this.#attribute(value);
    else if (value instanceof RespPush) this.#list('>', value.values.length, value.values);
    else if (value instanceof Set) this.#list('~', value.size, value);
    else if (value instanceof Map) this.#map('%', value);
    else if (Array.isArray(value)) this.#list('*', value.length, value);
    else {
      throw invalidArgument(`encodeResp: not a RESP value: ${describe(value)}`, 'ERR_INVALID_ARG_TYPE');
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#text += `:${value}\r\n`;
    else this.#double(value);
  }

  #double(value: number): void {
    if (this.#version === 3) this.#text += `,${doubleText(value)}\r\n`;
    else this.#string('$', doubleText(value));
  }

  #bigNumber(value: bigint): void {
    if (this.#version === 3) this.#text += `(${value}\r\n`;
    else this.#string('$', String(value));
  }

  #string(sign: string, text: string): void {
    this.#text += `${sign}${Buffer.byteLength(text)}\r\n${text}\r\n`;
  }

  #raw(bytes: Uint8Array): void {
    this.#text += `$${bytes.length}\r\n`;
    this.#endText();
    this.#parts.push(bytes);
    this.#length += bytes.length;
    this.#text = '\r\n';
  }

  #line(sign: string, text: string): void {
    if (/[\r\n]/.test(text)) {
      throw invalidArgument(`encodeResp: a line break in ${describe(text)}; a bulk string may have one`);
    }
    this.#text += `${sign}${text}\r\n`;
  }

  #error({ text, blob }: RespError): void {
    if (!blob) this.#line('-', text);
    else if (this.#version === 3) this.#string('!', text);
    else this.#line('-', text.replace(/[\r\n]+/g, ' '));
  }

  #verbatim({ format, text }: RespVerbatim): void {
    if (!/^[\x20-\x7e]{3}$/.test(format)) {
      throw invalidArgument(`encodeResp: a format has three characters of ASCII, not ${describe(format)}`);
    }
    if (this.#version === 3) this.#string('=', `${format}:${text}`);
    else this.#string('$', text);
  }

  #attribute({ attributes, value }: RespAttribute<Uint8Array | string>): void {
    if (this.#version === 3) this.#map('|', attributes);
    this.value(value);
  }

  #list(sign: string, length: number, values: Iterable<RespEncodable>): void {
    this.#text += `${this.#version === 3 ? sign : '*'}${length}\r\n`;
    for (const value of values) this.value(value);
  }

  #map(sign: string, entries: ReadonlyMap<RespEncodable, RespEncodable>): void {
    this.#text += this.#version === 3 ? `${sign}${entries.size}\r\n` : `*${2 * entries.size}\r\n`;
    for (const [key, value] of entries) {
      this.value(key);
      this.value(value);
    }
  }
}
