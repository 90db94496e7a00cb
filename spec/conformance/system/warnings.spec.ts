// What nobody listens to is said once, by a process warning.

import { expect } from 'chai';

import { overPollers } from '../../support/pollers.js';
import { runModule } from '../../support/programs.js';

const WARNED = (serving: string): string => `
  import { connect } from 'node:net';
  import { listen, serveEach } from 'evio';
  const server = await listen('tcp://127.0.0.1:0', { poller: process.argv.at(-1) }).ready;
  function culprit() { throw new Error('a bug of the application'); }
  ${serving}
  let left = 2;
  server.disconnected$.subscribe(() => { if (--left === 0) void server.close(); });
  for (let i = 0; i < 2; i++) connect(server.addresses[0].port, '127.0.0.1').on('error', () => {}).end('x');
`;

overPollers('a failure that nobody listens to', (poller) => {
  for (const [title, serving] of Object.entries({
    'in a callback': 'server.connections$.subscribe(({ data$ }) => data$.subscribe(culprit));',
    'in a protocol': 'server.connections$.pipe(serveEach(culprit)).subscribe();',
  })) {
    it(`is one process warning with its stack: ${title}`, async () => {
      const { code, stderr } = await runModule(WARNED(serving), { args: [poller] });
      expect(code).to.equal(0);
      expect(stderr.match(/EvioWarning: connection \d: a bug of the application/g)).to.have.length(2);
      expect(stderr.match(/at .*culprit/g)).to.have.length(2);
    });
  }
});
