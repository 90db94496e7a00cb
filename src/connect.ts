// connect(): outgoing connections on the same loop, as a cold Observable.

import process from 'node:process';

import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';

import { whenAborted } from './abort.js';
import { parseAddress } from './address.js';
import type { ParsedAddress } from './address.js';
import type { ConnectionHost } from './connection-state.js';
import type { Connection } from './connection.js';
import { Dial } from './dial.js';
import { Engine } from './engine.js';
import { EvioError, describe, invalidArgument, toError } from './errors.js';
import { connectSettingsOf } from './options.js';
import type { ConnectOptions, ConnectSettings, ConnectionLimits } from './options.js';
import { choosePoller } from './poller/choose.js';
import type { PollerStream, StreamEvents } from './poller/poller.js';
import { StreamConnection } from './stream-connection.js';
import type { Timer } from './timing-wheel.js';

let lastId = 0;

/**
 * Connects to `tcp://host:port` (also `tcp4`, `tcp6`), `host:port`, `:port` (this machine) or `unix://path`.
 *
 * Cold: subscribing dials, and emits the connection once it is there; completes when that has closed without an error and
 * errors when it could not be made or has failed, so that `retry` and `repeat` compose. Unsubscribing gives up, or closes
 * the connection: a pipeline holds it for as long as it is subscribed. Names are resolved by node:dns, and all addresses
 * tried, both families in turn.
 *
 * @throws TypeError for a bad address or option; the same errors of choosing a poller as `listen`.
 * @example
 * ```ts
 * connect('tcp://127.0.0.1:6379').pipe(
 *   mergeMap((connection) => {
 *     connection.write('PING\r\n');
 *     return connection.data$;
 *   }),
 *   retry({ delay: 1000 }),
 * ).subscribe((data) => console.log(String(data)));
 * ```
 */
export function connect(address: string, options?: ConnectOptions): Observable<Connection> {
  const parsed = parseAddress(address);
  const settings = connectSettingsOf(options);
  const engine = Engine.of(choosePoller(settings.poller));
  if (parsed.scheme !== 'unix' && parsed.port === 0) {
    throw invalidArgument(`address ${describe(address)}: there is no port 0 to connect to`);
  }
  return new Observable<Connection>((subscriber) => {
    const client = new Client(engine, settings, subscriber);
    subscriber.add(() => client.close()); // first, so that a lookup that throws leaves nothing behind
    client.dial(parsed);
  });
}

/** One subscription to `connect`: a dial, then a connection. */
class Client implements ConnectionHost {
  readonly engine: Engine;
  readonly limits: ConnectionLimits;
  readonly wantsInput = false;
  readonly answering = false;
  readonly #settings: ConnectSettings;
  readonly #subscriber: Subscriber<Connection>;
  readonly #dial: Dial;
  #deadline: Timer | undefined;
  #forgetSignal: () => void = () => {};
  #connection: StreamConnection | undefined;

  constructor(engine: Engine, settings: ConnectSettings, subscriber: Subscriber<Connection>) {
    this.engine = engine;
    this.limits = settings.limits;
    this.#settings = settings;
    this.#subscriber = subscriber;
    this.#dial = new Dial(engine, settings, {
      connected: (stream) => this.#connected(stream),
      failed: (error) => {
        this.#forget();
        subscriber.error(error);
      },
    });
  }

  dial(address: ParsedAddress): void {
    const { signal, connectTimeout } = this.#settings;
    if (signal?.aborted === true) {
      this.#abort();
      return;
    }
    if (signal !== undefined) this.#forgetSignal = whenAborted(signal, this.#abort);
    if (connectTimeout > 0) {
      this.#deadline = this.engine.after(connectTimeout, () => {
        const text = `connect ${address.text}: no connection within ${connectTimeout} ms (connectTimeout)`;
        this.#giveUp(new EvioError('ERR_EVIO_CONNECT_TIMEOUT', text));
      });
    }
    this.#dial.start(address);
  }

  /** Unsubscribed, or told the outcome. */
  close(): void {
    this.#forget();
    this.#dial.abort();
    this.#connection?.destroy();
  }

  readonly #abort = (): void => {
    this.#giveUp(toError(this.#settings.signal?.reason));
  };

  #giveUp(error: Error): void {
    this.#forget();
    this.#dial.abort();
    if (this.#connection === undefined) this.#subscriber.error(error);
    else this.#connection.destroy(error);
  }

  #forget(): void {
    this.#forgetSignal();
    if (this.#deadline !== undefined) this.engine.cancel(this.#deadline);
  }

  #connected(stream: PollerStream): StreamEvents {
    if (this.#deadline !== undefined) this.engine.cancel(this.#deadline);
    const connection = new StreamConnection(++lastId, this, stream);
    this.#connection = connection;
    this.#subscriber.next(connection);
    return connection;
  }

  beforeEvent(): void {}

  received(): void {}

  disconnected(_connection: StreamConnection, error: Error | undefined): void {
    this.#forget();
    if (error === undefined) this.#subscriber.complete();
    else this.#subscriber.error(error);
  }

  /** What a handler threw has closed the connection, and the subscriber was told by `disconnected`. */
  report(error: Error, connection: StreamConnection): void {
    if (connection.failure === error) return;
    process.emitWarning(error.message, { type: 'EvioWarning', detail: error.stack ?? String(error) });
  }
}
