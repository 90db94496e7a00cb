// A protocol that runs in two worlds whose times are not the same.

import type { Observable } from 'rxjs';

import type { Bytes } from '../bytes.js';
import type { Connection } from '../connection.js';

/**
 * A protocol that may ask how long a time of the diagram is: `ms(20)` is 20 in the simulated world, and 20 frames of the real
 * one. Every protocol is one.
 */
export type TwinProtocol = (
  data$: Observable<Buffer>,
  connection: Connection,
  ms: (frames: number) => number,
) => Observable<Bytes>;
