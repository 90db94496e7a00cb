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

/** The middle, and where the true middle lies with a confidence of 95 % or more. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Fewer rounds than this have no 95 % interval: even from the smallest to the largest is less sure. */
export const FEWEST_FOR_INTERVAL = 6;

/**
 * The interval between two of the values that holds the median with 95 % or more, whatever the distribution: the exact
 * binomial one. Each value lies below the true median with probability 1/2, so the k-th from either end fails to
 * enclose it with probability P(B < k), B of Binomial(n, 1/2). k is the largest for which both ends together fail in at
 * most 5 %. Undefined below FEWEST_FOR_INTERVAL values.
 */
export function estimate(values: readonly number[]): Estimate | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  let k = 0;
  let below = 0; // P(B <= k)
  for (let chance = 0.5 ** count; below + chance <= 0.025; k++) {
    below += chance;
    chance *= (count - k) / (k + 1);
  }
  const [low, high, middle] = [sorted[k - 1], sorted[count - k], spread(sorted)];
  if (low === undefined || high === undefined || middle === undefined) return undefined;
  return { median: middle.median, low, high };
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
