// What a server here has to do with the harness that starts it: a command line, and answers.

import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface Arguments {
  readonly port: number;
  readonly protocol: string;
  /** Only for evio's servers, which have a choice. */
  readonly poller: 'auto' | 'epoll' | 'kqueue' | 'net';
  /** Likewise: `reuseInputBuffer`. */
  readonly reuse: boolean;
}

/** What a source sends, again and again. */
export const CHUNK: Buffer = Buffer.alloc(64 * 1024, 'x');

export function commandLine(): Arguments {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      protocol: { type: 'string', default: 'echo' },
      poller: { type: 'string', default: 'auto' },
      reuse: { type: 'boolean', default: false },
    },
  });
  return {
    port: Number(values.port),
    protocol: values.protocol,
    poller: values.poller as Arguments['poller'],
    reuse: values.reuse,
  };
}

/**
 * Answers each line of the harness with one of JSON. A line that says `collect` collects the garbage first: what the
 * process weighs then is what it holds on to, not when V8 last found it worth while to clean up.
 */
export function answer(what: () => object): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  createInterface({ input: process.stdin }).on('line', (line) => {
    if (line === 'collect') collect();
    const { heapUsed, external } = process.memoryUsage();
    console.log(JSON.stringify({ ...what(), heap: heapUsed, held: heapUsed + external }));
  });
}
