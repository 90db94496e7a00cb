// The results as a file: every round, what was judged of them, and where they come from.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { judge, valuesOf, type Verdict } from './bars.js';
import type { Machine } from './machine.js';
import type { Values } from './measurement.js';
import { REFERENCES } from './rivals.js';
import type { RivalResult, ScenarioResult } from './rounds.js';
import type { Point } from './scenario.js';
import { estimate, type Estimate, ratios, spread, type Spread } from './statistics.js';

export interface Results {
  readonly machine: Machine;
  readonly command: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly units: string;
  readonly scenarios: readonly ScenarioRecord[];
}

export interface ScenarioRecord {
  readonly name: string;
  readonly about: string;
  readonly note?: string;
  readonly point?: Point;
  readonly measures: readonly MeasureRecord[];
  readonly rivals: readonly RivalRecord[];
  readonly bars: readonly BarRecord[];
}

/** A figure that is compared or drawn. */
export interface MeasureRecord {
  readonly key: string;
  readonly title: string;
  readonly about: string;
  readonly more: boolean;
  /** Ratios of it mean something. */
  readonly compared: boolean;
}

export interface RivalRecord {
  readonly name: string;
  readonly about: string;
  readonly own: boolean;
  readonly version?: string;
  readonly poller?: string;
  readonly faults: readonly string[];
  readonly rounds: readonly (Values & { readonly error?: string })[];
  readonly summary: Readonly<Record<string, (Spread & Partial<Estimate>) | undefined>>;
  /** By measure, by rival: the median of the rounds' ratios. */
  readonly ratios: Readonly<
    Record<string, Readonly<Record<string, (Spread & Partial<Estimate>) | undefined>>>
  >;
}

export interface BarRecord {
  readonly rival: string;
  readonly measure: string;
  readonly against: string;
  readonly bound: number;
  readonly more: boolean;
  readonly ratio?: number | undefined;
  readonly interval?: { readonly low: number; readonly high: number } | undefined;
  readonly rounds: number;
  readonly verdict: Verdict;
}

const UNITS =
  'seconds, bytes, latencies in microseconds; cpu: server CPU seconds per million requests; perCpu: megabytes per second of server CPU; ' +
  'low and high: the exact binomial 95 % interval of the median';

export function record(result: ScenarioResult): ScenarioRecord {
  const { scenario, results } = result;
  const { name, about, note, point } = scenario;
  const measures = scenario.columns
    .filter((column) => column.ratio === true || column.about !== undefined)
    .map(({ key, title, about: called = title, more = false, ratio: compared = false }) => ({
      key,
      title,
      about: called,
      more,
      compared,
    }));
  return {
    name,
    about,
    ...(note === undefined ? {} : { note }),
    ...(point === undefined ? {} : { point }),
    measures,
    rivals: results.map((each) => recordOf(each, results, measures)),
    bars: judge(result).map(({ bar, more, ratio, interval, rounds, verdict }) => ({
      ...bar,
      more,
      ratio,
      interval: interval && { low: interval.low, high: interval.high },
      rounds,
      verdict,
    })),
  };
}

function recordOf(
  result: RivalResult,
  all: readonly RivalResult[],
  measures: readonly MeasureRecord[],
): RivalRecord {
  const { rival, poller, faults, rounds } = result;
  const version = rival.version?.();
  const keys = new Set(rounds.flatMap((round) => ('error' in round ? [] : Object.keys(round.values))));
  const known = (key: string): number[] => valuesOf(result, key).filter((value) => value !== undefined);
  const others = all.filter((other) => REFERENCES.some((reference) => reference.rival === other.rival.name));
  return {
    name: rival.name,
    about: rival.about,
    own: rival.own === true,
    ...(version === undefined ? {} : { version }),
    ...(poller === undefined ? {} : { poller }),
    faults,
    rounds: rounds.map((round) =>
      'error' in round ? { error: round.error } : round.values,
    ) as RivalRecord['rounds'],
    summary: Object.fromEntries([...keys].map((key) => [key, summary(known(key))])),
    ratios: Object.fromEntries(
      measures.map(({ key }) => [
        key,
        Object.fromEntries(
          others.map((other) => [
            other.rival.name,
            summary(ratios(valuesOf(result, key), valuesOf(other, key))),
          ]),
        ),
      ]),
    ),
  };
}

function summary(values: readonly number[]): (Spread & Partial<Estimate>) | undefined {
  const all = spread(values);
  return all && { ...all, ...estimate(values) };
}

export function writeResults(
  file: string,
  about: { readonly machine: Machine; readonly command: string; readonly settings: Results['settings'] },
  results: readonly ScenarioResult[],
): Results {
  const all = { ...about, units: UNITS, scenarios: results.map(record) };
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(all, significant, 2)}\n`);
  return all;
}

/** Six digits say more than can be measured. */
function significant(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

/** Throws an error of one line when it is not what `writeResults` writes. */
export function readResults(file: string): Results {
  let read: Results;
  try {
    read = JSON.parse(readFileSync(file, 'utf8')) as Results;
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const valid =
    typeof read.machine === 'object' &&
    Array.isArray(read.scenarios) &&
    read.scenarios.every(({ measures, rivals }) => Array.isArray(measures) && Array.isArray(rivals));
  if (!valid) throw new Error(`${file} is not a results file of this version of npm run bench`);
  return read;
}
