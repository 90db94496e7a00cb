// Wrong options: listen() throws at once, names the option, and says what it must be.

import { expect } from 'chai';
import { listen } from 'evio';
import type { ListenOptions } from 'evio';
import { lastValueFrom, merge } from 'rxjs';

import { pollers } from '../support/pollers.js';
import { closeServers, listening } from '../support/servers.js';
import { expectTypeError, rejectionOf, thrownBy, titleOf } from './misuse.js';
import type { Coded } from './misuse.js';

const NAMES = [
  'poller',
  'backlog',
  'reusePort',
  'ipv6Only',
  'noDelay',
  'keepAlive',
  'highWaterMark',
  'lowWaterMark',
  'maxQueuedBytes',
  'halfOpen',
  'reuseInputBuffer',
  'idleTimeout',
  'readTimeout',
  'firstByteTimeout',
  'writeTimeout',
  'handshakeTimeout',
  'maxConnections',
  'whenFull',
  'maxConnectionsPerAddress',
  'acceptRate',
  'signal',
];
const FLAGS = ['reusePort', 'ipv6Only', 'noDelay', 'halfOpen', 'reuseInputBuffer'];
const NUMBERS: readonly [name: string, below: number, above: number][] = [
  ['backlog', 0, 2 ** 31],
  ['keepAlive', -1, 32_767_001],
  ['highWaterMark', -1, Infinity],
  ['lowWaterMark', -1, 1024 * 1024 + 1],
  ['maxQueuedBytes', -1, 2 ** 53],
  ['idleTimeout', -1, 2 ** 31],
  ['readTimeout', -1, 2 ** 31],
  ['firstByteTimeout', -1, 2 ** 31],
  ['writeTimeout', -1, 2 ** 31],
  ['handshakeTimeout', -1, 2 ** 31],
  ['maxConnections', 0, 2 ** 53],
  ['maxConnectionsPerAddress', 0, 2 ** 53],
  ['acceptRate', 0, 2 ** 53],
];

function thrownFor(options: unknown): Coded {
  return thrownBy(() => listen('tcp://127.0.0.1:0', options as ListenOptions));
}

describe('input errors: options', () => {
  afterEach(closeServers);

  for (const options of [1, true, 'net', [], () => {}]) {
    it(`options that are ${titleOf(options)}`, () => {
      expectTypeError(thrownFor(options), 'ERR_INVALID_ARG_TYPE', 'options', 'object');
    });
  }

  for (const name of ['timout', 'Poller', 'tls', '__proto__x', 'toString', 'constructor']) {
    it(`an unknown option ${name}: the valid ones are listed`, () => {
      expectTypeError(thrownFor({ [name]: 1 }), 'ERR_INVALID_ARG_VALUE', `"${name}"`, ...NAMES);
    });
  }

  for (const name of FLAGS) {
    for (const value of [0, 1, 'true', null, {}]) {
      it(`${name}: ${titleOf(value)}`, () => {
        expectTypeError(thrownFor({ [name]: value }), 'ERR_INVALID_ARG_TYPE', name, 'true or false');
      });
    }
  }

  for (const [name, below, above] of NUMBERS) {
    for (const value of [below, above, 1.5, Number.NaN, -Infinity]) {
      it(`${name}: ${value} is out of range`, () => {
        const error = thrownFor({ [name]: value });
        expect(error).to.be.an.instanceOf(RangeError);
        expect(error).to.include({ code: 'ERR_OUT_OF_RANGE' });
        expect(error.message).to.include(name).and.to.include(String(value));
        expect(error.message).to.match(/from \d+ to \d+/);
      });
    }
    for (const value of ['1', null, true, 1n, {}]) {
      it(`${name}: ${titleOf(value)} is no number`, () => {
        expectTypeError(thrownFor({ [name]: value }), 'ERR_INVALID_ARG_TYPE', name, 'number');
      });
    }
  }

  for (const whenFull of ['reject', '', null, true, 1]) {
    it(`whenFull: ${titleOf(whenFull)}: the valid ones are listed`, () => {
      expectTypeError(thrownFor({ whenFull }), 'ERR_INVALID_ARG_VALUE', 'whenFull', '"wait" or "drop"');
    });
  }

  it('lowWaterMark above highWaterMark', () => {
    const error = thrownFor({ highWaterMark: 10, lowWaterMark: 11 });
    expect(error).to.be.an.instanceOf(RangeError);
    expect(error.message).to.include('lowWaterMark').and.to.include('10');
  });

  it('undefined is as good as nothing, for every option', async () => {
    const server = await listening('net', Object.fromEntries(NAMES.map((name) => [name, undefined])));
    expect(server.addresses).to.have.length(1);
  });

  it('the limits themselves are right', async () => {
    await listening('net', { backlog: 1, keepAlive: 0, highWaterMark: 0, maxQueuedBytes: 0 });
    await listening('net', {
      keepAlive: 32_767_000,
      maxQueuedBytes: Infinity,
      highWaterMark: 10,
      lowWaterMark: 10,
    });
  });

  for (const signal of [true, {}, new AbortController(), null]) {
    it(`signal: ${titleOf(signal)}`, () => {
      expectTypeError(thrownFor({ signal }), 'ERR_INVALID_ARG_TYPE', 'signal', 'AbortSignal');
    });
  }

  for (const poller of pollers) {
    it(`a signal that is aborted already: ready rejects with its reason, streams complete (${poller})`, async () => {
      const reason = new Error('mine');
      const server = listen('tcp://127.0.0.1:0', { poller, signal: AbortSignal.abort(reason) });
      expect(await rejectionOf(server.ready)).to.equal(reason);
      const { connections$, data$, ticks$, disconnected$, errors$ } = server;
      const last = lastValueFrom(merge(connections$, data$, ticks$, disconnected$, errors$), {
        defaultValue: 'nothing',
      });
      expect(await last).to.equal('nothing');
      expect(server.addresses).to.deep.equal([]);
    });
  }
});

describe('input errors: pollers', () => {
  const before = process.env['EVIO_POLLER'];
  afterEach(closeServers);
  afterEach(() => {
    if (before === undefined) delete process.env['EVIO_POLLER'];
    else process.env['EVIO_POLLER'] = before;
  });

  for (const poller of ['select', '', 'EPOLL', 'simulated', 1, true, {}, { listen() {} }]) {
    it(`poller: ${titleOf(poller)}: the valid ones are listed`, () => {
      expectTypeError(thrownFor({ poller }), 'ERR_INVALID_ARG_VALUE', 'poller', 'auto, epoll, kqueue, net');
    });
  }

  it('EVIO_POLLER that is wrong says that it was EVIO_POLLER, and lists the valid ones', () => {
    process.env['EVIO_POLLER'] = 'select';
    expectTypeError(
      thrownFor({}),
      'ERR_INVALID_ARG_VALUE',
      'EVIO_POLLER',
      '"select"',
      'auto, epoll, kqueue, net',
    );
  });

  it('EVIO_POLLER stands in for the option, which goes first; empty is as good as nothing', async () => {
    process.env['EVIO_POLLER'] = 'net';
    const named = listen('tcp://127.0.0.1:0', { poller: 'epoll' });
    const chosen = listen('tcp://127.0.0.1:0');
    process.env['EVIO_POLLER'] = '';
    const unset = listen('tcp://127.0.0.1:0');
    expect([named.poller, chosen.poller, unset.poller]).to.deep.equal(['epoll', 'net', 'epoll']);
    await Promise.all([named, chosen, unset].map((server) => server.close()));
  });

  it('EVIO_POLLER that is wrong does not matter where the option is given', async () => {
    process.env['EVIO_POLLER'] = 'select';
    expect((await listening('net')).poller).to.equal('net');
  });
});
