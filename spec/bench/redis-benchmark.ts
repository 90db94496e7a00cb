// redis-benchmark as the load: the tool that the headline of evio and of Redis was made with.

import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { start, stop } from './children.js';
import { type Load, requestValues, type Seen } from './measurement.js';
import { find } from './programs.js';
import type { ServerProcess } from './server-process.js';

/** As `redis-benchmark -t` calls them. */
export type Test = 'ping_inline' | 'ping_mbulk' | 'set' | 'get';

const CLIENTS = 50;
const PATIENCE = 120_000; // ms for one run

/** The tests of the seed's command, as redis-benchmark calls them and as we do. */
export const SEED_TESTS = [
  { says: 'PING_INLINE', key: 'pingInline', title: 'PING inline' },
  { says: 'PING_MBULK', key: 'ping', title: 'PING' },
  { says: 'SET', key: 'set', title: 'SET' },
  { says: 'GET', key: 'get', title: 'GET' },
] as const;

/** `depth` is -P. One test is one run of the tool, so that the server's CPU time belongs to it. */
export function redisBenchmark(test: Test, depth: number, requests: number): Load {
  return async (server, { quick }) => {
    // 100,000 requests with -P 128, the default, last 20 ms and measure a cold V8 (README.md).
    const count = quick ? requests / 10 : requests;
    const run = (tests: string, of: number, pipelined: number): Promise<string> => {
      const load = ['-P', String(pipelined), '-c', String(CLIENTS), '-n', String(of), '-t', tests, '--csv'];
      return benchmark(server, load);
    };
    await run('ping,set,get', quick ? 100_000 : 500_000, 128);
    return requestValues(await server.cost(async () => parse(await run(test, count, depth), count)));
  };
}

/** `redis-benchmark -t ping,set,get -q -P 128`, as somebody would paste it, on a server that nobody has used yet. */
export const seedCommand: Load = async (server) => {
  const said = await benchmark(server, ['-t', 'ping,set,get', '-q', '-P', '128']);
  return Object.fromEntries(
    SEED_TESTS.map(({ says, key }) => {
      const rate = Number(new RegExp(`\\b${says}: ([\\d.]+) requests per second`).exec(said)?.[1]);
      if (!(rate > 0)) throw new Error(`redis-benchmark said nothing of ${says}`);
      return [key, rate];
    }),
  );
};

/** What it prints. */
async function benchmark(server: ServerProcess, args: readonly string[]): Promise<string> {
  const program = find('redis-benchmark') ?? 'redis-benchmark';
  const command = [program, '-h', '127.0.0.1', '-p', String(server.port), ...args];
  // The shell's `times` is the only simple way to learn the CPU time of a child that has ended.
  const child = start('client', ['sh', '-c', '"$@"; status=$?; times; exit $status', 'sh', ...command]);
  if (child.stdout === null || child.stderr === null) throw new Error('redis-benchmark has no output');
  const tooLong = setTimeout(() => void stop(child), PATIENCE);
  const [out, complaint, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  clearTimeout(tooLong);
  if (code === null) throw new Error(`redis-benchmark took longer than ${PATIENCE / 1000} s`);
  if (code !== 0) throw new Error(`redis-benchmark failed: ${complaint.trim().split('\n').at(-1)}`);
  return out;
}

/** The last test's line by the titles of the first, and the last line of `times`: user and system time of the children. */
function parse(out: string, count: number): Seen {
  const lines = out.trim().split('\n');
  const cells = (line = ''): string[] => line.split(',').map((cell) => cell.replaceAll('"', ''));
  const titles = cells(lines.find((line) => line.startsWith('"test"')));
  const results = cells(lines.findLast((line) => line.startsWith('"')));
  const value = (title: string): number => Number(results[titles.indexOf(title)]);
  const rate = value('rps');
  if (!(rate > 0)) throw new Error('redis-benchmark of Redis 6.2 or later is needed (--csv with titles)');
  const times = [...(lines.at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  const cpu = times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
  const [p50, p99] = [value('p50_latency_ms') * 1e3, value('p99_latency_ms') * 1e3];
  return { count, seconds: count / rate, cpu, p50, p99 };
}
