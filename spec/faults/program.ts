// Programs: what several connections do to each other, and what the kernel does to them, as plain data that can be printed,
// replayed and made smaller.

import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';

/** How often a call goes wrong, of a thousand: the settings of spec/native/faults/faults.cc. */
export interface Rates {
  readonly short: number;
  readonly eintr: number;
  readonly eagain: number;
  readonly late: number;
  readonly accept: number;
  readonly connect: number;
  readonly reset: number;
  readonly enobufs: number;
  readonly control: number;
}

/** Who connects. */
export type Client = 'evio' | 'net';

/**
 * - `direct`: a client and the server's end of it; ends 0 and 1.
 * - `echo`: the server's end is its own observer; ends 0 and, as a relay, 1.
 * - `proxy`: two clients, and the server's ends of them piped to each other; ends 0 and 1, and the relays 2 and 3.
 */
export interface Link {
  readonly kind: 'direct' | 'echo' | 'proxy';
  readonly clients: readonly [Client, Client];
  /** Reads from the beginning. */
  readonly eager: boolean;
}

export type Act =
  | { readonly do: 'write' | 'send' | 'endWith'; readonly bytes: number }
  /** Gives back that much of a chunk, at most all of it. */
  | { readonly do: 'unread'; readonly bytes: number }
  | {
      readonly do:
        | 'end'
        | 'pause'
        | 'resume'
        | 'subscribe'
        | 'unsubscribe'
        | 'cork'
        | 'uncork'
        | 'wake'
        | 'destroy'
        | 'reset';
    };

export interface Step {
  /** Counted round. */
  readonly link: number;
  readonly end: number;
  readonly act: Act;
  /** While the next chunk is being delivered there, instead of now. */
  readonly onInput: boolean;
  /** Of the event loop, before the next step. */
  readonly turns: number;
}

export interface Program {
  readonly seed: number;
  readonly rates: Rates;
  readonly options: {
    readonly highWaterMark: number;
    readonly halfOpen: boolean;
    readonly reuseInputBuffer: boolean;
    readonly idleTimeout: number;
    readonly readTimeout: number;
    readonly writeTimeout: number;
  };
  /** maxQueuedBytes is as low as highWaterMark, instead of what it is by default. */
  readonly tight: boolean;
  /** Over a unix socket, where there are some. */
  readonly unix: boolean;
  readonly links: readonly Link[];
  readonly steps: readonly Step[];
}

const MOST_STEPS = 30;

/** As they are written, so that what is printed can be read. */
const PLAIN = { noNullPrototype: true } as const;

const bytes: Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.nat(64) },
  { weight: 4, arbitrary: fc.nat(5000) },
  { weight: 2, arbitrary: fc.nat(70_000) },
  { weight: 1, arbitrary: fc.nat(300_000) },
);

function doing<const D extends Act['do']>(name: D): Arbitrary<{ readonly do: D }> {
  return fc.constant({ do: name });
}

function doingWith<const D extends Act['do']>(
  name: D,
): Arbitrary<{ readonly do: D; readonly bytes: number }> {
  return fc.record({ do: fc.constant(name), bytes }, PLAIN);
}

const gentleActs = [
  { weight: 16, arbitrary: doingWith('write') },
  { weight: 6, arbitrary: doingWith('send') },
  { weight: 1, arbitrary: doingWith('endWith') },
  { weight: 1, arbitrary: doing('end') },
  { weight: 4, arbitrary: doing('pause') },
  { weight: 5, arbitrary: doing('resume') },
  { weight: 3, arbitrary: doing('unsubscribe') },
  { weight: 4, arbitrary: doing('subscribe') },
  { weight: 4, arbitrary: doingWith('unread') },
  { weight: 2, arbitrary: doing('cork') },
  { weight: 3, arbitrary: doing('uncork') },
  { weight: 2, arbitrary: doing('wake') },
] satisfies { weight: number; arbitrary: Arbitrary<Act> }[];

const violentActs = [
  ...gentleActs,
  { weight: 2, arbitrary: doing('destroy') },
  { weight: 2, arbitrary: doing('reset') },
] satisfies { weight: number; arbitrary: Arbitrary<Act> }[];

function steps(act: Arbitrary<Act>): Arbitrary<Step[]> {
  const step = fc.record(
    {
      link: fc.nat(2),
      end: fc.nat(3),
      act,
      onInput: fc.boolean(),
      turns: fc.constantFrom(0, 0, 1, 2, 4),
    },
    PLAIN,
  );
  return fc.array(step, { maxLength: MOST_STEPS, size: 'max' });
}

/** Mostly the first, so that what the others do to a program does not hide everything else. */
function seldomOf<T>(usual: T, ...others: readonly T[]): Arbitrary<T> {
  return fc.oneof(
    { weight: 7, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

const never = fc.constant(0);
const often: Arbitrary<number> = fc.constantFrom(0, 50, 200, 600);
const seldom: Arbitrary<number> = fc.constantFrom(0, 5, 30, 100);

/** What a connection must survive. */
const nuisances = {
  short: often,
  eintr: often,
  eagain: often,
  late: often,
  // Each may cost a pause of accepting, which is time and nothing else.
  accept: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 100),
  connect: fc.constantFrom(0, 0, 0, 200),
};
const bearable = fc.record({ ...nuisances, reset: never, enobufs: never, control: never }, PLAIN);
const fatal = fc.record({ ...nuisances, reset: seldom, enobufs: seldom, control: seldom }, PLAIN);

const client = fc.constantFrom<Client>('net', 'evio');
const link: Arbitrary<Link> = fc.record(
  {
    kind: fc.constantFrom('direct', 'direct', 'echo', 'proxy'),
    clients: fc.tuple(client, client),
    eager: fc.boolean(),
  },
  PLAIN,
);

function programs(rates: Arbitrary<Rates>, act: Arbitrary<Act>): Arbitrary<Program> {
  const options = {
    highWaterMark: fc.constantFrom(1024 * 1024, 1, 4096),
    halfOpen: fc.boolean(),
    reuseInputBuffer: fc.boolean(),
    // Milliseconds: a program takes about ten.
    idleTimeout: seldomOf(0, 4, 15),
    readTimeout: seldomOf(0, 3, 10),
    writeTimeout: seldomOf(0, 2, 10),
  };
  return fc.record(
    {
      seed: fc.nat(0xffff_ffff),
      rates,
      options: fc.record(options, PLAIN),
      tight: seldomOf(false, true),
      unix: seldomOf(false, true),
      links: fc.array(link, { minLength: 1, maxLength: 3, size: 'max' }),
      steps: steps(act),
    },
    PLAIN,
  );
}

const gentle = fc.oneof(...gentleActs);
const violent = fc.oneof(...violentActs);

export const program: Arbitrary<Program> = fc.oneof(
  { weight: 3, arbitrary: programs(bearable, gentle) },
  { weight: 1, arbitrary: programs(bearable, violent) },
  { weight: 2, arbitrary: programs(fatal, gentle) },
  { weight: 1, arbitrary: programs(fatal, violent) },
);

/** Whether a connection may fail without anybody's doing. */
export function isFatal({ reset, enobufs, control }: Rates): boolean {
  return reset > 0 || enobufs > 0 || control > 0;
}
