// What native/addon.cc exports, and mirrors of the layout in native/arena.h that TypeScript must know by number.

/** What native/addon.cc exports. */
export interface Addon {
  /** The backend that it was built with. */
  readonly poller: 'epoll' | 'kqueue';
  readonly NodeLoop: new (arena: ArrayBuffer, dispatch: (events: number) => void) => NodeLoop;
  readonly layout: Readonly<
    Record<
      | 'bytes'
      | 'events'
      | 'results'
      | 'commands'
      | 'maxCommands'
      | 'window'
      | 'windowBytes'
      | 'outbox'
      | 'outboxBytes'
      | 'spareBytes',
      number
    >
  >;
  readonly calls: readonly string[];
}

/** native/node_loop.h; operations that fail return -1 and leave errno and call in the control words. */
export interface NodeLoop {
  listen(
    family: number,
    address: string,
    port: number,
    backlog: number,
    flags: number,
    keepAlive: number,
  ): number;
  connect(
    family: number,
    address: string,
    port: number,
    localAddress: string,
    localPort: number,
    flags: number,
    keepAlive: number,
  ): number;
  accept(listener: number, on: boolean): void;
  quiet(listener: number, on: boolean): void;
  unannounced(listener: number): number;
  /** Announcements of native/loop.h, one behind the other. */
  announceAll(listener: number): Buffer;
  closeListener(listener: number): void;
  flush(): void;
  flushAndCollect(): number;
  send(slot: number, generation: number, bytes: Uint8Array, start: number, end: number): void;
  /** The memory for one large input, as many bytes as the layout says; undefined for none. */
  spare(memory: Uint8Array | undefined): void;
  queued(slot: number, generation: number): number;
  alarm(delay: number): void;
  schedule(): void;
  ref(on: boolean): void;
}

/** Words of the control region: mirrors of Control in native/arena.h. */
export const CONTROL = {
  inTurn: 0,
  commandCount: 1,
  turnWanted: 2,
  errno: 3,
  call: 4,
  generation: 5,
  unannounced: 6,
  spareTaken: 7,
} as const;
// Kinds of events: mirrors of EventKind.
export const ACCEPTED = 1;
export const DATA = 2;
export const ENDED = 3;
export const FAILED = 4;
export const FLUSHED = 5;
export const BROKEN = 6;
export const ACCEPT_FAILED = 7;
export const CONNECTED = 8;
export const ANNOUNCED = 9;
/** Bytes of an Announcement: slot, generation, and the records of two addresses. */
export const ANNOUNCEMENT = { bytes: 48, generation: 4, addresses: 8 } as const;
/** Words of a Record. */
export const STRIDE = 8;
/** Flags of listen() and connect(). */
export const FLAGS = { reusePort: 1, ipv6Only: 2, noDelay: 4 } as const;

/** What listen() and connect() take for keep-alive, from milliseconds; 0 is off. */
export function secondsOf(milliseconds: number): number {
  return milliseconds === 0 ? 0 : Math.max(1, Math.round(milliseconds / 1000));
}
