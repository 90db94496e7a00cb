// gracefulShutdown(): a signal closes a server in good order, a second one at once.

import process from 'node:process';

import { closeTimeoutOf } from './closing.js';
import { invalidArgument } from './errors.js';
import type { CloseOutcome, Server } from './server.js';

/** Options of {@link gracefulShutdown}. */
export interface ShutdownOptions {
  /** Milliseconds from 0 that connections get to finish. Default 10000; `Infinity` waits for as long as they take. */
  readonly timeout?: number;
  /** Default SIGTERM and SIGINT. */
  readonly signals?: readonly NodeJS.Signals[];
}

/** How it went. */
export interface ShutdownOutcome extends CloseOutcome {
  /** What it was that closed the server; absent when the program itself did. */
  readonly signal?: NodeJS.Signals;
}

/**
 * Closes the server when a signal comes: it stops accepting, handlers hear of it on `closing$`, what is in flight is
 * finished, and what is left after `timeout` is cut off. A second signal cuts it off at once. The signals are let go as
 * soon as the server is closed, whoever closes it, so the process ends when nothing else keeps it.
 *
 * @returns what `close` resolves with, and the first signal. Rejects with a TypeError for a bad option.
 * @example
 * ```ts
 * const { signal, drained, forced } = await gracefulShutdown(server, { timeout: 30_000 });
 * ```
 */
export async function gracefulShutdown(
  server: Server,
  { timeout = 10_000, signals = ['SIGTERM', 'SIGINT'] }: ShutdownOptions = {},
): Promise<ShutdownOutcome> {
  if (!Array.isArray(signals) || signals.length === 0) {
    throw invalidArgument(
      'gracefulShutdown: signals must be an array of at least one',
      'ERR_INVALID_ARG_TYPE',
    );
  }
  closeTimeoutOf({ timeout });
  let first: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    void server.close({ timeout: first === undefined ? timeout : 0 });
    first ??= signal;
  };
  try {
    for (const signal of signals) process.on(signal, onSignal);
    await new Promise<void>((resolve) => {
      server.closing$.subscribe({ complete: resolve });
    });
    // Of whoever closes it; a longer time than his changes nothing.
    const outcome = await server.close({ timeout: Infinity });
    return first === undefined ? outcome : { ...outcome, signal: first };
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
