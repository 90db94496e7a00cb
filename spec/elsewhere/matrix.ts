// `npm run test:matrix [-- 22 newest streams serve]`: the specs on each line of Node that the package promises to run on.

import { spawnSync } from 'node:child_process';
import path from 'node:path';

import { here, nodeBinary, nodePackage, Problem, versionsOf } from './packages.js';
import { main, type Outcome, runSpecs, WITHOUT_NODE } from './suite.js';

const LINES = ['20', '22', '24', '26'];

/** A version, or what looks as if it were to be one: anything else is the name of a folder of specs, or of a spec. */
const VERSION = /^(newest|\d[\d.]*)$/;

await main(async (args) => {
  const named = args.filter((text) => VERSION.test(text));
  const only = args.filter((text) => !VERSION.test(text));
  const outcomes: Outcome[] = [];
  const versions = (named.length === 0 ? LINES : named).map(versionNamed);
  for (const version of new Set(versions)) outcomes.push(await onNode(version, only));
  return outcomes;
});

function versionNamed(text: string): string {
  if (text === 'newest') return newest();
  if (/^\d+(\.\d+){0,2}$/.test(text)) return text;
  throw new Problem(
    `no version '${text}': a line as in ${LINES.join(', ')}, a version as in 22.12.0, or newest`,
  );
}

/** The largest version there is, of whatever line. */
function newest(): string {
  const released = versionsOf(nodePackage(here)).filter((version) => /^[\d.]+$/.test(version));
  const [largest] = released.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  if (largest === undefined) throw new Problem(`${nodePackage(here)} has no versions`);
  return largest;
}

function onNode(version: string, only: readonly string[]): Promise<Outcome> {
  const binary = nodeBinary(version);
  const { stdout, error } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  if (error !== undefined) throw new Problem(`Node ${version} does not start: ${error.message}`);
  return runSpecs({
    where: `Node ${stdout.trim().slice(1)}`,
    command: [binary],
    only,
    without: WITHOUT_NODE,
    env: { PATH: `${path.dirname(binary)}${path.delimiter}${process.env['PATH'] ?? ''}` },
  });
}
