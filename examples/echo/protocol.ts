// The echo protocol: from the bytes that a client sends to the bytes it gets. It knows no socket, so that a wire diagram
// can drive it as well as a client can.

import type { Protocol } from 'evio';
import { concat, finalize, map, of, takeWhile } from 'rxjs';
import { commandsIn, type EchoCommand } from './commands.js';

export const BANNER =
  "Welcome to the echo server!\nEnter 'quit' to close your connection or 'shutdown' to close the server.\n";

/**
 * Greets, and sends everything back. After a command, which is the last that is echoed, it completes: everything is sent and
 * the connection is closed.
 *
 * @param shutdown - called when a client asked for it, after its connection has ended
 */
export function echo(shutdown: () => void): Protocol {
  return (data$) => {
    const commandIn = commandsIn();
    let command: EchoCommand | undefined;
    const echoed$ = data$.pipe(
      map((data) => {
        const found = commandIn(data);
        command = found?.command;
        return found === undefined ? data : data.subarray(0, found.end);
      }),
      takeWhile(() => command === undefined, true),
      finalize(() => {
        if (command === 'shutdown') shutdown();
      }),
    );
    return concat(of(BANNER), echoed$);
  };
}
