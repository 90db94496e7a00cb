// Calls into the code of users that must not keep what comes after them from happening.

/** A throw is an uncaught exception, but not the end of everybody else's turn. */
export function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
