// What stands above and below every chart: what it shows, and where its figures come from.

import type { Machine } from '../machine.js';
import { MARGIN, text, type Theme, wrap } from './svg.js';

const LONGEST_TITLE = 62; // characters
const LONGEST_SOURCE = 74;

/** Parts of a picture and how far down they reach. */
export interface Part {
  readonly parts: readonly string[];
  readonly bottom: number;
}

export function header(name: string, about: string, theme: Theme): Part {
  const title = text(MARGIN, 26, name, { size: 15, fill: theme.text, weight: 600 });
  const lines = wrap(about, LONGEST_TITLE);
  const parts = lines.map((words, i) => text(MARGIN, 44 + i * 16, words, { fill: theme.faint }));
  return { parts: [title, ...parts], bottom: 44 + (lines.length - 1) * 16 };
}

export interface Source {
  readonly machine: Machine;
  readonly command: string;
  /** How the figures are to be read. */
  readonly method: string;
}

export function footer(top: number, { machine, command, method }: Source, theme: Theme): Part {
  const { cpu, cores, kernel, node, revision, date } = machine;
  const place = `${cpu}, ${cores} cores, ${kernel}, node ${node}, evio ${revision}, ${date.slice(0, 10)}`;
  const lines = [method, place, command].flatMap((words) => wrap(words, LONGEST_SOURCE));
  const parts = lines.map((words, i) => text(MARGIN, top + i * 13, words, { size: 10, fill: theme.faint }));
  return { parts, bottom: top + (lines.length - 1) * 13 + MARGIN };
}
