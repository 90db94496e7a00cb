/**
 * Servers and clients as streams: {@link listen}, {@link connect}, {@link serveEach}; evio's classic callbacks: {@link serve}.
 * Times are in milliseconds and sizes in bytes, unless a name says otherwise.
 *
 * @module evio
 */

export { EvioError } from './errors.js';
export type { EvioErrorCode } from './errors.js';
export type { Bytes } from './bytes.js';
export type { Closed, Connection } from './connection.js';
export { connect } from './connect.js';
export { gracefulShutdown } from './graceful-shutdown.js';
export type { ShutdownOptions, ShutdownOutcome } from './graceful-shutdown.js';
export { listen } from './listen.js';
export type { ConnectOptions, ConnectionOptions, ListenOptions, Lookup } from './options.js';
export { paced } from './paced.js';
export type { PacedOptions } from './paced.js';
export type { PipeOptions } from './pipe.js';
export type {
  BindAddress,
  BindOptions,
  DialEvents,
  DialOptions,
  ListenerEvents,
  Poller,
  PollerDial,
  PollerListener,
  PollerName,
  PollerStream,
  SocketAddress,
  StreamEvents,
  TurnEvents,
} from './poller/poller.js';
export { serve } from './serve.js';
export type { Accept, Closed as ClosedCallback, Handle, Reply, Ticker } from './serve.js';
export { serveEach } from './serve-each.js';
export type { Protocol } from './serve-each.js';
export type { DropReason } from './admission.js';
export type { CloseOutcome, Disconnected, Dropped, Failure, Received, Server } from './server.js';
export type { Tick } from './ticks.js';
