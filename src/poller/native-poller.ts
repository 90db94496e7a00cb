// The native poller: the TypeScript half of native/. It shares one ArrayBuffer with the addon (native/arena.h), so that a
// turn is one call in and one call out, however many connections it concerns.

import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { markAsUntransferable } from 'node:worker_threads';

import { newMemory } from '../bytes.js';
import { systemError } from '../errors.js';
import { throwLater } from './guarded.js';
import { socketAddress } from '../socket-address.js';
import { ADDRESS_BYTES, FAMILIES, briefAddress, isBrief, readAddress } from './address-record.js';
import {
  ACCEPTED,
  ACCEPT_FAILED,
  ANNOUNCED,
  ANNOUNCEMENT,
  BROKEN,
  CONNECTED,
  CONTROL,
  DATA,
  ENDED,
  FAILED,
  FLAGS,
  FLUSHED,
  STRIDE,
  secondsOf,
} from './addon.js';
import type { Addon, NodeLoop } from './addon.js';
import { COMMAND, NativeDial, NativeListener, NativeStream } from './native-sockets.js';
import type { KnownAddress, NativeSockets, Origin, UnixPath } from './native-sockets.js';
import type {
  BindAddress,
  BindOptions,
  DialEvents,
  DialOptions,
  ListenerEvents,
  Poller,
  PollerDial,
  PollerListener,
  SocketAddress,
  StreamEvents,
  TurnEvents,
} from './poller.js';
import { lend } from '../window.js';

/** Writes longer than this go to the kernel from where they lie instead of through the outbox. */
const LONGEST_COPY = 64 * 1024;
/** Results of a flush may lead to writes, which lead to results: that many times in one turn. */
const FLUSHES_PER_TURN = 16;
/** No kind of event: one that has been told of before its turn. */
const DONE = 0;
/** Below this many bytes a loop is faster than a call of `set`. */
const SHORTEST_SET = 32;

export class NativePoller implements Poller, NativeSockets {
  readonly name: 'epoll' | 'kqueue';
  readonly #streams: (NativeStream | undefined)[] = [];
  readonly #addon: Addon;
  readonly #native: NodeLoop;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #outbox: number;
  readonly #outboxEnd: number;
  /** Memory for one large input, which is given away with it; there is one once somebody keeps what he gets. */
  #spare: Buffer | undefined;
  readonly #dials = new Map<number, NativeDial>();
  readonly #listeners: (NativeListener | undefined)[] = [];
  #turns: TurnEvents | undefined;
  #outboxUsed = 0;
  /** Around the outbox, with a result that nobody has collected yet. */
  #sentDirectly = false;
  #scheduled = false;
  #exiting = false;
  #references = 0;
  #someUnannounced = false;
  /** The records that have not been handled, by their words: from the next one to the end. */
  #next = 0;
  #end = 0;
  #alarmAt = Infinity;
  /** Shared by streams as long as they have it in common. */
  #lastOrigin: Origin = { poller: this, local: '' };

  constructor(addon: Addon) {
    const { layout } = addon;
    const arena = new ArrayBuffer(layout.bytes);
    markAsUntransferable(arena);
    this.name = addon.poller;
    this.#addon = addon;
    this.#bytes = Buffer.from(arena);
    this.#words = new Uint32Array(arena);
    this.#outbox = layout.outbox;
    this.#outboxEnd = layout.outbox + layout.outboxBytes;
    this.#native = this.#startLoop(arena);
    lend(this.#bytes);
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
    const flags =
      (options.reusePort ? FLAGS.reusePort : 0) |
      (options.ipv6Only ? FLAGS.ipv6Only : 0) |
      (options.noDelay ? FLAGS.noDelay : 0);
    const family = FAMILIES[address.family];
    const slot = this.#native.listen(
      family,
      address.address,
      address.port,
      options.backlog,
      flags,
      secondsOf(options.keepAlive),
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
    const bound = address.family === 'unix' ? socketAddress('unix', address.address) : this.#boundAddress();
    if (address.family === 'unix') listener.path = { local: bound };
    events.listening(bound);
    return listener;
  }

  connect(address: BindAddress, options: DialOptions, events: DialEvents): PollerDial {
    const slot = this.#native.connect(
      FAMILIES[address.family],
      address.address,
      address.port,
      options.local?.address ?? '',
      options.local?.port ?? 0,
      options.noDelay ? FLAGS.noDelay : 0,
      secondsOf(options.keepAlive),
    );
    const dial = new NativeDial(this, slot, this.#words[CONTROL.generation] as number, address, events);
    this.#dials.set(slot, dial);
    this.reference(1);
    this.schedule();
    return dial;
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

  quietOn(listener: NativeListener, on: boolean): void {
    this.#native.quiet(listener.slot, on);
  }

  unannounced(listener: NativeListener): number {
    let count = this.#native.unannounced(listener.slot);
    for (let at = this.#next; at < this.#end; at += STRIDE) if (this.#announces(at, listener)) count += 1;
    return count;
  }

  announceAll(listener: NativeListener): void {
    // First those whom native code has announced, of whom this turn has not come to tell.
    const words = this.#words;
    for (let at = this.#next; at < this.#end; at += STRIDE) {
      if (!this.#announces(at, listener)) continue;
      words[at] = DONE;
      const [slot = 0, generation = 0, , offset = 0] = words.subarray(at + 1, at + 5);
      this.#announce(listener, slot, generation, this.#bytes, offset);
    }
    const bytes = this.#native.announceAll(listener.slot);
    for (let at = 0; at < bytes.length; at += ANNOUNCEMENT.bytes) {
      const slot = bytes.readUInt32LE(at);
      const generation = bytes.readUInt32LE(at + ANNOUNCEMENT.generation);
      this.#announce(listener, slot, generation, bytes, at + ANNOUNCEMENT.addresses);
    }
    this.#countUnannounced();
  }

  /** What one throws is no harm to the others. */
  #announce(listener: NativeListener, slot: number, generation: number, bytes: Buffer, offset: number): void {
    const stream = this.#open(slot, generation, bytes, offset, listener.path);
    try {
      this.#accepted(listener.closed ? undefined : listener, true, stream);
    } catch (error) {
      throwLater(error);
    }
  }

  #announces(at: number, { slot, generation }: NativeListener): boolean {
    const words = this.#words;
    return words[at] === ANNOUNCED && words[at + 3] === slot && words[at + 5] === generation;
  }

  closeListener(listener: NativeListener): void {
    this.#listeners[listener.slot] = undefined;
    this.#native.closeListener(listener.slot);
    this.#countUnannounced();
  }

  /** Open connections keep the process alive, also those that nobody has been told of. */
  #countUnannounced(): void {
    const some = this.#words[CONTROL.unannounced] !== 0;
    if (some === this.#someUnannounced) return;
    this.#someUnannounced = some;
    this.reference(some ? 1 : -1);
  }

  forgetStream(stream: NativeStream): void {
    this.#streams[stream.slot] = undefined;
    this.reference(-1);
  }

  forgetDial(dial: NativeDial): boolean {
    if (this.#dials.get(dial.slot) !== dial) return false;
    this.#dials.delete(dial.slot);
    this.reference(-1);
    return true;
  }

  keepOn(stream: NativeStream, on: boolean): void {
    this.command(COMMAND.keep, stream, on ? 1 : 0, 0);
    if (on && this.#spare === undefined) this.#renewSpare();
  }

  #renewSpare(): void {
    try {
      this.#spare = newMemory(this.#addon.layout.spareBytes);
    } catch {
      this.#spare = undefined; // without memory for it there are copies, as long as there is memory for those
    }
    this.#native.spare(this.#spare);
  }

  /** Gives the kernel what is pending and tells what it has not taken. */
  queued(stream: NativeStream): number {
    this.#outboxUsed = 0;
    return this.#native.queued(stream.slot, stream.generation);
  }

  command(kind: number, socket: NativeStream | NativeDial, a: number, b: number): void {
    const words = this.#words;
    let count = words[CONTROL.commandCount] as number;
    if (count === this.#addon.layout.maxCommands) {
      // A write's bytes lie in the outbox already and must stay there until its command has been flushed.
      this.#native.flush();
      count = 0;
    }
    const at = (this.#addon.layout.commands >> 2) + count * STRIDE;
    words[at] = kind;
    words[at + 1] = socket.slot;
    words[at + 2] = socket.generation;
    words[at + 3] = a;
    words[at + 4] = b;
    words[CONTROL.commandCount] = count + 1;
    if (words[CONTROL.inTurn] === 0 || this.#exiting) this.#touch();
  }

  write(stream: NativeStream, source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    // By the contract this is the window as `data` has lent it, which stays as it is until this turn's flush.
    if (source === this.#bytes) return this.#commandWrite(stream, start, length);
    if (length > LONGEST_COPY) {
      this.#push();
      this.#native.send(stream.slot, stream.generation, source, start, end);
      this.#sentDirectly = true;
      if (this.#words[CONTROL.inTurn] === 0 || this.#exiting) this.#touch();
      return;
    }
    if (this.#outbox + this.#outboxUsed + length > this.#outboxEnd) this.#push();
    const to = this.#outbox + this.#outboxUsed;
    this.#copy(source, start, end, to);
    this.#outboxUsed += length;
    this.#commandWrite(stream, to, length);
  }

  #commandWrite(stream: NativeStream, at: number, length: number): void {
    if (!this.#extendLastWrite(stream, at, length)) this.command(COMMAND.write, stream, at, length);
  }

  #copy(source: Uint8Array, start: number, end: number, to: number): void {
    const bytes = this.#bytes;
    if (end - start < SHORTEST_SET) {
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
    if (this.#alarmAt !== Infinity && performance.now() >= this.#alarmAt) this.#alarmAt = Infinity;
    this.#fill(this.#addon.layout.events >> 2, events);
    this.#turns?.turnBegin();
    this.#handleAll();
    for (let round = 0; round < FLUSHES_PER_TURN; round++) {
      const results = this.#native.flushAndCollect();
      this.#outboxUsed = 0;
      this.#sentDirectly = false;
      this.#fill(this.#addon.layout.results >> 2, results);
      this.#handleAll();
      // Results that found no room are in the next round, which native code begins by itself.
      if (this.#words[CONTROL.commandCount] === 0 && !this.#sentDirectly) break;
    }
    if (this.#words[CONTROL.spareTaken] === 1) this.#renewSpare();
    this.#countUnannounced();
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

  #fill(base: number, count: number): void {
    this.#next = base;
    this.#end = base + count * STRIDE;
  }

  #handleAll(): void {
    while (this.#next < this.#end) {
      try {
        while (this.#next < this.#end) {
          const at = this.#next;
          this.#next += STRIDE;
          this.#handle(at);
        }
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
    if (kind === ACCEPTED || kind === ANNOUNCED) {
      const listener = this.#listener(a, words[at + 5] as number);
      return this.#accepted(
        listener,
        kind === ANNOUNCED,
        this.#open(slot, generation, this.#bytes, b, listener?.path),
      );
    }
    if (kind === ACCEPT_FAILED) {
      return this.#listener(slot, generation)?.events.acceptFailed(systemError(a, 'accept'));
    }
    const dial = this.#dials.size === 0 ? undefined : this.#dials.get(slot);
    if (dial?.generation === generation) return this.#dialled(dial, kind, a, b);
    const stream = this.#streams[slot];
    // Closed since: native code knows already, or will with the next flush.
    if (stream === undefined || stream.generation !== generation) return;
    const { events } = stream;
    if (kind === DATA) {
      if (words[at + 5] === 0) events.data(this.#bytes, a, a + b, true);
      else events.data(this.#spare as Buffer, 0, b, false);
    } else if (kind === FLUSHED) {
      events.flushed(a + b * 0x1_0000_0000);
    } else if (kind === ENDED) {
      events.ended();
    } else if (kind === BROKEN) {
      events.broken(systemError(a, this.#addon.calls[b] ?? ''));
    } else if (kind === FAILED) {
      stream.markClosed();
      this.forgetStream(stream);
      events.failed(systemError(a, this.#addon.calls[b] ?? ''));
    }
  }

  #listener(slot: number, generation: number): NativeListener | undefined {
    const listener = this.#listeners[slot];
    return listener?.generation === generation ? listener : undefined;
  }

  #accepted(listener: NativeListener | undefined, heard: boolean, stream: NativeStream): void {
    if (listener === undefined) {
      stream.close(); // accepted in the turn that closed the listener
    } else {
      this.#hand(stream, () => listener.events.accepted(stream, heard));
    }
  }

  /** What has become of a dial. */
  #dialled(dial: NativeDial, kind: number, a: number, b: number): void {
    const { slot, generation, address, events } = dial;
    if (kind === CONNECTED) {
      const path = address.family === 'unix' ? { remote: socketAddress('unix', address.address) } : undefined;
      const stream = this.#open(slot, generation, this.#bytes, b, path);
      this.forgetDial(dial);
      this.#hand(stream, () => events.connected(stream));
    } else if (kind === FAILED) {
      this.forgetDial(dial);
      const at = address.family === 'unix' ? { address: address.address } : address;
      events.connectFailed(systemError(a, this.#addon.calls[b] ?? '', at));
    }
  }

  /** Its addresses lie at `offset`. */
  #open(
    slot: number,
    generation: number,
    bytes: Buffer,
    offset: number,
    path: UnixPath | undefined,
  ): NativeStream {
    const origin = path?.local === undefined ? this.#originAt(bytes, offset) : this.#originOf(path.local);
    const remote = path?.remote ?? briefAddress(bytes, offset + ADDRESS_BYTES);
    const stream = new NativeStream(origin, slot, generation, remote);
    // Without a gap, or V8 makes a hash table of the array.
    while (this.#streams.length < slot) this.#streams.push(undefined);
    this.#streams[slot] = stream;
    this.reference(1);
    return stream;
  }

  #originOf(local: KnownAddress): Origin {
    if (this.#lastOrigin.local !== local) this.#lastOrigin = { poller: this, local };
    return this.#lastOrigin;
  }

  #originAt(bytes: Buffer, offset: number): Origin {
    const { local } = this.#lastOrigin;
    const same = typeof local !== 'object' && isBrief(local, bytes, offset);
    return same ? this.#lastOrigin : this.#originOf(briefAddress(bytes, offset));
  }

  /** Finds out who gets a stream's events. */
  #hand(stream: NativeStream, ask: () => StreamEvents): void {
    try {
      stream.events = ask();
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  #boundAddress(): SocketAddress {
    const at = this.#addon.layout.results;
    return readAddress(briefAddress(this.#bytes, at));
  }
}
