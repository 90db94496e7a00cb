// The contract’s promise for throws: calls that must not keep what comes after them from happening.

/** A throw ends only its own call: the process hears of it as an uncaught exception, and the rest of the turn goes on. */
export function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    throwLater(error);
  }
}

/** Makes it an uncaught exception, once whoever is running has finished. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
