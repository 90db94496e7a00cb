// How connect() tries the addresses of a name, on virtual time: one after the other, each with a head start.

import { expect } from 'chai';
import { connect } from 'evio';
import type { ConnectOptions, Connection } from 'evio';
import { TestScheduler } from 'rxjs/testing';

import { VirtualPoller } from '../support/virtual-poller.js';

interface Script {
  readonly poller: VirtualPoller;
  /** What has been heard, and when. */
  readonly heard: string[];
  unsubscribe(): void;
  at(milliseconds: number, act: () => void): void;
}

const ADDRESSES = [
  { address: '::1', family: 6 },
  { address: '::2', family: 6 },
  { address: '1.1.1.1', family: 4 },
  { address: '::3', family: 6 },
  { address: '2.2.2.2', family: 4 },
];

function run(options: ConnectOptions, script: (script: Script) => void, addresses = ADDRESSES): string[] {
  const heard: string[] = [];
  const scheduler = new TestScheduler(() => {});
  scheduler.run(() => {
    const poller = new VirtualPoller(scheduler);
    const dialled = poller.connect.bind(poller);
    poller.connect = (address, dialOptions, events) => {
      heard.push(`${poller.now()} dials ${address.address}`);
      return dialled(address, dialOptions, events);
    };
    const client$ = connect('tcp://name.example:80', {
      poller,
      lookup: (_name, _options, callback) => callback(null, addresses),
      ...options,
    });
    const subscription = client$.subscribe({
      next: (connection: Connection) =>
        heard.push(`${poller.now()} connected to ${String(connection.remote)}`),
      error: (error: NodeJS.ErrnoException) => heard.push(`${poller.now()} ${error.code}`),
      complete: () => heard.push(`${poller.now()} complete`),
    });
    script({
      poller,
      heard,
      unsubscribe: () => subscription.unsubscribe(),
      at: (milliseconds, act) => {
        scheduler.schedule(act, milliseconds - scheduler.now());
      },
    });
  });
  return heard;
}

describe('connect() to a name', () => {
  it('tries both families in turn, each 250 ms after the one before it', () => {
    expect(run({}, () => {})).to.deep.equal([
      '0 dials ::1',
      '250 dials 1.1.1.1',
      '500 dials ::2',
      '750 dials 2.2.2.2',
      '1000 dials ::3',
    ]);
  });

  it('takes the first that answers, and gives the others up', () => {
    let aborted: boolean[] = [];
    const heard = run({}, ({ poller, at }) => {
      at(600, () => {
        poller.dials[1]?.succeeds();
        aborted = poller.dials.map((dial) => dial.aborted);
      });
    });
    expect(heard).to.deep.equal([
      '0 dials ::1',
      '250 dials 1.1.1.1',
      '500 dials ::2',
      '600 connected to 127.0.0.1:80',
    ]);
    expect(aborted).to.deep.equal([true, false, true]);
  });

  it('goes on at once when one fails', () => {
    const heard = run({}, ({ poller, at }) => {
      at(10, () => poller.dials[0]?.fails('ECONNREFUSED'));
      at(20, () => poller.dials[1]?.fails('ENETUNREACH'));
    });
    expect(heard).to.deep.equal([
      '0 dials ::1',
      '10 dials 1.1.1.1',
      '20 dials ::2',
      '270 dials 2.2.2.2',
      '520 dials ::3',
    ]);
  });

  it('errors when all have failed, with the code of the first and every message', () => {
    let error: AggregateError | undefined;
    const scheduler = new TestScheduler(() => {});
    scheduler.run(() => {
      const poller = new VirtualPoller(scheduler);
      connect('tcp://name.example:80', {
        poller,
        lookup: (_name, _options, callback) => callback(null, ADDRESSES.slice(1, 3)),
      }).subscribe({ error: (thrown: AggregateError) => (error = thrown) });
      poller.dials[0]?.fails('ECONNREFUSED');
      poller.dials[1]?.fails('ETIMEDOUT');
    });
    expect(error).to.be.instanceOf(AggregateError).and.include({ code: 'ECONNREFUSED' });
    expect(error?.message).to.equal('connect ECONNREFUSED ::2; connect ETIMEDOUT 1.1.1.1');
    expect(error?.errors).to.have.length(2);
  });

  it('waits for those still under way when the last one fails', () => {
    const heard = run(
      {},
      ({ poller, at }) => {
        at(300, () => poller.dials[1]?.fails('ECONNREFUSED'));
        at(5000, () => poller.dials[0]?.succeeds());
      },
      ADDRESSES.slice(1, 3),
    );
    expect(heard.at(-1)).to.equal('5000 connected to 127.0.0.1:80');
  });

  it('gives up when connectTimeout is up, however many are left', () => {
    let aborted: boolean[] = [];
    const heard = run({ connectTimeout: 600 }, ({ poller, at }) => {
      at(601, () => (aborted = poller.dials.map((dial) => dial.aborted)));
    });
    expect(heard.slice(-2)).to.deep.equal(['500 dials ::2', '600 ERR_EVIO_CONNECT_TIMEOUT']);
    expect(aborted).to.deep.equal([true, true, true]);
  });

  it('is in time when it connects in time: connectTimeout is over', () => {
    const heard = run({ connectTimeout: 600 }, ({ poller, at }) =>
      at(599, () => poller.dials[0]?.succeeds()),
    );
    expect(heard.at(-1)).to.equal('599 connected to 127.0.0.1:80');
  });

  it('gives everything up when it is unsubscribed from', () => {
    let aborted: boolean[] = [];
    const heard = run({}, ({ poller, at, unsubscribe }) => {
      at(300, unsubscribe);
      at(301, () => (aborted = poller.dials.map((dial) => dial.aborted)));
    });
    expect(heard).to.deep.equal(['0 dials ::1', '250 dials 1.1.1.1']);
    expect(aborted).to.deep.equal([true, true]);
  });

  it('hands on where from, and the options of the socket', () => {
    const scheduler = new TestScheduler(() => {});
    scheduler.run(() => {
      const poller = new VirtualPoller(scheduler);
      const dial = (options: ConnectOptions): void =>
        void connect('tcp://127.0.0.1:80', { poller, ...options }).subscribe();
      dial({ localAddress: '127.0.0.2', noDelay: false, keepAlive: 5000 });
      dial({ localAddress: '[::1]:4000' });
      dial({ localAddress: '::1' });
      dial({ localAddress: '127.0.0.1:0' });
      expect(poller.dials.map(({ options }) => options)).to.deep.equal([
        { noDelay: false, keepAlive: 5000, local: { family: 'IPv4', address: '127.0.0.2', port: 0 } },
        { noDelay: true, keepAlive: 0, local: { family: 'IPv6', address: '::1', port: 4000 } },
        { noDelay: true, keepAlive: 0, local: { family: 'IPv6', address: '::1', port: 0 } },
        { noDelay: true, keepAlive: 0, local: { family: 'IPv4', address: '127.0.0.1', port: 0 } },
      ]);
    });
  });
});
