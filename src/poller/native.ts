// The native poller: the TypeScript half of native/. It shares one ArrayBuffer with the addon (native/arena.h), so that a
// turn is one call in and one call out, however many connections it concerns.

import path from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { markAsUntransferable } from 'node:worker_threads';

import { systemError } from '../errors.js';
import { throwLater } from './guarded.js';
import { socketAddress } from '../socket-address.js';
import { ADDRESS_BYTES, FAMILIES, readAddress } from './address-record.js';
import { ACCEPTED, ACCEPT_FAILED, BROKEN, CONTROL, DATA, ENDED, FAILED, FLUSHED, STRIDE } from './addon.js';
import type { Addon, NodeLoop } from './addon.js';
import { COMMAND, NativeListener, NativeStream } from './native-sockets.js';
import type { NativeSockets } from './native-sockets.js';
import { lend } from './poller.js';
import type {
  BindAddress,
  BindOptions,
  ListenerEvents,
  Poller,
  PollerListener,
  SocketAddress,
  TurnEvents,
} from './poller.js';

/** Writes longer than this go to the kernel from where they lie instead of through the outbox. */
const LONGEST_COPY = 64 * 1024;
/** Results of a flush may lead to writes, which lead to results: that many times in one turn. */
const FLUSHES_PER_TURN = 16;
/** Below this many bytes a loop is faster than a call of `set`. */
const SHORTEST_SET = 32;

/** Where a backend is at home. */
const SYSTEMS = new Map<string, { readonly title: string; readonly platforms: readonly string[] }>([
  ['epoll', { title: 'Linux', platforms: ['linux', 'android'] }],
  ['kqueue', { title: 'macOS and the BSDs', platforms: ['darwin', 'freebsd', 'openbsd', 'netbsd'] }],
]);

/** A file that holds a native poller, loaded. */
export interface LoadedAddon {
  readonly file: string;
  readonly addon: Addon;
}

/** What became of the files that may hold a native poller. */
interface Addons {
  readonly loaded: readonly LoadedAddon[];
  /** One line for each file that was not loaded, or for the runtime that can load none. */
  readonly failures: readonly string[];
}

/** Why there is no such native poller, one line for each place that was tried. */
export class AddonError extends Error {
  override readonly name = 'AddonError';
}

let addons: Addons | undefined;

/** The process was out of descriptors: another try may succeed. */
function passing(failures: readonly string[]): boolean {
  return failures.some((failure) => failure.includes('Too many open files'));
}

function candidates(): string[] {
  const named = process.env['EVIO_NATIVE'];
  if (named !== undefined && named !== '') return named.split(path.delimiter);
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const prebuild = `${process.platform}-${process.arch}`;
  return ['build/Release/evio.node', `prebuilds/${prebuild}/evio.node`].map((file) => path.join(root, file));
}

/** Loads what EVIO_NATIVE names, or else what was built or shipped for this platform. */
function loadAddons(): Addons {
  if (addons !== undefined && !passing(addons.failures)) return addons;
  const loaded: LoadedAddon[] = [];
  const failures: string[] = [];
  // Both offer Node-API but not the functions of libuv that watch a poller.
  const runtime = ['bun', 'deno'].find((name) => process.versions[name] !== undefined);
  if (runtime !== undefined) failures.push(`${runtime} lacks libuv's uv_poll`);
  for (const file of runtime === undefined ? candidates() : []) {
    try {
      loaded.push({ file, addon: loadAddon(file) });
    } catch (error) {
      const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      failures.push(reason.includes(file) ? reason : `${file}: ${reason}`);
    }
  }
  return (addons = { loaded, failures });
}

function loadAddon(file: string): Addon {
  // Not `require`, which runs a file of any other name as a program.
  const module: { exports: Partial<Addon> } = { exports: {} };
  process.dlopen(module, file);
  if (module.exports.NodeLoop === undefined) throw new Error('not an addon of this library');
  return module.exports as Addon;
}

/**
 * The addon with that poller, or the first there is.
 *
 * @throws AddonError when there is none.
 */
export function findAddon(name?: string): LoadedAddon {
  const { loaded, failures } = loadAddons();
  const found = loaded.find(({ addon }) => name === undefined || addon.poller === name);
  if (found !== undefined) return found;
  const system = name === undefined ? undefined : SYSTEMS.get(name);
  if (system !== undefined && !system.platforms.includes(process.platform)) {
    throw new AddonError(`it is of ${system.title}, and this is ${process.platform}`);
  }
  const others = loaded.map(({ file, addon }) => `${file} has the poller ${addon.poller}`);
  throw new AddonError([...others, ...failures].join('\n'));
}

/**
 * A native poller for this thread.
 *
 * @throws an error of the system when the kernel refuses one (EMFILE, ENFILE, ENOMEM).
 */
export function createNativePoller({ addon }: LoadedAddon): Poller {
  return new NativePoller(addon);
}

class NativePoller implements Poller, NativeSockets {
  readonly name: 'epoll' | 'kqueue';
  readonly #streams: (NativeStream | undefined)[] = [];
  readonly #addon: Addon;
  readonly #native: NodeLoop;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #outbox: number;
  readonly #outboxEnd: number;
  readonly #listeners: (NativeListener | undefined)[] = [];
  #turns: TurnEvents | undefined;
  #outboxUsed = 0;
  #scheduled = false;
  #exiting = false;
  #references = 0;
  #alarmAt = Infinity;

  constructor(addon: Addon) {
    const { layout } = addon;
    const arena = new ArrayBuffer(layout.bytes);
    markAsUntransferable(arena);
    lend(arena);
    this.name = addon.poller;
    this.#addon = addon;
    this.#bytes = Buffer.from(arena);
    this.#words = new Uint32Array(arena);
    this.#outbox = layout.outbox;
    this.#outboxEnd = layout.outbox + layout.outboxBytes;
    this.#native = this.#startLoop(arena);
    // process.exit() runs no cleanup hook, but `write(); process.exit()` sends, as with node:net.
    process.on('exit', () => {
      this.#exiting = true;
      this.#push();
    });
  }

  #startLoop(arena: ArrayBuffer): NodeLoop {
    try {
      return new this.#addon.NodeLoop(arena, this.#dispatch);
    } catch (error) {
      const errno = this.#words[CONTROL.errno] as number;
      throw errno === 0
        ? error
        : systemError(errno, this.#addon.calls[this.#words[CONTROL.call] as number] ?? '');
    }
  }

  now(): number {
    return performance.now();
  }

  attach(turns: TurnEvents): void {
    this.#turns = turns;
  }

  alarm(at: number): void {
    if (at === this.#alarmAt) return;
    this.#alarmAt = at;
    this.#native.alarm(at === Infinity ? -1 : Math.max(0, Math.ceil(at - performance.now())));
  }

  schedule(): void {
    if (this.#words[CONTROL.inTurn] === 1) {
      this.#words[CONTROL.turnWanted] = 1;
    } else {
      this.#touch();
    }
  }

  listen(address: BindAddress, options: BindOptions, events: ListenerEvents): PollerListener {
    const flags = (options.reusePort ? 1 : 0) | (options.ipv6Only ? 2 : 0) | (options.noDelay ? 4 : 0);
    const keepAlive = options.keepAlive === 0 ? 0 : Math.max(1, Math.round(options.keepAlive / 1000));
    const family = FAMILIES[address.family];
    const slot = this.#native.listen(
      family,
      address.address,
      address.port,
      options.backlog,
      flags,
      keepAlive,
    );
    const generation = this.#words[CONTROL.generation] as number;
    const listener = new NativeListener(this, slot, generation, events);
    if (slot < 0) {
      const call = this.#addon.calls[this.#words[CONTROL.call] as number] ?? 'listen';
      const at = address.family === 'unix' ? { address: address.address } : address;
      listener.closed = true;
      events.bindFailed(systemError(this.#words[CONTROL.errno] as number, call, at));
      return listener;
    }
    this.#listeners[slot] = listener;
    this.reference(1);
    listener.bound =
      address.family === 'unix' ? socketAddress('unix', address.address) : this.#boundAddress();
    events.listening(listener.bound);
    return listener;
  }

  reference(change: 1 | -1): void {
    const before = this.#references;
    this.#references += change;
    if (before === 0) this.#native.ref(true);
    if (this.#references === 0) this.#native.ref(false);
  }

  acceptOn(listener: NativeListener, on: boolean): void {
    this.#native.accept(listener.slot, on);
    this.schedule();
  }

  closeListener(listener: NativeListener): void {
    this.#listeners[listener.slot] = undefined;
    this.#native.closeListener(listener.slot);
  }

  forgetStream(stream: NativeStream): void {
    this.#streams[stream.slot] = undefined;
    this.reference(-1);
  }

  /** Gives the kernel what is pending and tells what it has not taken. */
  queued(stream: NativeStream): number {
    this.#outboxUsed = 0;
    return this.#native.queued(stream.slot, stream.generation);
  }

  command(kind: number, stream: NativeStream, a: number, b: number): void {
    const words = this.#words;
    let count = words[CONTROL.commandCount] as number;
    if (count === this.#addon.layout.maxCommands) {
      // A write's bytes lie in the outbox already and must stay there until its command has been flushed.
      this.#native.flush();
      count = 0;
    }
    const at = (this.#addon.layout.commands >> 2) + count * STRIDE;
    words[at] = kind;
    words[at + 1] = stream.slot;
    words[at + 2] = stream.generation;
    words[at + 3] = a;
    words[at + 4] = b;
    words[CONTROL.commandCount] = count + 1;
    if (words[CONTROL.inTurn] === 0 || this.#exiting) this.#touch();
  }

  write(stream: NativeStream, source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > LONGEST_COPY) {
      this.#push();
      this.#native.send(stream.slot, stream.generation, source, start, end);
      if (this.#words[CONTROL.inTurn] === 0 || this.#exiting) this.#touch();
      return;
    }
    if (this.#outbox + this.#outboxUsed + length > this.#outboxEnd) this.#push();
    const to = this.#outbox + this.#outboxUsed;
    this.#copy(source, start, end, to);
    this.#outboxUsed += length;
    if (!this.#extendLastWrite(stream, to, length)) this.command(COMMAND.write, stream, to, length);
  }

  #copy(source: Uint8Array, start: number, end: number, to: number): void {
    const bytes = this.#bytes;
    if (source.buffer === bytes.buffer) {
      bytes.copyWithin(to, source.byteOffset + start, source.byteOffset + end);
    } else if (end - start < SHORTEST_SET) {
      for (let i = start; i < end; i++) bytes[to++] = source[i] as number;
    } else {
      bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), to);
    }
  }

  #extendLastWrite(stream: NativeStream, to: number, length: number): boolean {
    const words = this.#words;
    const count = words[CONTROL.commandCount] as number;
    if (count === 0) return false;
    const at = (this.#addon.layout.commands >> 2) + (count - 1) * STRIDE;
    if (
      words[at] !== COMMAND.write ||
      words[at + 1] !== stream.slot ||
      words[at + 2] !== stream.generation ||
      (words[at + 3] as number) + (words[at + 4] as number) !== to
    ) {
      return false;
    }
    words[at + 4] = (words[at + 4] as number) + length;
    return true;
  }

  /** Hands all commands to native code now; what comes of them is reported in the next turn. */
  #push(): void {
    this.#native.flush();
    this.#outboxUsed = 0;
  }

  #touch(): void {
    if (this.#exiting) {
      this.#push();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#native.schedule();
    }
  }

  // Called by native code, once per turn.
  readonly #dispatch = (events: number): void => {
    this.#scheduled = false;
    if (performance.now() >= this.#alarmAt) this.#alarmAt = Infinity;
    this.#turns?.turnBegin();
    this.#handleAll(this.#addon.layout.events >> 2, events);
    for (let round = 0; round < FLUSHES_PER_TURN; round++) {
      const results = this.#native.flushAndCollect();
      this.#outboxUsed = 0;
      this.#handleAll(this.#addon.layout.results >> 2, results);
      if (results === 0 && this.#words[CONTROL.commandCount] === 0) break;
    }
    this.#turns?.turnEnd();
    // libuv's timers count whole milliseconds and may be early: ask again.
    if (this.#alarmAt !== Infinity) this.#renewAlarm();
  };

  #renewAlarm(): void {
    const at = this.#alarmAt;
    if (at - performance.now() > 1) return;
    this.#alarmAt = Infinity;
    this.alarm(at);
  }

  #handleAll(base: number, count: number): void {
    let i = 0;
    while (i < count) {
      try {
        while (i < count) this.#handle(base + i++ * STRIDE);
      } catch (error) {
        throwLater(error); // the rest of the batch is other people's
      }
    }
  }

  #handle(at: number): void {
    const words = this.#words;
    const kind = words[at] as number;
    const slot = words[at + 1] as number;
    const generation = words[at + 2] as number;
    const a = words[at + 3] as number;
    const b = words[at + 4] as number;
    if (kind === ACCEPTED)
      return this.#accepted(slot, generation, this.#listener(a, words[at + 5] as number), b);
    if (kind === ACCEPT_FAILED) {
      return this.#listener(slot, generation)?.events.acceptFailed(systemError(a, 'accept'));
    }
    const stream = this.#streams[slot];
    // Closed since: native code knows already, or will with the next flush.
    if (stream === undefined || stream.generation !== generation) return;
    const { events } = stream;
    if (kind === DATA) {
      events.data(this.#bytes, a, a + b, true);
    } else if (kind === FLUSHED) {
      events.flushed(a + b * 0x1_0000_0000);
    } else if (kind === ENDED) {
      events.ended();
    } else if (kind === BROKEN) {
      events.broken(systemError(a, this.#addon.calls[b] ?? ''));
    } else if (kind === FAILED) {
      stream.closed = true;
      this.forgetStream(stream);
      events.failed(systemError(a, this.#addon.calls[b] ?? ''));
    }
  }

  #listener(slot: number, generation: number): NativeListener | undefined {
    const listener = this.#listeners[slot];
    return listener?.generation === generation ? listener : undefined;
  }

  #accepted(slot: number, generation: number, listener: NativeListener | undefined, offset: number): void {
    const records = this.#bytes.toString('latin1', offset, offset + 2 * ADDRESS_BYTES);
    const stream = new NativeStream(this, slot, generation, listener?.bound, records);
    this.#streams[slot] = stream;
    this.reference(1);
    if (listener === undefined) {
      stream.close(); // accepted in the turn that closed the listener
    } else {
      try {
        stream.events = listener.events.accepted(stream);
      } catch (error) {
        stream.close();
        throw error;
      }
    }
  }

  #boundAddress(): SocketAddress {
    const at = this.#addon.layout.results;
    return readAddress(this.#bytes.toString('latin1', at, at + ADDRESS_BYTES), 0);
  }
}
