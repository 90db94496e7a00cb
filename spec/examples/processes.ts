// Examples as child processes.

import net from 'node:net';
import { fileURLToPath } from 'node:url';

import { Running } from '../support/processes.js';

/** An example, as `npm run example` would start it. */
export function example(name: string, args: readonly string[] = [], env?: NodeJS.ProcessEnv): Running {
  const file = fileURLToPath(new URL(`../../examples/${name}.js`, import.meta.url));
  return new Running(process.execPath, ['--enable-source-maps', file, ...args], env);
}

/** An example server on a free port, once it listens. */
export async function startServer(
  name: string,
  args: readonly string[],
): Promise<{ server: Running; port: number }> {
  const server = example(name, ['--port', '0', ...args]);
  const [, port] = await server.prints(/ on \S*:(\d+)\b/);
  await server.prints(/try: .*\n/);
  return { server, port: Number(port) };
}

/** A port that was free a moment ago, for a program that cannot say which one it got. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
