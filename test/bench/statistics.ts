/** Spread of measured values, in their own unit. */
export interface Spread {
  p50: number;
  p95: number;
  p99?: number;
  n: number;
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

/** Nearest-rank percentile: always one of the measured values, never between two. */
export const percentile = (sorted: readonly number[], rank: number): number => {
  const value = sorted[Math.max(0, Math.ceil((rank / 100) * sorted.length) - 1)];
  if (value === undefined) throw new Error("a percentile of nothing: no value was measured");
  return value;
};

/** p99 only where at least 100 values give it a meaning. */
export const spreadOf = (values: readonly number[]): Spread => {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    p50: rounded(percentile(sorted, 50)),
    p95: rounded(percentile(sorted, 95)),
    ...(sorted.length >= 100 ? { p99: rounded(percentile(sorted, 99)) } : {}),
    n: sorted.length,
  };
};
