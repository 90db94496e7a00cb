// In a worker of node:cluster every server binds for itself, which people who come from node:net do not expect.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect } from 'chai';

import { overPollers } from '../support/pollers.js';
import { SLOWNESS } from '../support/slowness.js';

const PROGRAM = fileURLToPath(new URL('./cluster-program.js', import.meta.url));

async function cluster(...args: readonly string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args], {
    timeout: 20_000 * SLOWNESS,
  });
  return stdout.trimEnd().split('\n');
}

overPollers('input errors: a port in use in a worker of node:cluster', (poller) => {
  it('is an error that names reusePort', async () => {
    expect(await cluster(poller)).to.deep.equal([
      'listening',
      'listen EADDRINUSE: address already in use 127.0.0.1:PORT: ' +
        'a node:cluster worker shares a port only by the option reusePort, given in every worker',
    ]);
  });
});

overPollers(
  'input errors: a port shared by workers of node:cluster',
  (poller) => {
    it('is no error with reusePort', async () => {
      expect(await cluster(poller, 'share')).to.deep.equal(['listening', 'listening']);
    });
  },
  ['epoll', 'kqueue'], // `net` needs Node 22.12
);
