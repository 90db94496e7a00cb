// What is measured, and the words for it that everything else here shares.

import type { Cost, ServerProcess } from './server-process.js';
import type { Turns } from './turns.js';

/** One measured round of one rival. Missing: this tool cannot tell. */
export type Values = Readonly<Record<string, number | undefined>>;

/** How long and how much: a quick run only shows that everything works. */
export interface Effort {
  readonly quick: boolean;
  readonly warmUp: number; // seconds
  readonly window: number; // seconds
}

/** Loads a server that has just been started, and says what it saw. `turns` are those of the round: it has one. */
export type Load = (server: ServerProcess, effort: Effort, turns: Turns) => Promise<Values>;

/** How one of the values is shown. */
export interface Column {
  readonly key: string;
  readonly title: string;
  readonly format: (value: number) => string;
  /** Show the smallest and the largest of the rounds too. */
  readonly spread?: boolean;
  /** Compare it: show it as a multiple of the references' as well. */
  readonly ratio?: boolean;
  /** What a chart of it is called. */
  readonly about?: string;
  /** More of it is better. Default: less is. */
  readonly more?: boolean;
}

/** What the client saw of it. Seconds, microseconds. */
export interface Seen {
  readonly count: number;
  readonly seconds: number;
  readonly cpu: number; // the client's own
  readonly p50: number;
  readonly p99: number;
  readonly p999?: number;
  readonly max?: number;
}

/** The figures of a window in which requests were answered. */
export function requestValues({ cpu, busy, rss, result }: Cost & { readonly result: Seen }): Values {
  const { count, seconds, p50, p99, p999 } = result;
  return {
    cpu: (cpu / count) * 1e6,
    rate: count / seconds,
    p50,
    p99,
    p999,
    rss,
    serverUse: cpu / seconds,
    clientUse: result.cpu / seconds,
    othersUse: Math.max(0, busy - cpu - result.cpu) / seconds,
    requests: count,
    seconds,
  };
}
