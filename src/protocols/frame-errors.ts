// The errors of framing, worded alike for every operator.

import { EvioError } from '../errors.js';

/** @param what - what there is too much of: `a line of more than 10 bytes (max)` */
export function tooLarge(operator: string, what: string): EvioError {
  return new EvioError('ERR_EVIO_FRAME_TOO_LARGE', `${operator}: ${what}`);
}

export function invalid(operator: string, what: string): EvioError {
  return new EvioError('ERR_EVIO_FRAME_INVALID', `${operator}: ${what}`);
}

export function truncated(operator: string): EvioError {
  return new EvioError('ERR_EVIO_FRAME_TRUNCATED', `${operator}: the input ended inside a frame`);
}
