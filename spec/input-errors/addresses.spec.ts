// Wrong addresses: listen() throws at once, and the message names the address and what is wrong with it.

import { expect } from 'chai';
import { EvioError, listen } from 'evio';

import { closeServers, listening } from '../support/servers.js';
import { expectTypeError, thrownBy, titleOf } from './misuse.js';

const WRONG: readonly [string, string, ...string[]][] = [
  // Ports.
  ['tcp://127.0.0.1:-1', 'ERR_SOCKET_BAD_PORT', '"-1"', '65535'],
  ['tcp://127.0.0.1:65536', 'ERR_SOCKET_BAD_PORT', '"65536"', '65535'],
  ['tcp://127.0.0.1:abc', 'ERR_SOCKET_BAD_PORT', '"abc"'],
  ['tcp://127.0.0.1:', 'ERR_SOCKET_BAD_PORT', '""'],
  ['tcp://127.0.0.1:80.5', 'ERR_SOCKET_BAD_PORT', '"80.5"'],
  ['tcp://127.0.0.1:0x50', 'ERR_SOCKET_BAD_PORT', '"0x50"'],
  ['tcp://127.0.0.1:1e3', 'ERR_SOCKET_BAD_PORT', '"1e3"'],
  ['tcp://127.0.0.1: 80', 'ERR_SOCKET_BAD_PORT', '" 80"'],
  ['tcp://127.0.0.1:99999999999999999999', 'ERR_SOCKET_BAD_PORT', '65535'],
  ['tcp://127.0.0.1:80/', 'ERR_SOCKET_BAD_PORT', '"80/"'],
  ['tcp://127.0.0.1:80?reuseport=1', 'ERR_SOCKET_BAD_PORT', '"80?reuseport=1"'],
  [':-1', 'ERR_SOCKET_BAD_PORT', '"-1"'],
  // Schemes.
  ['tulip://x', 'ERR_INVALID_ARG_VALUE', '"tulip"', 'tcp, tcp4, tcp6, unix'],
  ['tulip://127.0.0.1:0', 'ERR_INVALID_ARG_VALUE', '"tulip"', 'tcp, tcp4, tcp6, unix'],
  ['://127.0.0.1:0', 'ERR_INVALID_ARG_VALUE', 'tcp, tcp4, tcp6, unix'],
  ['http://127.0.0.1:0', 'ERR_INVALID_ARG_VALUE', '"http"'],
  ['tcp-net://127.0.0.1:0', 'ERR_INVALID_ARG_VALUE', '"tcp-net"'],
  // Hosts.
  ['', 'ERR_INVALID_ARG_VALUE', 'host:port'],
  ['9999', 'ERR_INVALID_ARG_VALUE', 'host:port'],
  ['tcp://', 'ERR_INVALID_ARG_VALUE', 'host:port'],
  ['tcp://127.0.0.1', 'ERR_INVALID_ARG_VALUE', 'host:port'],
  ['tcp://::1:80', 'ERR_INVALID_ARG_VALUE', '[IPv6 address]:port'],
  ['tcp://[::1]', 'ERR_INVALID_ARG_VALUE', '[IPv6 address]:port'],
  ['tcp://[::1:80', 'ERR_INVALID_ARG_VALUE', '[IPv6 address]:port'],
  ['tcp://[127.0.0.1]:80', 'ERR_INVALID_ARG_VALUE', '"127.0.0.1"', 'IPv6'],
  ['tcp://[]:80', 'ERR_INVALID_ARG_VALUE', 'IPv6'],
  ['tcp://user@host:80', 'ERR_INVALID_ARG_VALUE', '"user@host"'],
  ['tcp://a b:80', 'ERR_INVALID_ARG_VALUE', '"a b"'],
  ['tcp4://[::1]:0', 'ERR_INVALID_ARG_VALUE', 'tcp4', 'IPv6'],
  ['tcp6://127.0.0.1:0', 'ERR_INVALID_ARG_VALUE', 'tcp6', 'IPv4'],
  // Paths.
  ['unix://', 'ERR_INVALID_ARG_VALUE', 'path'],
  ['unix://a\0b', 'ERR_INVALID_ARG_VALUE', 'path'],
];

describe('input errors: addresses', () => {
  afterEach(closeServers);

  for (const [address, code, ...parts] of WRONG) {
    it(JSON.stringify(address), () => {
      expectTypeError(
        thrownBy(() => listen(address)),
        code,
        JSON.stringify(address),
        ...parts,
      );
    });
  }

  for (const address of [undefined, null, 9999, true, {}, Symbol('mine'), new URL('tcp://127.0.0.1:0')]) {
    it(`${titleOf(address)}: not a string`, () => {
      expectTypeError(
        thrownBy(() => listen(address as string)),
        'ERR_INVALID_ARG_TYPE',
        'address',
        'string',
      );
    });
  }

  it('a list in which one is wrong names that one', () => {
    const error = thrownBy(() => listen(['tcp://127.0.0.1:0', 'tulip://x']));
    expectTypeError(error, 'ERR_INVALID_ARG_VALUE', '"tulip://x"');
    expectTypeError(
      thrownBy(() => listen([undefined as unknown as string])),
      'ERR_INVALID_ARG_TYPE',
      'address',
    );
  });

  it('an empty list', () => {
    expectTypeError(
      thrownBy(() => listen([])),
      'ERR_INVALID_ARG_VALUE',
      'at least one',
    );
  });

  for (const scheme of ['udp', 'udp4', 'udp6', 'tls']) {
    it(`${scheme}: known, and not built yet`, () => {
      const error = thrownBy(() => listen(`${scheme}://127.0.0.1:0`));
      expect(error).to.be.an.instanceOf(EvioError);
      expect(error).to.include({ code: 'ERR_EVIO_UNSUPPORTED' });
      expect(error.message).to.include(scheme);
    });
  }

  it('a long address is cut in the message', () => {
    expect(thrownBy(() => listen('x'.repeat(100_000))).message.length).to.be.below(500);
  });

  for (const address of ['127.0.0.1:0', 'TCP://127.0.0.1:0', 'tcp4://127.0.0.1:00', 'tcp://localhost:0']) {
    it(`${address}: right`, async () => {
      expect((await listening('net', {}, address)).addresses[0]?.port).to.be.within(1, 65_535);
    });
  }
});
