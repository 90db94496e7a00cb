// connect() with what a tired user would pass: a clear error at the call, not at the subscription.

import { expect } from 'chai';
import { connect } from 'evio';

import { expectTypeError, thrownBy, titleOf } from './misuse.js';

const GOOD = 'tcp://127.0.0.1:9999';

describe('input errors: connect()', () => {
  for (const address of [
    undefined,
    null,
    9999,
    '',
    'localhost',
    'http://x:1',
    'tcp://x',
    'unix://',
    ':99999',
  ]) {
    it(`address: ${titleOf(address)}`, () => {
      const error = thrownBy(() => connect(address as string));
      expect(error).to.be.an.instanceOf(TypeError);
      expect(error.message).to.include('address');
    });
  }

  for (const address of ['127.0.0.1:0', ':0', 'tcp://localhost:0']) {
    it(`address: ${titleOf(address)}: there is no port 0 to connect to`, () => {
      expectTypeError(
        thrownBy(() => connect(address)),
        'ERR_INVALID_ARG_VALUE',
        'port 0',
      );
    });
  }

  for (const scheme of ['udp', 'tls']) {
    it(`${scheme} is known, and not supported yet`, () => {
      expect(thrownBy(() => connect(`${scheme}://127.0.0.1:1`))).to.include({ code: 'ERR_EVIO_UNSUPPORTED' });
    });
  }

  const wrong: readonly [option: string, value: unknown][] = [
    ['connectTimeout', -1],
    ['connectTimeout', 1.5],
    ['connectTimeout', '1s'],
    ['connectTimeout', Infinity],
    ['idleTimeout', -1],
    ['readTimeout', Number.NaN],
    ['firstByteTimeout', true],
    ['writeTimeout', 2 ** 31],
    ['handshakeTimeout', null],
    ['localAddress', 'localhost'],
    ['localAddress', ''],
    ['localAddress', 127],
    ['localAddress', '127.0.0.1:99999'],
    ['localAddress', '127.0.0.1:http'],
    ['lookup', 'dns'],
    ['signal', {}],
    ['poller', 'select'],
    ['highWaterMark', -1],
  ];
  for (const [option, value] of wrong) {
    it(`${option}: ${titleOf(value)}`, () => {
      const error = thrownBy(() => connect(GOOD, { [option]: value }));
      expect(error).to.satisfy(
        (thrown: Error) => thrown instanceof TypeError || thrown instanceof RangeError,
      );
      expect(error.message).to.include(option);
    });
  }

  for (const option of ['backlog', 'maxConnections', 'reusePort', 'timeout', 'port']) {
    it(`${option}: unknown here, and the valid ones are listed`, () => {
      const error = thrownBy(() => connect(GOOD, { [option]: 1 }));
      expectTypeError(error, 'ERR_INVALID_ARG_VALUE', option, 'connectTimeout', 'localAddress');
    });
  }
});
