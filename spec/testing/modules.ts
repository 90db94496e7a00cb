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

const built = async (file: string): Promise<unknown> =>
  import(new URL(`../../../dist/testing/${file}`, import.meta.url).href);

export const diagram = (await built('diagram.js')) as Diagram;
