// The append-only file: every request that changed the data, in RESP, as in `appendonly yes` of Redis.
//
// It is written before the reply leaves, so that what a client was told survives the death of the process; once a second
// it is brought to the disk, so that a power cut costs a second. A record that was cut short is removed at the next
// start. Nobody rewrites the file: it grows.

import fs from 'node:fs';
import type { Journal } from './client.js';
import { ProtocolError, type Request, RequestParser } from './resp.js';
import { RespWriter } from './resp-writer.js';

const CHUNK = 1024 * 1024;
const SECOND = 1000;
const NOTHING = Buffer.alloc(0);

/** A torn last record and a readable file before it, or an error. */
export interface Replayed {
  readonly requests: number;
  /** Where the last complete request ends. */
  readonly length: number;
  /** What follows it: the beginning of a request, cut short. */
  readonly torn: number;
}

/**
 * Applies all requests in a file's bytes.
 * @throws when they are not what was written here
 */
export function replay(chunks: Iterable<Buffer>, apply: (request: Request) => void): Replayed {
  const parser = new RequestParser();
  let requests = 0;
  let read = 0;
  for (const chunk of chunks) {
    parser.feed(chunk);
    read += chunk.length;
    for (let request = next(); request !== undefined; request = next()) {
      if (request.inline) throw damaged('a line instead of a request');
      apply(request);
      requests++;
    }
  }
  if (!parser.unfinishedArray) throw damaged('a line instead of a request');
  return { requests, length: read - parser.unfinished, torn: parser.unfinished };

  function next(): Request | undefined {
    try {
      return parser.next();
    } catch (error) {
      throw error instanceof ProtocolError ? damaged(error.message) : error;
    }
  }

  function damaged(what: string): Error {
    return new Error(`bad format (${what}) after request ${requests}`);
  }
}

/** Where an {@link AppendOnlyFile} writes; a spec can give it a disk that is full. */
export interface Disk {
  write(fd: number, bytes: Buffer): number;
  sync(fd: number, done: (error: Error | null) => void): void;
}

const disk: Disk = {
  write: (fd, bytes) => fs.writeSync(fd, bytes),
  sync: (fd, done) => fs.fdatasync(fd, done),
};

export class AppendOnlyFile implements Journal {
  problem: string | undefined;
  readonly #path: string;
  readonly #disk: Disk;
  readonly #fd: number;
  readonly #timer: NodeJS.Timeout;
  readonly #records = new RespWriter();
  #unwritten: Buffer = NOTHING;
  #unsynced = false;
  #closed = false;

  /** Opens the file or makes a new one. */
  constructor(path: string, use = disk) {
    this.#path = path;
    this.#disk = use;
    // O_NONBLOCK: to open a pipe must not mean to wait for its other end.
    const { O_RDWR, O_CREAT, O_APPEND, O_NONBLOCK } = fs.constants;
    this.#fd = fs.openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK, 0o644);
    if (!fs.fstatSync(this.#fd).isFile()) {
      fs.closeSync(this.#fd);
      throw new Error('not a regular file');
    }
    this.#timer = setInterval(() => this.#everySecond(), SECOND).unref();
  }

  /** Applies what the file holds, and cuts off a torn last record. */
  replay(apply: (request: Request) => void): Replayed {
    const replayed = replay(this.#chunks(), apply);
    if (replayed.torn > 0) fs.ftruncateSync(this.#fd, replayed.length);
    return replayed;
  }

  *#chunks(): Generator<Buffer> {
    for (let position = 0; ;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const length = fs.readSync(this.#fd, chunk, 0, CHUNK, position);
      if (length === 0) return;
      position += length;
      yield chunk.subarray(0, length);
    }
  }

  append(request: Request): void {
    this.#records.array(request.count);
    for (let at = 0; at < request.count; at++) {
      this.#records.slice(request.block, request.start(at), request.end(at));
    }
  }

  /** Writes what was appended. When that fails, it is kept and tried again every second, and `problem` says why. */
  flush(): void {
    if (this.#unwritten.length > 0) return; // still the turn of what is older
    if (this.#records.length > 0) this.#write(this.#records.take());
  }

  #write(bytes: Buffer): void {
    let rest = bytes;
    this.#unsynced = true;
    try {
      while (rest.length > 0) rest = rest.subarray(this.#disk.write(this.#fd, rest));
      this.problem = undefined;
    } catch (error) {
      this.#complain(error);
    }
    this.#unwritten = rest;
  }

  #everySecond(): void {
    if (this.#unwritten.length > 0) this.#write(this.#unwritten);
    this.flush();
    if (this.#unsynced) this.#sync();
  }

  #sync(): void {
    this.#unsynced = false;
    this.#disk.sync(this.#fd, (error) => {
      if (this.#closed) return;
      if (error === null) {
        if (this.#unwritten.length === 0) this.problem = undefined;
      } else {
        this.#unsynced = true;
        this.#complain(error);
      }
    });
  }

  #complain(error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (problem !== this.problem) console.error(`append-only file ${this.#path}: ${problem}`);
    this.problem = problem;
  }

  /**
   * Writes the rest, and brings all to the disk.
   * @throws when that cannot be done
   */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    if (this.#unwritten.length > 0) this.#write(this.#unwritten);
    this.flush();
    fs.fdatasyncSync(this.#fd);
    fs.closeSync(this.#fd);
    if (this.problem !== undefined) throw new Error(`${this.#path} is incomplete: ${this.problem}`);
  }
}
