// How all examples start and end: one line instead of a stack trace when they cannot start, and Ctrl-C or SIGTERM close
// the server properly.

import type { Server } from 'evio';

/**
 * Starts a server that Ctrl-C and SIGTERM close: what is in flight is still answered, and a second Ctrl-C does not wait
 * for that. When the server cannot start, the program ends with one line and exit code 1.
 */
export async function runUntilSignal(start: () => Server): Promise<Server> {
  try {
    const server = await start().ready;
    let times = 0;
    onSignal(() => void server.close(times++ === 0 ? {} : { timeout: 0 }));
    return server;
  } catch (error) {
    return fail(error);
  }
}

/** Aborted by Ctrl-C and SIGTERM, for whatever takes a signal. */
export function abortedBySignal(): AbortSignal {
  const controller = new AbortController();
  onSignal(() => controller.abort());
  return controller.signal;
}

function onSignal(callback: () => void): void {
  process.on('SIGINT', callback);
  process.on('SIGTERM', callback);
}

/** Ends the program with one line and exit code 1. */
export function fail(problem: unknown): never {
  console.error(problem instanceof Error ? problem.message : String(problem));
  process.exit(1);
}

// Whoever read our output may have gone (`npm start | head -1`): that is no reason to stop serving.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
