// When V8 compiles a function, it takes in those that it calls until they come to 920 bytes of bytecode. From a request to its reply
// it is twice that, so that calls were left in the middle of it, and which ones was chance.

import { setFlagsFromString } from 'node:v8';

/** To be called by a program at its start: it holds for all that is compiled from then on. Other engines take no notice. */
export function inlineMore(): void {
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=2000');
}
