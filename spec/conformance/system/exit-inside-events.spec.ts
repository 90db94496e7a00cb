// A process that ends inside an event, whichever it is, has sent what it wrote there.

import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { Peer, destroyPeers } from '../../support/peer.js';
import { overPollers } from '../../support/pollers.js';
import type { PollerUnderTest } from '../../support/pollers.js';
import { Running, endProcesses } from '../../support/processes.js';
import type { End, EventName } from './exit-program.js';

const PROGRAM = fileURLToPath(new URL('./exit-program.js', import.meta.url));

const EVENTS: readonly EventName[] = [
  'connections$',
  'data$',
  'the end of data$',
  'server.data$',
  'closed$',
  'disconnected$',
  'drained$',
  'the completion of send()',
  'a wake',
  'ticks$',
  'errors$',
];

/** Where a throw is nobody's but the process's; those of `data$` are the connection's, and reported on `errors$`. */
const UNCAUGHT: readonly EventName[] = ['connections$', 'closed$', 'disconnected$', 'drained$'];

async function endInside(poller: PollerUnderTest, event: EventName, how: End): Promise<Running> {
  const program = new Running(process.execPath, [PROGRAM, poller, event, how]);
  const [, port] = await program.prints(/port (\d+)\n/);
  const witness = await Peer.toPort(Number(port));
  await program.prints(/witness\n/);
  const second = await Peer.toPort(Number(port));
  second.fin('go');
  expect(String((await witness.over()).received)).to.equal('last words');
  return program;
}

overPollers('a process that ends inside an event', (poller) => {
  afterEach(endProcesses);
  afterEach(destroyPeers);

  for (const event of EVENTS) {
    it(`sends what was written before process.exit(): ${event}`, async () => {
      const { code, signal, stderr } = await (await endInside(poller, event, 'exit')).ended;
      expect({ code, signal, stderr }).to.deep.equal({ code: 3, signal: null, stderr: '' });
    });
  }

  for (const event of UNCAUGHT) {
    it(`sends what was written before an uncaught exception: ${event}`, async () => {
      const { code, signal, stderr } = await (await endInside(poller, event, 'throw')).ended;
      expect({ code, signal }).to.deep.equal({ code: 1, signal: null });
      expect(stderr).to.match(/^Error: on purpose$/m);
    });
  }
});
