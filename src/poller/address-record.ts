// Addresses as native code writes them (AddressRecord in native/socket_address.h), and what is remembered of them until somebody
// asks for the address.

import { socketAddress } from '../socket-address.js';
import type { SocketAddress } from './poller.js';

/** The size of a record in memory. */
export const ADDRESS_BYTES = 20;
/** Numbers of the families, as native code knows them. */
export const FAMILIES = { unix: 1, IPv4: 4, IPv6: 6 } as const;

/**
 * What a record says, in less memory and time than an address takes: of an IPv4 address the port and the address as one number,
 * of any other the record as latin1 text.
 */
export type BriefAddress = number | string;

/** Of the record there. */
export function briefAddress(bytes: Buffer, at: number): BriefAddress {
  return bytes[at] === FAMILIES.IPv4 ? numberAt(bytes, at) : bytes.toString('latin1', at, at + ADDRESS_BYTES);
}

function numberAt(bytes: Buffer, at: number): number {
  const byte = (i: number): number => bytes[at + i] ?? 0;
  const address = ((byte(4) << 24) | (byte(5) << 16) | (byte(6) << 8) | byte(7)) >>> 0;
  return (byte(2) | (byte(3) << 8)) * 2 ** 32 + address;
}

/** Whether the record there says the same. */
export function isBrief(brief: BriefAddress, bytes: Buffer, at: number): boolean {
  if (typeof brief === 'number') return bytes[at] === FAMILIES.IPv4 && numberAt(bytes, at) === brief;
  for (let i = 0; i < brief.length; i++) if (brief.charCodeAt(i) !== bytes[at + i]) return false;
  return brief !== '';
}

/** The whole address. */
export function readAddress(brief: BriefAddress): SocketAddress {
  if (typeof brief === 'number') {
    const address = brief % 2 ** 32;
    const text = [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');
    return socketAddress('IPv4', text, Math.floor(brief / 2 ** 32));
  }
  const byte = (i: number): number => brief.charCodeAt(i);
  if (byte(0) === FAMILIES.unix) return socketAddress('unix', '');
  const port = byte(2) | (byte(3) << 8);
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
