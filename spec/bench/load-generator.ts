// Our own load generator, load-generator.cc, driven by a line at a time.

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { start, stop } from './children.js';
import { compiled, LOAD_GENERATOR } from './compiled.js';
import type { Seen } from './measurement.js';

/** How long, in seconds; `kept`: latencies are told of this and of all that was kept before. */
export interface Stretch {
  readonly seconds: number;
  readonly kept: boolean;
}

/** What every client sends, and what it must hear. Raw bytes in, the same bytes out: an echo. */
export type Talk =
  | { readonly echo: number }
  | { readonly request: string; readonly reply: string; readonly depth: number }
  | { readonly stream: 'both' | 'in' | 'out' };

export class LoadGenerator {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(port: number, connections: number, talk: Talk) {
    const what = argumentsOf(talk);
    const where = ['--port', String(port), '--connections', String(connections)];
    this.#child = start('client', [compiled(LOAD_GENERATOR), ...where, ...what]);
    this.#lines = lines(this.#child);
  }

  /** Every client connects. */
  open(): Promise<Seen> {
    return this.#run('open');
  }

  /** Every client sends batch after batch for so many seconds; 0: one batch each. */
  exchange(time: number | Stretch): Promise<Seen> {
    return this.#run('exchange', time);
  }

  /** Every client connects, exchanges one batch and closes, again and again. */
  churn(time: number | Stretch): Promise<Seen> {
    return this.#run('churn', time);
  }

  /** One client sends a batch, and when all have heard it the next; counted is each time that it was heard. */
  publish(time: number | Stretch): Promise<Seen> {
    return this.#run('publish', time);
  }

  /** Every client sends and reads without waiting, as its talk says; counted are bytes. */
  stream(time: number | Stretch): Promise<Seen> {
    return this.#run('stream', time);
  }

  /** Every client sends so many bytes, or until the server takes no more, and reads nothing; counted are bytes. */
  flood(bytes: number): Promise<Seen> {
    return this.#run('flood', bytes);
  }

  /** Every client closes and waits until the server has closed too. */
  close(): Promise<Seen> {
    return this.#run('close');
  }

  /**
   * Every client sends batch after batch until the server ends its connection. `count` is what was answered in whole; a
   * reply that is cut off, or a reset, is an error.
   */
  untilTheEnd(): Promise<Seen> {
    return this.#run('last');
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }

  async #run(command: string, amount: number | Stretch = 0): Promise<Seen> {
    const said = typeof amount === 'number' ? amount : `${amount.seconds}${amount.kept ? ' kept' : ''}`;
    this.#child.stdin?.write(`${command} ${said}\n`);
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error('the load generator ended');
    const answer = JSON.parse(value) as Seen | { readonly error: string };
    if ('error' in answer) throw new Error(answer.error);
    return answer;
  }
}

function lines({ stdout }: ChildProcess): AsyncIterator<string> {
  if (stdout === null) throw new Error('the load generator has no output');
  return createInterface({ input: stdout })[Symbol.asyncIterator]();
}

function argumentsOf(talk: Talk): string[] {
  if ('stream' in talk) return ['--stream', talk.stream];
  if ('echo' in talk) return ['--echo', String(talk.echo)];
  return ['--request', talk.request, '--reply', talk.reply, '--depth', String(talk.depth)];
}
