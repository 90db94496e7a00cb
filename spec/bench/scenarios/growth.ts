// How the cost of a message grows with the number of connections and with its size: flat, or explained.

import { requests } from '../loads.js';
import { MAIN, type Point, REQUEST_COLUMNS, type Scenario } from '../scenario.js';

const CONNECTIONS = [1, 10, 100, 1000, 5000, 15_000];
const BYTES = [1, 64, 2 ** 10, 2 ** 12, 2 ** 14, 2 ** 16, 2 ** 18, 2 ** 20];
const ENDS = [1, 15_000, 2 ** 20];

function growth(name: string, about: string, connections: number, bytes: number, point: Point): Scenario {
  return {
    name: `growth-${name}`,
    about,
    speaks: 'echo',
    load: requests(connections, { echo: bytes }),
    columns: REQUEST_COLUMNS,
    rivals: MAIN,
    thorough: !ENDS.includes(point.x),
    point,
  };
}

export const growths: readonly Scenario[] = [
  ...CONNECTIONS.map((count) =>
    growth(
      `connections-${count}`,
      `${count.toLocaleString('en')} connections, one message of 64 B in flight on each`,
      count,
      64,
      { series: 'growth-connections', x: count, unit: 'connections' },
    ),
  ),
  ...BYTES.map((bytes) =>
    growth(
      `bytes-${bytes}`,
      `50 connections, one message of ${bytes.toLocaleString('en')} B in flight on each`,
      50,
      bytes,
      { series: 'growth-bytes', x: bytes, unit: 'bytes in a message' },
    ),
  ),
];
