/**
 * What a protocol is built from: operators that cut bytes into frames, each with a limit on what a peer can make it keep, and
 * one for a parser of your own.
 *
 * @module evio/protocols
 */

export { delimited } from './delimited.js';
export type { DelimitedOptions } from './delimited.js';
export { fixedLength } from './fixed-length.js';
export type { FixedLengthOptions } from './fixed-length.js';
export type { Rest } from './frame-options.js';
export { inPlace } from './in-place.js';
export { encodeLengthPrefixed, lengthPrefixed } from './length-prefixed.js';
export type { LengthPrefix, LengthPrefixedOptions } from './length-prefixed.js';
export { lines } from './lines.js';
export type { LinesOptions } from './lines.js';
export { encodeResp } from './resp-encoder.js';
export type { EncodeRespOptions, RespEncodable } from './resp-encoder.js';
export { resp } from './resp.js';
export type { RespOptions } from './resp.js';
export {
  RespAttribute,
  RespBigNumber,
  RespDouble,
  RespError,
  RespPush,
  RespSimple,
  RespVerbatim,
} from './resp-value.js';
export type { RespValue } from './resp-value.js';
