// Addresses as native code writes them (AddressRecord in native/socket_address.h), read from memory or from text.

import { socketAddress } from '../socket-address.js';
import type { SocketAddress } from './poller.js';

/** The size of a record in memory. */
export const ADDRESS_BYTES = 20;
/** Numbers of the families, as native code knows them. */
export const FAMILIES = { unix: 1, IPv4: 4, IPv6: 6 } as const;

/** As much of a record as an IPv4 address takes. */
const SHORT_RECORD_BYTES = 8;

/** A record as latin1 text, which costs a connection less than an address. */
export function recordText(bytes: Buffer, at: number): string {
  const length = bytes[at] === FAMILIES.IPv6 ? ADDRESS_BYTES : SHORT_RECORD_BYTES;
  return bytes.toString('latin1', at, at + length);
}

/** Whether the record there is the one of that text. */
export function isRecord(text: string, bytes: Buffer, at: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false;
  return text !== '';
}

/** Reads a record. */
export function readAddress(text: string): SocketAddress {
  const byte = (i: number): number => text.charCodeAt(i);
  const family = byte(0);
  const port = byte(2) | (byte(3) << 8);
  if (family === FAMILIES.IPv4) {
    return socketAddress('IPv4', `${byte(4)}.${byte(5)}.${byte(6)}.${byte(7)}`, port);
  }
  if (family === FAMILIES.unix) return socketAddress('unix', '');
  const groups = Array.from({ length: 8 }, (_, i) => (byte(4 + 2 * i) << 8) | byte(5 + 2 * i));
  return socketAddress('IPv6', compressIPv6(groups), port);
}

/** The canonical text of RFC 5952: the first longest run of two or more zero groups becomes `::`. */
function compressIPv6(groups: readonly number[]): string {
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (best.length < 2) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}
