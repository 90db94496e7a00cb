// One AbortSignal for many servers and connections: Node sees one listener on it, and none when they are gone.

import { getEventListeners } from 'node:events';
import process from 'node:process';

import { expect } from 'chai';
import { connect, listen } from 'evio';
import type { Connection, Server } from 'evio';
import type { Subscription } from 'rxjs';

import { codeOf, turns, until } from '../../support/connections.js';
import { overPollers } from '../../support/pollers.js';
import { closeServers, listening, portOf } from '../../support/servers.js';

const MANY = 50;

interface Client {
  readonly subscription: Subscription;
  connection: Connection | undefined;
  error: Error | undefined;
}

overPollers('one AbortSignal for many', (poller) => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);

  beforeEach(() => {
    warnings.length = 0;
    process.on('warning', onWarning);
  });
  afterEach(() => process.off('warning', onWarning));
  afterEach(closeServers);

  const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

  async function servers(signal: AbortSignal): Promise<Server[]> {
    return Promise.all(Array.from({ length: MANY }, () => listening(poller, { signal })));
  }

  /** Of a server that does not know the signal. */
  async function clients(signal: AbortSignal): Promise<Client[]> {
    const server = await listening(poller);
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    const address = `tcp://127.0.0.1:${portOf(server)}`;
    const made = Array.from({ length: MANY }, () => {
      const client: Client = {
        connection: undefined,
        error: undefined,
        subscription: connect(address, { poller, signal }).subscribe({
          next: (connection) => (client.connection = connection),
          error: (error: Error) => (client.error = error),
        }),
      };
      return client;
    });
    await until(() => made.every(({ connection }) => connection !== undefined));
    return made;
  }

  it('ends them all when it is aborted, and warns of nothing', async () => {
    const controller = new AbortController();
    const listened = await servers(controller.signal);
    const connected = await clients(controller.signal);
    expect(listenersOf(controller.signal)).to.equal(1);
    const gone = listened.map((server) => {
      return new Promise<void>((resolve) => server.disconnected$.subscribe({ complete: resolve }));
    });
    controller.abort(new Error('enough'));
    await Promise.all(gone);
    await until(() => connected.every(({ error }) => codeOf(error) === 'enough'));
    expect(listenersOf(controller.signal)).to.equal(0);
    expect(warnings).to.deep.equal([]);
  });

  it('forgets those that end by themselves, and has no listener once the last has', async () => {
    const controller = new AbortController();
    const listened = await servers(controller.signal);
    const connected = await clients(controller.signal);
    const [last, ...others] = listened;
    await Promise.all(others.map((server) => server.close()));
    for (const [i, { connection, subscription }] of connected.entries()) {
      if (i % 2 === 0) connection?.destroy();
      else subscription.unsubscribe();
    }
    expect(listenersOf(controller.signal)).to.equal(1);
    await last?.close();
    expect(listenersOf(controller.signal)).to.equal(0);
    await turns();
    expect(warnings).to.deep.equal([]);
    // And begins again with the next.
    const next = await listening(poller, { signal: controller.signal });
    controller.abort();
    expect(await next.close()).to.deep.equal({ drained: 0, forced: 0 });
    expect(listenersOf(controller.signal)).to.equal(0);
  });

  it('closes once whom another has closed on being told', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const told: string[] = [];
    const first = listen('tcp://127.0.0.1:0', { poller, signal });
    const second = listen('tcp://127.0.0.1:0', { poller, signal });
    first.disconnected$.subscribe({
      complete: () => {
        told.push('first');
        void second.close({ timeout: 0 });
      },
    });
    second.closing$.subscribe(() => told.push('second'));
    await Promise.all([first.ready, second.ready]);
    controller.abort();
    await Promise.all([first.close(), second.close()]);
    expect(told).to.deep.equal(['first', 'second']);
    expect(listenersOf(signal)).to.equal(0);
  });

  it('leaves no listener behind a server that could not be bound and a connection that could not be made', async () => {
    const { signal } = new AbortController();
    const taken = await listening(poller);
    const address = `tcp://127.0.0.1:${portOf(taken)}`;
    const error: unknown = await listen(address, { poller, signal }).ready.catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'EADDRINUSE' });
    await taken.close();
    const refused = await new Promise<Error>((resolve) => {
      connect(address, { poller, signal }).subscribe({ error: resolve });
    });
    expect(codeOf(refused)).to.equal('ECONNREFUSED');
    expect(listenersOf(signal)).to.equal(0);
  });
});
