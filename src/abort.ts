// One listener for each AbortSignal, however many servers and connections are to end with it: many listeners on one signal
// are a leak in Node's eyes, and it says so.

import { guarded } from './poller/guarded.js';

type Callback = () => void;

const waiting = new WeakMap<AbortSignal, Set<Callback>>();

/**
 * Calls back once the signal, which is not aborted yet, is.
 *
 * @returns what forgets that. When nobody is left, nothing stays on the signal.
 */
export function whenAborted(signal: AbortSignal, callback: Callback): () => void {
  let callbacks = waiting.get(signal);
  if (callbacks === undefined) {
    callbacks = new Set();
    waiting.set(signal, callbacks);
    signal.addEventListener('abort', tellAll, { once: true });
  }
  callbacks.add(callback);
  return () => {
    const left = waiting.get(signal);
    if (left?.delete(callback) !== true || left.size > 0) return;
    waiting.delete(signal);
    signal.removeEventListener('abort', tellAll);
  };
}

function tellAll(this: AbortSignal): void {
  // Whoever is forgotten while others are told is not told any more.
  for (const callback of waiting.get(this) ?? []) guarded(callback);
  waiting.delete(this);
}
