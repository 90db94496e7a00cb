// Programs of others that specs run: what is not installed is skipped by its name, except where it has to be there.

import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { overPollers } from './pollers.js';
import type { PollerUnderTest } from './pollers.js';

/** Skips on a machine without those programs. On the project's own machine (EVIO_CI) that would hide something. */
export function needs(context: Mocha.Context, ...tools: readonly string[]): void {
  const missing = tools.filter((tool) => !isInstalled(tool));
  if (missing.length === 0) return;
  if (process.env['EVIO_CI'] !== undefined) throw new Error(`not installed: ${missing.join(', ')}`);
  context.skip();
}

/** Describes what a tool finds at a server, for each poller. */
export function overPollersWith(
  tool: string,
  title: string,
  suite: (poller: PollerUnderTest) => void,
  only?: readonly PollerUnderTest[],
): void {
  overPollers(
    `${tool}: ${title}`,
    (poller) => {
      before(`needs ${tool}`, function () {
        needs(this, tool);
      });
      suite(poller);
    },
    only,
  );
}

function isInstalled(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
