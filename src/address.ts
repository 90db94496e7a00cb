// Addresses to listen on, from text.

import { isIP } from 'node:net';

import { EvioError, describe, invalidArgument } from './errors.js';

/** An address as written: a name has not been resolved yet. */
export interface ParsedAddress {
  /** As it was given, for messages. */
  readonly text: string;
  readonly scheme: Scheme;
  /** A name, a numeric address, a path, or empty for all addresses. */
  readonly host: string;
  readonly port: number;
}

export type Scheme = 'tcp' | 'tcp4' | 'tcp6' | 'unix';

const SCHEMES: readonly Scheme[] = ['tcp', 'tcp4', 'tcp6', 'unix'];
const NOT_YET = new Set(['udp', 'udp4', 'udp6', 'tls']);

/**
 * Reads `tcp://host:port`, `tcp4://…`, `tcp6://…`, `unix://path`, or `host:port` and `:port` for tcp. Port 0 asks for a
 * free one; an empty host means all addresses. IPv6 addresses stand in brackets.
 *
 * @throws TypeError for anything else; EvioError (ERR_EVIO_UNSUPPORTED) for schemes that are known and not built.
 */
export function parseAddress(text: string): ParsedAddress {
  if (typeof text !== 'string') {
    throw invalidArgument(
      `address must be a string such as "tcp://127.0.0.1:9999", not ${describe(text)}`,
      'ERR_INVALID_ARG_TYPE',
    );
  }
  const separator = text.indexOf('://');
  const scheme = separator < 0 ? 'tcp' : text.slice(0, separator).toLowerCase();
  const rest = separator < 0 ? text : text.slice(separator + 3);
  if (NOT_YET.has(scheme)) {
    throw new EvioError('ERR_EVIO_UNSUPPORTED', `address ${describe(text)}: ${scheme} is not supported yet`);
  }
  if (!isScheme(scheme)) {
    throw invalidArgument(
      `address ${describe(text)}: unknown scheme ${describe(scheme)}; valid are ${SCHEMES.join(', ')}`,
    );
  }
  if (scheme === 'unix') return parsePath(text, rest);
  return parseHostAndPort(text, scheme, rest);
}

function isScheme(scheme: string): scheme is Scheme {
  return (SCHEMES as readonly string[]).includes(scheme);
}

function parsePath(text: string, path: string): ParsedAddress {
  if (path === '' || path.includes('\0')) {
    throw invalidArgument(
      `address ${describe(text)}: a unix address needs a path, as in "unix:///run/app.sock"`,
    );
  }
  return { text, scheme: 'unix', host: path, port: 0 };
}

function parseHostAndPort(text: string, scheme: Scheme, rest: string): ParsedAddress {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(rest);
  if (match === null) {
    throw invalidArgument(`address ${describe(text)}: expected host:port, [IPv6 address]:port or :port`);
  }
  const [, bracketed, plain, port = ''] = match;
  const host = bracketed ?? plain ?? '';
  if (bracketed !== undefined && isIP(bracketed) !== 6) {
    throw invalidArgument(`address ${describe(text)}: ${describe(bracketed)} is not an IPv6 address`);
  }
  if (/[\s/@?#]/.test(host)) {
    throw invalidArgument(`address ${describe(text)}: ${describe(host)} is not a host name`);
  }
  const family = isIP(host);
  if ((scheme === 'tcp4' && family === 6) || (scheme === 'tcp6' && family === 4)) {
    throw invalidArgument(`address ${describe(text)}: ${scheme} does not go with an IPv${family} address`);
  }
  return { text, scheme, host, port: parsePort(text, port) };
}

function parsePort(text: string, port: string): number {
  const number = Number(port);
  if (!/^\d+$/.test(port) || number > 65535) {
    throw invalidArgument(
      `address ${describe(text)}: the port must be a number from 0 to 65535, not ${describe(port)}`,
      'ERR_SOCKET_BAD_PORT',
    );
  }
  return number;
}
