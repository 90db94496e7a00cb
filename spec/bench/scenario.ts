// What a scenario is: what a server must speak, how it is loaded, which figures come out, and what they must be.

import * as format from './formats.js';
import type { Column, Load, Values } from './measurement.js';
import { BASELINE, FLOOR, type Protocol } from './rivals.js';

export interface Scenario {
  /** `--scenario echo` chooses `echo-50x64` too. */
  readonly name: string;
  readonly about: string;
  readonly speaks: Protocol;
  readonly load: Load;
  readonly columns: readonly Column[];
  /** Who takes part unless `--rival` says so: all who speak the protocol. */
  readonly rivals?: readonly string[];
  /** What the project has promised of it. Those whom a bar names take part in every round, others in a few. */
  readonly bars?: readonly Bar[];
  /** Each round measures the same: more of them than this say nothing new. */
  readonly maxRounds?: number;
  /** Of a full run. */
  readonly minRounds?: number;
  /** Left out of a quick run: others show as well that it works. */
  readonly thorough?: boolean;
  /** Its place among others of its kind, which are drawn as one curve. */
  readonly point?: Point;
  /** What must be known to read the figures. */
  readonly note?: string;
  /** A program that it does not work without. */
  readonly needs?: string;
  /** What is wrong with the figures of one round, if they are evio's. */
  readonly faults?: (values: Values, quick: boolean) => readonly string[];
}

/** A bound on the ratio of two rivals' figures. */
export interface Bar {
  readonly rival: string;
  /** The key of one of the scenario's columns. */
  readonly measure: string;
  readonly against: string;
  /** Not above; not below where more is better. */
  readonly bound: number;
}

export interface Point {
  readonly series: string;
  readonly x: number;
  /** What x counts. */
  readonly unit: string;
}

/** Short of what a promise is made for. */
export const MAIN: readonly string[] = ['evio-streams', FLOOR, BASELINE];

export const cpuBar = (bound: number, rival = 'evio-streams'): Bar => ({
  rival,
  measure: 'cpu',
  against: FLOOR,
  bound,
});

const CPU: Column = {
  key: 'cpu',
  title: 'server cpu-s/M',
  about: 'server CPU per message, µs',
  format: format.cpuSeconds,
  spread: true,
  ratio: true,
};
const LATENCIES: readonly Column[] = [
  { key: 'p50', title: 'p50 µs', format: format.microseconds },
  { key: 'p99', title: 'p99 µs', format: format.microseconds },
  { key: 'p999', title: 'p99.9 µs', format: format.microseconds },
];
const USE: readonly Column[] = [
  { key: 'rss', title: 'RSS MiB', format: format.mebibytes },
  { key: 'serverUse', title: 'server', format: format.percent },
  { key: 'clientUse', title: 'client', format: format.percent },
];
const RATE: Column = { key: 'rate', title: 'rate/s', format: format.rate, spread: true, more: true };

export const REQUEST_COLUMNS: readonly Column[] = [CPU, RATE, ...LATENCIES, ...USE];

/** Where the 99th percentile is promised too. */
export const LATENCY_COLUMNS: readonly Column[] = REQUEST_COLUMNS.map((column) =>
  column.key === 'p99' ? { ...column, about: '99th percentile of the latency, µs', ratio: true } : column,
);

export const STREAM_COLUMNS: readonly Column[] = [
  {
    key: 'perCpu',
    title: 'MB/cpu-s',
    about: 'megabytes per second of server CPU',
    format: format.whole,
    spread: true,
    ratio: true,
    more: true,
  },
  { key: 'rate', title: 'MB/s', format: format.megabytes, spread: true, more: true },
  ...USE,
];

export const CLIENT_BOUND =
  'Where the client is near 100 % the rate is the client’s: compare the server’s CPU seconds per million.';
