// One server under test: started afresh, asked, measured from outside, ended.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { start, stop } from './children.js';
import { MemoryProbe } from './memory-probe.js';
import { busySeconds, cpuSeconds, residentBytes } from './proc.js';
import type { Protocol, Rival } from './rivals.js';

const START_PATIENCE = 10_000; // ms
const POLLER = /\b(epoll|kqueue|net)\b/;

/** What one measured stretch of work cost the server. */
export interface Cost {
  readonly cpu: number; // seconds
  readonly busy: number; // seconds of the whole machine, the server's included
  readonly rss: number; // bytes, at its end
}

export class ServerProcess {
  readonly port: number;
  /** The poller that an evio server said it runs on. */
  poller: string | undefined;
  readonly #child: ChildProcess;
  readonly #said: string[] = [];
  readonly #lines: AsyncIterator<string>;

  /** Memory can be asked for. */
  readonly weighs: boolean;
  readonly #probe: MemoryProbe | undefined;

  private constructor(command: readonly string[], port: number, weighs: boolean) {
    this.port = port;
    this.weighs = weighs;
    this.#probe = weighs ? new MemoryProbe() : undefined;
    const { EVIO_POLLER: _, ...env } = process.env; // a rival's name says what it runs on, the environment does not
    this.#child = start('server', command, { ...env, ...this.#probe?.environment });
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new Error('a server has no output');
    stdout.on('data', (text: Buffer) => this.#hear(text));
    stderr.on('data', (text: Buffer) => this.#hear(text));
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** Starts a rival and waits until it accepts connections. */
  static async start(rival: Rival, protocol: Protocol): Promise<ServerProcess> {
    const port = await freePort();
    const command = rival.command(protocol, port);
    if (command === undefined) throw new Error(`${rival.name} does not speak ${protocol}`);
    const weighs = protocol === 'weighed' && rival.weighs === true;
    const server = new ServerProcess(command, port, weighs);
    const deadline = Date.now() + START_PATIENCE;
    while (!(await accepts(port))) {
      if (server.#ended() || Date.now() > deadline) {
        await server.stop();
        throw new Error(`it does not listen. ${server.lastWords()}`.trim());
      }
      await sleep(20);
    }
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN;
  }

  /** Does some work and says what it cost the server. */
  async cost<T>(work: () => Promise<T>): Promise<Cost & { readonly result: T }> {
    const before = cpuSeconds(this.pid);
    const busy = busySeconds();
    const result = await work();
    if (this.#ended()) throw new Error(`the server ended. ${this.lastWords()}`.trim());
    const cpu = cpuSeconds(this.pid) - before;
    return { result, cpu, busy: busySeconds() - busy, rss: residentBytes(this.pid) };
  }

  /** Asks a server that counts what it has counted: a line in, a line of JSON out. */
  async report<T>(line = 'count'): Promise<T> {
    this.#child.stdin?.write(`${line}\n`);
    for (;;) {
      const { done, value } = await this.#lines.next();
      if (done === true) throw new Error(`the server ended. ${this.lastWords()}`.trim());
      if (value.startsWith('{')) return JSON.parse(value) as T;
    }
  }

  /** What malloc has given it. Only of one that weighs. */
  mallocBytes(): Promise<number> {
    if (this.#probe === undefined) throw new Error('this server was started without a probe of its memory');
    return this.#probe.bytes();
  }

  /** What it said last, in one line: the reason, when something went wrong. */
  lastWords(): string {
    const said = this.#said.join('').trim().split('\n');
    const reason = said.findLast((line) => /error/i.test(line)) ?? said.at(-1) ?? '';
    return reason.slice(0, 200);
  }

  async stop(): Promise<void> {
    await stop(this.#child);
    this.#probe?.close();
  }

  #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  #hear(text: Buffer): void {
    this.#said.push(text.toString());
    this.poller ??= POLLER.exec(this.#said.join(''))?.[1];
    if (this.#said.length > 100) this.#said.splice(0, 50);
  }
}

/**
 * Ports below the ephemeral range: there, no client can hold the port, and a client that tries too early cannot be
 * given that very port and connect to itself.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const probe = net.createServer();
    try {
      await once(probe.listen(port, '127.0.0.1'), 'listening');
      return port;
    } catch {
      continue; // taken
    } finally {
      probe.close();
    }
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
