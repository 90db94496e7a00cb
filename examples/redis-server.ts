// A small Redis: redis-cli, redis-benchmark and client libraries can talk to it. The parts are in redis/, from the
// bytes on the wire (resp.ts) to the protocol as a function of streams (protocol.ts); here they meet a socket and a file.
//
//   npm run example -- redis-server
//   redis-cli -p 6380

import { listen, serveEach } from 'evio';
import { lastValueFrom } from 'rxjs';
import { commandLine } from './running/command-line.js';
import { AppendOnlyFile } from './redis/append-only-file.js';
import { inlineMore } from './redis/inlining.js';
import { load } from './redis/load.js';
import { HIGH_WATER_MARK, redis } from './redis/protocol.js';
import { Store } from './redis/store.js';
import { WARM_UP, warmUp } from './redis/warm-up.js';
import { fail, runUntilSignal } from './running/run-until-signal.js';

inlineMore();
const { address, options, own } = commandLine('A small Redis, in memory.', 6380, {
  appendonly: {
    value: 'yes|no',
    about: 'write all changes to a file, read at the next start',
    default: 'no',
  },
  appendfilename: { value: 'FILE', about: 'that file', default: 'appendonly.aof' },
  'warm-up': {
    value: 'MILLISECONDS',
    about: 'answer made-up clients for so long before the first one, 0 for none',
    default: String(WARM_UP),
  },
});
if (!['yes', 'no'].includes(own.appendonly)) fail(`--appendonly takes yes or no, not '${own.appendonly}'`);
if (!/^\d{1,5}$/.test(own['warm-up']))
  fail(`--warm-up takes a number of milliseconds, not '${own['warm-up']}'`);

// First the port: when another server has it, that server may have the file as well, and it is not ours to touch.
const settings = { ...options, highWaterMark: HIGH_WATER_MARK };
const server = await runUntilSignal(() => listen(address, settings));

// Then the data. Clients can connect already, and wait: nobody is accepted before the subscription below.
const store = new Store();
const journal = own.appendonly === 'yes' ? openJournal(own.appendfilename) : undefined;

await warmUp(settings, Number(own['warm-up']));

console.log(`redis server on ${server.addresses.join(', ')} (${server.poller})`);
console.log(`try: redis-cli -h ${server.addresses[0]?.address} -p ${server.addresses[0]?.port}`);

// The protocol is a function of streams; what it cannot do by itself it is given here.
const started = Date.now();
const protocol = redis(store, {
  ...(journal === undefined ? {} : { journal }),
  settings: { appendonly: own.appendonly, appendfilename: own.appendfilename, save: '', databases: '1' },
  facts: () => ({
    tcp_port: server.addresses[0]?.port ?? 0,
    process_id: process.pid,
    uptime_in_seconds: Math.floor((Date.now() - started) / 1000),
    connected_clients: server.connections.size,
    aof_enabled: Number(journal !== undefined),
  }),
  shutdown: () => void server.close(),
});

// Serves until SHUTDOWN or a signal has closed the server and the last client is gone.
await lastValueFrom(server.connections$.pipe(serveEach(protocol)), { defaultValue: undefined });
try {
  journal?.close();
} catch (error) {
  fail(error);
}

function openJournal(path: string): AppendOnlyFile {
  try {
    const file = new AppendOnlyFile(path);
    const { requests, length, torn } = file.replay(load(store));
    if (torn > 0) console.error(`${path}: the last record is torn: ${torn} bytes cut off at ${length}`);
    console.log(`${path}: ${requests} changes read, ${store.size} keys`);
    return file;
  } catch (error) {
    return fail(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
