// Asks a server what malloc has given it: memory-probe.cc, preloaded.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { compiled, MEMORY_PROBE } from './compiled.js';

export class MemoryProbe {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'evio-bench-'));

  /** What the server's environment must have more. */
  get environment(): Record<string, string> {
    return { LD_PRELOAD: compiled(MEMORY_PROBE), EVIO_BENCH_MEMORY: this.#path };
  }

  /** Bytes given out and not freed. */
  async bytes(): Promise<number> {
    const socket = net.connect(this.#path);
    await once(socket, 'connect');
    return Number(await text(socket));
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #path(): string {
    return path.join(this.#folder, 'memory');
  }
}
