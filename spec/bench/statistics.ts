// What is said about a few rounds: the middle one, and how far apart they were.

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const [min] = sorted;
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) return undefined;
  const upper = sorted[Math.floor(sorted.length / 2)] ?? max;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? min;
  return { median: (lower + upper) / 2, min, max };
}

/**
 * Of each round's value to the same round's baseline, where both exist: neighbours in time, so that a machine that
 * becomes slower for a minute does not become a difference.
 */
export function ratios(
  values: readonly (number | undefined)[],
  baseline: readonly (number | undefined)[],
): number[] {
  return values.flatMap((value, round) => {
    const other = baseline[round];
    return value === undefined || other === undefined || other === 0 ? [] : [value / other];
  });
}

/** How much a series grows from one value to the next, whatever single values do (Theil and Sen). */
export function medianSlope(values: readonly number[]): number {
  const slopes = values.flatMap((value, i) =>
    values.slice(i + 1).map((later, j) => (later - value) / (j + 1)),
  );
  return spread(slopes)?.median ?? 0;
}
