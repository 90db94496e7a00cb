// An async context that is nobody's: events run in it, so that the AsyncLocalStorage of whoever called `listen()` or
// `write()` does not reach the clients of everybody else.
//
// Node has no name for "no context". An AsyncResource keeps the context it was made in, which is none when this module
// is imported at the top of a program, and somebody's when it is imported inside `storage.run()`. And before Node 24,
// `enterWith()` inside an event would stay on the shared resource for ever. So what a resource keeps is cleared, by the
// names under which Node keeps it; under other names the resource would merely keep the context of the import.

import { AsyncResource } from 'node:async_hooks';

/** Descriptions of the symbols: one per storage before Node 24, one for all since then. */
const KEPT = new Set<string | undefined>(['kResourceStore', 'context_frame']);

const root = new AsyncResource('evio');
clear();
const clean = Object.getOwnPropertySymbols(root).length;

/** Calls in the root context. The call must not throw. */
export function inRootContext(call: () => void): void {
  root.runInAsyncScope(call);
  if (Object.getOwnPropertySymbols(root).length > clean) clear();
}

function clear(): void {
  for (const symbol of Object.getOwnPropertySymbols(root)) {
    if (KEPT.has(symbol.description)) Reflect.deleteProperty(root, symbol);
  }
}
