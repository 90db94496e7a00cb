// Results as a run would have written them, for specs: every rival's rounds are its figure times the machine's mood.

import type { Results, RivalRecord, ScenarioRecord } from './results.js';
import { estimate, ratios, spread } from './statistics.js';

const MOODS = [1, 1.2, 0.9, 1.05, 1.4, 0.95, 1.1, 1, 1.3, 0.98, 1.02, 1.15, 0.97, 1.01, 1.08];

/** By scenario, by rival: CPU seconds per million. */
export function sampleResults(
  figures: Readonly<Record<string, Readonly<Record<string, number>>>>,
  point: (scenario: string) => ScenarioRecord['point'] = () => undefined,
): Results {
  return {
    machine: {
      cpu: 'A <CPU> & "more"',
      cores: 2,
      kernel: 'Linux 6.18',
      node: 'v20.20.2',
      revision: 'abc1234',
      date: '2026-01-02T03:04:05.678Z',
      pinning: 'server on CPU 0, client on CPU 1',
    },
    command: 'npm run bench',
    settings: {},
    units: '',
    scenarios: Object.entries(figures).map(([name, rivals]) => scenario(name, rivals, point(name))),
  };
}

function scenario(
  name: string,
  figures: Readonly<Record<string, number>>,
  point: ScenarioRecord['point'],
): ScenarioRecord {
  const rounds = (rival: string): number[] =>
    MOODS.map((mood, i) => (figures[rival] ?? 0) * mood * (1 + 0.01 * Math.sin(i * 7 + rival.length)));
  return {
    name,
    about: '50 connections, one message of 64 B in flight on each',
    ...(point === undefined ? {} : { point }),
    measures: [
      {
        key: 'cpu',
        title: 'server cpu-s/M',
        about: 'server CPU per message, µs',
        more: false,
        compared: true,
      },
    ],
    bars: [],
    rivals: Object.keys(figures).map((rival): RivalRecord => {
      const own = rounds(rival);
      const to = (other: string) => {
        const values = ratios(own, rounds(other));
        return { ...spread(values), ...estimate(values) } as RivalRecord['summary'][string];
      };
      const others = ['c-epoll', 'node-net'].filter((other) => other in figures);
      return {
        name: rival,
        about: rival,
        own: rival.startsWith('evio'),
        faults: [],
        rounds: own.map((cpu) => ({ cpu })),
        summary: { cpu: { ...spread(own), ...estimate(own) } as RivalRecord['summary'][string] },
        ratios: { cpu: Object.fromEntries(others.map((other) => [other, to(other)])) },
      };
    }),
  };
}
