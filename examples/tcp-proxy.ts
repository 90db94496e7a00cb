// A TCP proxy that spreads its clients over several upstreams: each goes to the one with the fewest, those that cannot be
// reached are left in peace for a while, and neither side of a connection runs ahead of the other.
//
//   npm run example -- tcp-proxy --upstream 127.0.0.1:9001,127.0.0.1:9002

import { listen } from 'evio';
import { commandLine } from './running/command-line.js';
import { fail, runUntilSignal } from './running/run-until-signal.js';
import { Upstreams } from './proxy/upstreams.js';

const { address, options, own } = commandLine('Passes connections on to upstreams.', 8888, {
  upstream: { value: 'LIST', about: 'host:port, several with commas between', default: '127.0.0.1:9999' },
  timeout: { value: 'MS', about: 'how long an upstream has to answer a dial', default: '2000' },
});
const timeout = Number(own.timeout);
if (!Number.isInteger(timeout) || timeout < 1) fail(`--timeout takes milliseconds, not '${own.timeout}'`);

const addresses = own.upstream.split(',').map((text) => `tcp://${text.trim()}`);
const upstreams = new Upstreams(addresses, { ...options, connectTimeout: timeout }, console.error);
const server = await runUntilSignal(() => listen(address, options));

console.log(
  `proxy on ${server.addresses.join(', ')} (${server.poller}) to ${addresses.map((text) => text.slice(6)).join(', ')}`,
);

server.connections$.subscribe((client) => {
  // The client is not read before there is somebody to read for: what it sends waits where it is.
  const dial = upstreams.connect().subscribe({
    next: (upstream) => {
      client.pipeTo(upstream);
      upstream.pipeTo(client);
    },
    error: () => client.reset(),
  });
  client.closed$.subscribe(({ error }) => {
    if (error !== undefined) dial.unsubscribe();
  });
});
