// The parts of the test kit that are not public names: found where they were built, .out/spec/testing being three folders
// deep, and described as far as the specs use them.

export type Side = 'client' | 'server';
export type WireValues = Readonly<Record<string, string | Uint8Array>>;
export type MarbleKind = 'data' | 'fin' | 'reset' | 'close' | 'connect' | 'stop' | 'go';

export interface WireEvent {
  readonly at: number;
  readonly kind: MarbleKind;
  readonly bytes?: Buffer;
}

export interface Marble extends WireEvent {
  readonly column: number;
  readonly group?: number;
}

interface Diagram {
  readonly bytesOf: (value: string | Uint8Array) => Buffer;
  readonly parseLane: (
    text: string,
    side: Side,
    values?: WireValues,
  ) => {
    readonly text: string;
    readonly side: Side;
    readonly marbles: readonly Marble[];
    readonly duration: number;
  };
  readonly parseSigns: (text: string) => {
    readonly signs: readonly { readonly at: number; readonly sign: string; readonly column: number }[];
    readonly duration: number;
  };
}

interface LaneText {
  readonly formatLane: (
    events: readonly WireEvent[],
    values?: WireValues,
    like?: string,
  ) => {
    readonly text: string;
    readonly values: WireValues;
    readonly invented: readonly string[];
    readonly exact: boolean;
  };
}

interface Hex {
  readonly hexDump: (bytes: Uint8Array, options?: { max?: number }) => string;
  readonly hexDiff: (
    expected: Uint8Array,
    actual: Uint8Array,
    options?: { context?: number; lines?: number },
  ) => string;
}

interface Quote {
  readonly quote: (bytes: Uint8Array, max?: number) => string;
}

interface Mismatch {
  readonly describeMismatch: (mismatch: {
    title: string;
    client: string;
    expected: string;
    actual: string;
    difference: { at: number; column?: number; expected?: Buffer | string; actual?: Buffer | string };
    trace?: readonly string[];
    notes?: readonly string[];
  }) => string;
}

const built = async (file: string): Promise<unknown> =>
  import(new URL(`../../../dist/testing/${file}`, import.meta.url).href);

export const diagram = (await built('diagram.js')) as Diagram;
export const laneText = (await built('lane-text.js')) as LaneText;
export const hex = (await built('hex.js')) as Hex;
export const quoting = (await built('quote.js')) as Quote;
export const mismatch = (await built('mismatch.js')) as Mismatch;
