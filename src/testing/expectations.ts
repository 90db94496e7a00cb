// What a spec says of a run, checked when the run is over.

import { bytesOf, columnAt, parseLane, parseSigns } from './diagram.js';
import type { WireValues } from './diagram.js';
import { firstDifference } from './comparison.js';
import { hexDiff } from './hex.js';
import { formatLane } from './lane-text.js';
import type { WireEvent } from './lane-text.js';
import { aligned } from './leeway.js';
import type { Leeway } from './leeway.js';
import { describeMismatch } from './mismatch.js';
import { quote } from './quote.js';
import { traceText } from './trace.js';
import type { Trace, TraceEntry, TraceKind } from './trace.js';
import type { WireClient } from './wire-client.js';

/** A run was not as a spec says. `expected` and `actual` are for the runner, the message for a person. */
export class ExpectationError extends Error {
  /** `'ExpectationError'`. */
  override readonly name = 'ExpectationError';
  /** What was to be: a lane, a list of lines, bytes. */
  readonly expected: unknown;
  /** What was, in the same form. */
  readonly actual: unknown;
  /** As that of node:assert. */
  readonly operator = 'deepEqual';
  /** The message shows it already. */
  readonly showDiff = false;

  constructor(message: string, actual: unknown, expected: unknown) {
    super(message);
    this.actual = actual;
    this.expected = expected;
  }
}

/** Compares, or throws. That of a test runner, so that it counts what was asserted. */
export type AssertDeepEqual = (actual: unknown, expected: unknown) => unknown;

/** What expectations look at. */
export interface Observed {
  readonly trace: Trace;
  /** Said in every failure: the seed, the cut. */
  readonly notes: readonly string[];
  readonly title: string;
  readonly assertDeepEqual: AssertDeepEqual;
}

/** Parts of a trace. */
export interface TraceFilter {
  /** Of these connections only, as the trace counts them. */
  readonly connection?: number;
  /** Of that side only: `server`, `client`, or the name of a client. */
  readonly who?: string;
  /** What happened of these kinds only. */
  readonly kinds?: readonly TraceKind[];
}

const WHAT_A_SERVER_DOES_LAST: readonly TraceKind[] = ['closes', 'resets', 'fails'];

/** What reached a client, as marbles of the server's lane. */
export function wireEventsOf(client: WireClient, trace: Trace, kinds: ReadonlySet<string>): WireEvent[] {
  const events: WireEvent[] = client.events.flatMap((event): WireEvent[] => {
    if (event.kind === 'connect') return [];
    return event.kind === 'data'
      ? [{ at: event.at, kind: 'data', bytes: event.bytes }]
      : [{ at: event.at, kind: event.kind }];
  });
  const of = (wanted: readonly TraceKind[]): TraceEntry | undefined =>
    trace.entries.find(
      ({ who, kind, connection }) =>
        who !== client.who &&
        connection !== undefined &&
        connection === client.connection &&
        wanted.includes(kind),
    );
  const accepted = kinds.has('connect') ? of(['accepts']) : undefined;
  const closed = kinds.has('close') ? of(WHAT_A_SERVER_DOES_LAST) : undefined;
  if (accepted !== undefined) events.push({ at: accepted.at, kind: 'connect' });
  if (closed !== undefined) events.push({ at: closed.at, kind: 'close' });
  return events;
}

/** What a server's lane says, and what came. */
export interface WireRun {
  readonly title: string;
  readonly notes: readonly string[];
  /** The client's lane. */
  readonly client: string;
  /** The server's lane. */
  readonly server: string;
  readonly values: WireValues;
  readonly events: readonly WireEvent[];
  readonly leeway?: Leeway | undefined;
  /** What happened, a line each. */
  readonly trace: () => readonly string[];
}

/** An error whose message shows both lanes, the bytes, and what happened around the difference; undefined without one. */
export function wireMismatch(run: WireRun): ExpectationError | undefined {
  const { client, leeway, notes, server, title, trace, values } = run;
  const lane = parseLane(server, 'server', values);
  const events = leeway === undefined ? run.events : aligned(lane, run.events, leeway);
  const difference = firstDifference(lane, events);
  if (difference === undefined) return undefined;
  const actual = formatLane(events, values, server);
  const names = actual.invented.map((name) => `${name} = ${quote(bytesOf(actual.values[name] ?? ''), 60)}`);
  const message = describeMismatch({
    title,
    client,
    expected: server,
    actual: actual.text,
    difference: { column: columnAt(lane, values, difference.at), ...difference },
    trace: trace(),
    notes: [...notes, ...names],
  });
  return new ExpectationError(message, actual.text, server);
}

/** @throws ExpectationError of {@link wireMismatch}. */
export function checkWire(
  observed: Observed,
  client: WireClient,
  server: string,
  values: WireValues,
  leeway?: Leeway,
): void {
  const { assertDeepEqual, notes, title, trace } = observed;
  const kinds = new Set<string>(parseLane(server, 'server', values).marbles.map(({ kind }) => kind));
  const events = wireEventsOf(client, trace, kinds);
  const lines = (): readonly string[] => trace.lines();
  const run = { title, notes, client: client.lane.text, server, values, events, leeway, trace: lines };
  const mismatch = wireMismatch(run);
  if (mismatch !== undefined) throw mismatch;
  assertDeepEqual(server, server);
}

/** When, at the earliest and at the latest, in ms of virtual time. */
export interface Window {
  /** Both ends included. Default: whenever. */
  readonly within?: readonly [from: number, to: number];
}

/** @throws ExpectationError with a hex dump of where they differ. */
export function checkBytes(
  observed: Observed,
  client: WireClient,
  bytes: string | Uint8Array,
  { within }: Window,
): void {
  const expected = bytesOf(bytes);
  const { received } = client;
  if (!received.equals(expected)) {
    const head = `${prefix(observed)}the server should have sent ${quote(expected)}, but it sent ${quote(received)}`;
    const parts = [
      head,
      hexDiff(expected, received),
      ...observed.notes,
      observed.trace.lines().slice(-20).join('\n'),
    ];
    throw new ExpectationError(parts.join('\n\n'), received.toString('latin1'), expected.toString('latin1'));
  }
  if (within !== undefined) {
    const [from, to] = within;
    const late = client.events.find(({ at, kind }) => kind === 'data' && (at < from || at > to));
    if (late !== undefined) {
      const message = `${prefix(observed)}bytes came at ${late.at} ms, not between ${from} and ${to} ms`;
      throw new ExpectationError(message, late.at, within);
    }
  }
  observed.assertDeepEqual(received, expected);
}

/** How the client got its bytes, cut as they came. */
export function checkChunks(
  observed: Observed,
  client: WireClient,
  chunks: readonly (string | Uint8Array)[],
): void {
  const actual = client.events.flatMap((event) => (event.kind === 'data' ? [quote(event.bytes)] : []));
  const expected = chunks.map((chunk) => quote(bytesOf(chunk)));
  compareLists(observed, 'the chunks that the client got', actual, expected);
}

/** When the server was reading, as `^` (on) and `!` (off). */
export function checkReading(observed: Observed, client: WireClient, text: string): void {
  const changes = entriesOf(observed.trace, client, [
    'reads on',
    'reads off',
    ...WHAT_A_SERVER_DOES_LAST,
  ]).map(({ at, kind }) => ({ at, sign: kind === 'reads on' ? '^' : '!' }));
  checkSigns(observed, 'reading', changes, text, '!', client);
}

/** How much was queued, by names of numbers; only changes are told, each as of the end of its millisecond. */
export function checkQueued(
  observed: Observed,
  client: WireClient,
  text: string,
  values: Readonly<Record<string, number>>,
): void {
  const changes = queueOf(observed.trace, client).map(({ at, queued }) => ({
    at,
    sign: nameOf(queued, values),
  }));
  checkSigns(observed, 'the queue', changes, text, nameOf(0, values), client);
}

/** @throws ExpectationError that tells when the bound was reached, and what happened around that. */
export function checkQueueStaysBelow(observed: Observed, client: WireClient, bound: number): void {
  const above = queueOf(observed.trace, client).find(({ queued }) => queued >= bound);
  if (above === undefined) {
    observed.assertDeepEqual(true, true);
    return;
  }
  const head = `${prefix(observed)}at ${Math.floor(above.at)} ms ${above.queued} bytes are queued for the client, which must stay below ${bound}`;
  const lanes = `  client    ${client.lane.text}`;
  const lines = observed.trace
    .lines()
    .filter((_, index) => (observed.trace.entries[index]?.at ?? 0) <= above.at);
  throw new ExpectationError(
    [
      head,
      lanes,
      ...observed.notes,
      lines
        .slice(-12)
        .map((line) => `  ${line}`)
        .join('\n'),
    ].join('\n\n'),
    above.queued,
    bound,
  );
}

/** What the poller has been given and the kernel has not taken, after each change. */
function queueOf(trace: Trace, client: WireClient): { readonly at: number; readonly queued: number }[] {
  let queued = 0;
  return entriesOf(trace, client, ['writes', 'has sent', ...WHAT_A_SERVER_DOES_LAST]).map(
    ({ at, kind, bytes, count = 0 }) => {
      if (kind === 'writes') queued += bytes?.length ?? 0;
      else if (kind === 'has sent') queued -= count;
      else queued = 0;
      return { at, queued };
    },
  );
}

/** When `drained$` emitted: any letter. */
export function checkDrained(observed: Observed, client: WireClient, text: string): void {
  const actual = entriesOf(observed.trace, client, ['drained']).map(({ at }) => `${Math.floor(at)} ms`);
  const expected = parseSigns(text).signs.map(({ at }) => `${at} ms`);
  compareLists(observed, 'drained$', actual, expected);
}

/** @throws ExpectationError with a diff of lines. */
export function checkTrace(observed: Observed, filter: TraceFilter, lines: readonly string[]): void {
  const { connection, who, kinds } = filter;
  const actual = observed.trace.entries
    .filter((entry) => connection === undefined || entry.connection === connection)
    .filter((entry) => who === undefined || entry.who === who)
    .filter((entry) => kinds === undefined || kinds.includes(entry.kind))
    .map(traceText);
  compareLists(observed, 'the trace', actual, lines);
}

function nameOf(value: number, values: Readonly<Record<string, number>>): string {
  return Object.keys(values).find((name) => values[name] === value) ?? String(value);
}

function entriesOf(trace: Trace, client: WireClient, kinds: readonly TraceKind[]): TraceEntry[] {
  return trace.entries.filter(
    ({ who, kind, connection }) =>
      who !== client.who &&
      connection !== undefined &&
      connection === client.connection &&
      kinds.includes(kind),
  );
}

/** The state at the end of each millisecond in which it has changed. */
function checkSigns(
  observed: Observed,
  what: string,
  changes: readonly { readonly at: number; readonly sign: string }[],
  text: string,
  first: string,
  client: WireClient,
): void {
  const { signs } = parseSigns(text);
  const last = new Map<number, string>();
  for (const { at, sign } of changes) last.set(Math.floor(at), sign);
  let state = first;
  const actual: string[] = [];
  for (const [at, sign] of last) {
    if (sign === state) continue;
    state = sign;
    actual.push(`${at} ms  ${sign}`);
  }
  const note = `  client    ${client.lane.text}\n  expected  ${text}`;
  compareLists(
    { ...observed, notes: [...observed.notes, note] },
    what,
    actual,
    signs.map(({ at, sign }) => `${at} ms  ${sign}`),
  );
}

/** Lists of lines: both are shown, the first difference marked. */
export function compareLists(
  observed: Observed,
  what: string,
  actual: readonly string[],
  expected: readonly string[],
): void {
  const length = Math.max(actual.length, expected.length);
  let at = 0;
  while (at < length && actual[at] === expected[at]) at += 1;
  if (at === length) {
    observed.assertDeepEqual(actual, expected);
    return;
  }
  const shown = (lines: readonly string[]): string =>
    [
      ...lines.map((line, index) => `  ${index === at ? '>' : ' '} ${line}`),
      ...(at >= lines.length ? ['  > (nothing)'] : []),
    ].join('\n');
  const parts = [
    `${prefix(observed)}${what}: expected ${expected[at] ?? 'nothing more'}, but it was ${actual[at] ?? 'nothing more'}`,
    `  expected\n${shown(expected)}`,
    `  actual\n${shown(actual)}`,
    ...observed.notes,
  ];
  throw new ExpectationError(parts.join('\n\n'), actual, expected);
}

/** Expectations that were begun and never say what is expected would compare nothing. */
export function checkSaid(observed: Observed, unsaid: readonly string[]): void {
  if (unsaid.length === 0) return;
  const parts = [
    `${prefix(observed)}nothing says what is expected: ${unsaid.join(', ')}`,
    ...observed.notes,
    'A body that awaits needs simulateAsync.',
  ];
  throw new Error(parts.join('\n\n'));
}

function prefix({ title }: Observed): string {
  return title === '' ? '' : `${title}: `;
}
