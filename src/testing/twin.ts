// One diagram in two worlds: the simulated kernel, and the one that this machine has.

import { describe, invalidArgument, toError } from '../errors.js';
import { known } from '../options.js';
import type { ListenOptions } from '../options.js';
import type { PollerName } from '../poller/poller.js';
import { parseLane } from './diagram.js';
import type { WireValues } from './diagram.js';
import { ExpectationError, wireMismatch } from './expectations.js';
import { TOLERANCE, toleranceOf } from './leeway.js';
import { RealWorld } from './real-world.js';
import type { TwinProtocol } from './twin-protocol.js';
import { check, wire } from './wire.js';
import type { Lanes, Serving } from './wire.js';

/** How a diagram is played twice. */
export interface TwinOptions {
  /** Of the real world. Default `'auto'`. */
  readonly poller?: 'auto' | PollerName;
  /**
   * Real ms of one frame. Default 10. RxJS's times and those of `listen` are as they are: a protocol that has any takes them by
   * `ms`, or the scale is 1.
   */
  readonly scale?: number;
  /**
   * Real ms by which anything may be late in the real world; early it may never be. Default 250. A client that stops reading
   * may need more: when a full window opens again, a kernel may notice some hundred ms later.
   */
  readonly tolerance?: number;
  /** Of both servers. */
  readonly listen?: Omit<ListenOptions, 'poller'>;
  /** At the head of the failure. */
  readonly title?: string;
}

const OPTIONS: Readonly<Record<keyof TwinOptions, true>> = {
  poller: true,
  scale: true,
  tolerance: true,
  listen: true,
  title: true,
};

/** A timer of Node's may ring that much before its time. */
const EARLY = 2;

/**
 * Plays a diagram against a protocol on the simulated poller, exactly as `wire` does, and on a real one: over loopback, with a
 * client of node:net, one frame being `scale` ms. There the bytes must be the same, and FIN and RST, none before it is due,
 * and none much later.
 *
 * @throws an ExpectationError that says which of the two worlds differs from the diagram; a TypeError for what cannot be
 *   played. The promise is rejected with them.
 * @example
 * ```ts
 * await twin(upper, { client: '--a---b--|', server: '--A---B--|' }, { a: 'ping', A: 'PING', b: 'pong', B: 'PONG' });
 * ```
 */
export async function twin(
  protocol: TwinProtocol,
  lanes: Lanes,
  values: WireValues = {},
  options: TwinOptions = {},
): Promise<void> {
  const {
    scale = 10,
    tolerance = TOLERANCE,
    title = '',
    poller = 'auto',
  } = known<TwinOptions>(options, OPTIONS);
  checkArguments(protocol, lanes, values, scale, tolerance);
  const simulated = simulatedFailure(protocol, lanes, values, options.listen ?? {});
  const real = await RealWorld.open(protocol, poller, options.listen ?? {}, scale);
  let failure: Error | undefined;
  try {
    await real.play(lanes, values, tolerance);
    failure = real.failure ?? realMismatch(real, lanes, values, scale, tolerance);
  } finally {
    await real.close();
  }
  const error = verdict(simulated, failure, real.name);
  if (error === undefined) return;
  error.message = title === '' ? error.message : `${title}: ${error.message}`;
  throw error;
}

function checkArguments(
  protocol: unknown,
  lanes: Lanes,
  values: WireValues,
  scale: unknown,
  tolerance: unknown,
): void {
  if (typeof protocol !== 'function') {
    throw invalidArgument(
      `twin: needs a protocol, since nothing else runs in both worlds, not ${describe(protocol)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  check(protocol as Serving, lanes);
  parseLane(lanes.client, 'client', values);
  parseLane(lanes.server, 'server', values);
  if (typeof scale !== 'number' || !(scale > 0 && scale < Infinity)) {
    throw invalidArgument(`twin: scale must be a number of ms above 0, not ${describe(scale)}`);
  }
  toleranceOf('twin', tolerance);
}

function simulatedFailure(
  protocol: TwinProtocol,
  lanes: Lanes,
  values: WireValues,
  { poller: _poller, ...listen }: ListenOptions,
): Error | undefined {
  try {
    wire((data$, connection) => protocol(data$, connection, (frames) => frames), lanes, values, { listen });
    return undefined;
  } catch (error) {
    return toError(error);
  }
}

function realMismatch(
  real: RealWorld,
  { client, server }: Lanes,
  values: WireValues,
  scale: number,
  tolerance: number,
): Error | undefined {
  return wireMismatch({
    title: '',
    notes: [
      `one frame is ${scale} ms in the real world, and what comes up to ${tolerance} ms late is in time`,
      ...(scale === 1 ? [] : ['times of RxJS and of listen do not stretch: take ms(…), or scale: 1']),
    ],
    client,
    server,
    values,
    events: real.eventsFor(server, values),
    leeway: { early: EARLY / scale, late: tolerance / scale },
    trace: () => real.lines(),
  });
}

/** Which world it was. */
function verdict(simulated: Error | undefined, real: Error | undefined, poller: string): Error | undefined {
  if (simulated !== undefined && real !== undefined) {
    const message = `both worlds differ from the diagram\n\nsimulated: ${simulated.message}\n\n${poller}: ${real.message}`;
    return like(simulated, message);
  }
  if (simulated !== undefined) {
    return like(
      simulated,
      `the simulated poller differs from the diagram, and ${poller} does not: ${simulated.message}`,
    );
  }
  if (real === undefined) return undefined;
  return like(real, `${poller} differs from the diagram, and the simulated poller does not: ${real.message}`);
}

function like(error: Error, message: string): Error {
  if (error instanceof ExpectationError) return new ExpectationError(message, error.actual, error.expected);
  return new Error(message, { cause: error });
}
