// Uncaught exceptions that a spec expects.

/** Runs with a list that uncaught exceptions go to, instead of failing the spec. */
export async function withUncaught(run: (errors: Error[]) => Promise<void>): Promise<void> {
  const errors: Error[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => errors.push(error));
  try {
    await run(errors);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
}
