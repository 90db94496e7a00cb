// The package from CommonJS, on whatever Node runs the specs.

import { execFile } from 'node:child_process';

import { expect } from 'chai';

const PROGRAM = `
const evio = require('evio');
const { lines } = require('evio/protocols');
const { wire } = require('evio/testing');
const { version } = require('evio/package.json');
const net = require('node:net');

const server = evio.listen('tcp://127.0.0.1:0', { poller: 'net' });
server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
server.ready.then(() => {
  const client = net.connect(server.addresses[0].port, '127.0.0.1', () => client.end('hello'));
  client.on('data', (data) => console.log([data, typeof lines, typeof wire, version].join(' ')));
  client.on('close', () => server.close());
});
`;

describe('require("evio") from CommonJS', () => {
  it('serves, sub-paths included, without a warning', async () => {
    const { code, stdout, stderr } = await new Promise<Record<string, unknown>>((resolve) => {
      const options = { cwd: import.meta.dirname }; // inside the package, so that it finds itself by its name
      const args = ['--input-type=commonjs', '--eval', PROGRAM];
      const child = execFile(process.execPath, args, options, (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout, stderr });
      });
    });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.match(/^hello function function \d+\.\d+\.\d+\n$/);
  });
});
