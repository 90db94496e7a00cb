// Errors that look like Node's: a stable `code`, and `errno`, `syscall`, `address`, `port` where they apply.

import { getSystemErrorMap, getSystemErrorName } from 'node:util';

const SYSTEM_ERRORS = getSystemErrorMap(); // once: Node makes a new map each time

/**
 * Codes of the errors that are this library's own.
 *
 * | code | when |
 * |---|---|
 * | `ERR_EVIO_CLOSED` | the server or connection is closed |
 * | `ERR_EVIO_WRITE_AFTER_END` | `write` after `end` or `complete` |
 * | `ERR_EVIO_QUEUE_FULL` | a peer reads too slowly: more than `maxQueuedBytes` are queued |
 * | `ERR_EVIO_IDLE_TIMEOUT` | `idleTimeout`: nothing moved in either direction |
 * | `ERR_EVIO_READ_TIMEOUT` | `readTimeout`, `firstByteTimeout`: the peer sent nothing |
 * | `ERR_EVIO_WRITE_TIMEOUT` | `writeTimeout`: the peer took nothing of what is queued |
 * | `ERR_EVIO_HANDSHAKE_TIMEOUT` | `handshakeTimeout`: `established` was not called in time |
 * | `ERR_EVIO_CONNECT_TIMEOUT` | `connectTimeout` |
 * | `ERR_EVIO_UNSUPPORTED` | this poller, or this version, cannot do that |
 * | `ERR_EVIO_FRAME_TOO_LARGE` | evio/protocols: a frame is longer than `max`, or has more parts than it may |
 * | `ERR_EVIO_FRAME_TRUNCATED` | evio/protocols: the input ended inside a frame |
 * | `ERR_EVIO_FRAME_INVALID` | evio/protocols: the bytes are no frame |
 * | `ERR_EVIO_POLLER_UNAVAILABLE` | the poller asked for by name cannot run here |
 */
export type EvioErrorCode =
  | 'ERR_EVIO_CLOSED'
  | 'ERR_EVIO_WRITE_AFTER_END'
  | 'ERR_EVIO_QUEUE_FULL'
  | 'ERR_EVIO_IDLE_TIMEOUT'
  | 'ERR_EVIO_READ_TIMEOUT'
  | 'ERR_EVIO_WRITE_TIMEOUT'
  | 'ERR_EVIO_HANDSHAKE_TIMEOUT'
  | 'ERR_EVIO_CONNECT_TIMEOUT'
  | 'ERR_EVIO_UNSUPPORTED'
  | 'ERR_EVIO_FRAME_TOO_LARGE'
  | 'ERR_EVIO_FRAME_TRUNCATED'
  | 'ERR_EVIO_FRAME_INVALID'
  | 'ERR_EVIO_POLLER_UNAVAILABLE';

/** An error of this library's own, as opposed to one of the operating system. */
export class EvioError extends Error {
  /** `'EvioError'`. */
  override readonly name = 'EvioError';
  /** Stable, for programs; the message is for people. */
  readonly code: EvioErrorCode;

  constructor(code: EvioErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * An error of the operating system in the form of Node's own: `listen EADDRINUSE: address already in use 127.0.0.1:80`.
 *
 * @param errno - a positive errno
 * @param syscall - the call that failed
 */
export function systemError(
  errno: number,
  syscall: string,
  at?: { readonly address: string; readonly port?: number | undefined },
): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  const text = SYSTEM_ERRORS.get(-errno)?.[1];
  const where = at === undefined ? '' : ` ${at.port === undefined ? at.address : `${at.address}:${at.port}`}`;
  const detail = at === undefined || text === undefined ? '' : `: ${text}`;
  const error: NodeJS.ErrnoException = new Error(`${syscall} ${code}${detail}${where}`);
  Object.assign(error, { errno: -errno, code, syscall });
  if (at !== undefined) {
    Object.assign(error, { address: at.address }, at.port === undefined ? {} : { port: at.port });
  }
  return error;
}

/** The positive errno of a code, for {@link systemError}: the numbers are the system's, and on Windows libuv's. */
export function errnoOf(code: string): number {
  for (const [errno, [name]] of SYSTEM_ERRORS) {
    if (name === code) return -errno;
  }
  return 0;
}

/** A `TypeError` with Node's code for a wrong argument. */
export function invalidArgument(
  message: string,
  code = 'ERR_INVALID_ARG_VALUE',
): TypeError & { code: string } {
  return Object.assign(new TypeError(message), { code });
}

/** Whatever was thrown, as an Error: strings, null and the like are wrapped and kept as `cause`. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`a value that is not an Error was thrown: ${describe(thrown)}`, { cause: thrown });
}

/** A value in a message: short, one line, quoted when it is text. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (value === null || typeof value !== 'object') {
    return typeof value === 'function' ? 'a function' : String(value);
  }
  if (Array.isArray(value)) return 'an array';
  return `an instance of ${value.constructor?.name ?? 'Object'}`;
}
