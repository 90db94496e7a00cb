// For users of the classic `serve`: its callbacks with a record of every call.

import type { Accept, Closed, Handle, Reply, Ticker } from '../serve.js';
import { quote } from './quote.js';
import type { Trace } from './trace.js';

/** What `serve` takes. */
export interface Callbacks<C> {
  /** Absent or null: input is dropped. */
  readonly handle?: Handle<C> | null;
  /** Absent or null: everybody is accepted. */
  readonly accept?: Accept<C> | null;
  /** Absent or null: nobody is told. */
  readonly closed?: Closed<C> | null;
  /** Absent or null: it goes on serving. */
  readonly ticker?: Ticker<C> | null;
}

/** The same, recorded: hand these to `serve`. */
export class RecordedCallbacks<C> {
  /** `accept(1) "hello", true`, in order. */
  readonly calls: string[] = [];
  /** Recorded as `handle(1, "a") "a", true`. */
  readonly handle: Handle<C>;
  /** Recorded as `accept(1) "hello", true`. */
  readonly accept: Accept<C>;
  /** Recorded as `closed(1)`, or `closed(1, ECONNRESET)`. */
  readonly closed: Closed<C>;
  /** Recorded as `ticker() true`. */
  readonly ticker: Ticker<C>;

  /** @internal Made by `world.record`. */
  constructor(trace: Trace, { handle, accept, closed, ticker }: Callbacks<C>) {
    const note = (call: string): void => {
      this.calls.push(call);
      trace.add('server', 'calls', { detail: call });
    };
    // What evio does for a callback that is nil.
    this.handle = (id, data, ctx) => {
      const given = quote(data);
      const reply = handle == null ? ([undefined, true] as const) : handle(id, data, ctx);
      note(`handle(${id}, ${given}) ${replyText(reply)}`);
      return reply;
    };
    this.accept = (id, addr, wake, ctx) => {
      const reply = accept == null ? ([undefined, true] as const) : accept(id, addr, wake, ctx);
      note(`accept(${id}) ${replyText(reply)}`);
      return reply;
    };
    this.closed = (id, error, ctx) => {
      const code = error === undefined ? '' : `, ${(error as NodeJS.ErrnoException).code ?? error.message}`;
      note(`closed(${id}${code})`);
      closed?.(id, error, ctx);
    };
    this.ticker = (ctx) => {
      const keepserving = ticker == null ? true : ticker(ctx);
      note(`ticker() ${keepserving}`);
      return keepserving;
    };
  }
}

function replyText(reply: Reply): string {
  if (!Array.isArray(reply)) return String(reply);
  const [send, keepopen] = reply;
  const sent = send == null || send.length === 0 ? 'nothing' : quote(Buffer.from(send as string));
  return `${sent}, ${String(keepopen)}`;
}
