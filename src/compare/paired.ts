// Differences of two models over the same seeds, which means the same labelled rows and the same test rows.
import { meanAndDeviation } from "../evaluation/metrics.ts";

export interface PairedDifference {
  /** Shares, 0 to 1: the first model's accuracy less the second's. */
  readonly mean: number;
  readonly deviation: number;
  /** Seeds that both were run with. */
  readonly pairs: number;
  /** Half the width of the 95 % interval of the mean (Student's paired t); null with fewer than two pairs. */
  readonly margin: number | null;
}

// Student's t, 0.975 quantile, by degrees of freedom from 1 on; beyond, the normal one is near enough.
const T_975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const NORMAL_975 = 1.96;

/** Of scores by seed; null where no seed is in both. */
export function pairedDifference(
  first: ReadonlyMap<number, number>,
  second: ReadonlyMap<number, number>,
): PairedDifference | null {
  const differences = [...first].flatMap(([seed, score]) => {
    const other = second.get(seed);
    return other === undefined ? [] : [score - other];
  });
  if (differences.length === 0) return null;
  const { mean, deviation } = meanAndDeviation(differences);
  const pairs = differences.length;
  const quantile = T_975[pairs - 2] ?? NORMAL_975;
  return { mean, deviation, pairs, margin: pairs < 2 ? null : (quantile * deviation) / Math.sqrt(pairs) };
}
