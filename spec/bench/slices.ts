// A window in slices. Between two of them the other servers of the round have one each, so that a host that is slow for a
// second is slow for all of them, and the ratio of two servers is that of neighbours a tenth of a second apart.

import type { Stretch } from './load-generator.js';
import type { Effort, Seen } from './measurement.js';
import type { Cost, ServerProcess } from './server-process.js';
import type { Turns } from './turns.js';

/** Seconds: short beside what a host does to us, long beside what it costs to go from one server to the next. */
const SLICE = 0.1;
/** Seconds before each slice, not measured: the caches are full of the server before. */
const LEAD_IN = 0.005;

type Piece = Cost & { readonly result: Seen };

/** What the work of a whole window cost the server. `work` is done for as long as it is told. */
export async function sliced(
  server: ServerProcess,
  { window }: Effort,
  turns: Turns,
  work: (stretch: Stretch) => Promise<Seen>,
): Promise<Piece> {
  const count = Math.max(1, Math.round(window / SLICE));
  const slice = { seconds: window / count, kept: true };
  const pieces: Piece[] = [];
  for (let at = 0; at < count; at++) {
    await turns.pass();
    await work({ seconds: LEAD_IN, kept: false });
    pieces.push(await server.cost(() => work(slice)));
  }
  return pieces.reduce(together);
}

/** Latencies are those of the later one: they were kept. */
function together(sum: Piece, next: Piece): Piece {
  return {
    cpu: sum.cpu + next.cpu,
    busy: sum.busy + next.busy,
    rss: next.rss,
    result: {
      ...next.result,
      count: sum.result.count + next.result.count,
      seconds: sum.result.seconds + next.result.seconds,
      cpu: sum.result.cpu + next.result.cpu,
    },
  };
}
