// How unsure a model is of each session.
import type { Candidates } from "./strategy.ts";

/** float64 [count]: 1 - (best probability - second best); 1 where two classes are equally probable, 0 where one is certain. */
export function marginDoubt({ probabilities, count, classes }: Candidates): Float64Array {
  return Float64Array.from({ length: count }, (_, row) => {
    let [best, second] = [0, 0];
    for (let k = 0; k < classes; k++) {
      const p = probabilities![row * classes + k]!;
      if (p > best) [best, second] = [p, best];
      else if (p > second) second = p;
    }
    return 1 - (best - second);
  });
}

/** float64 [count]: entropy of the probabilities in nats. */
export function entropyDoubt({ probabilities, count, classes }: Candidates): Float64Array {
  return Float64Array.from({ length: count }, (_, row) => {
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      const p = probabilities![row * classes + k]!;
      if (p > 0) sum -= p * Math.log(p);
    }
    return sum;
  });
}

/** The `n` places of the largest values; of equal ones the first. */
export function largest(values: Float64Array, n: number): Uint32Array {
  const order = Uint32Array.from(values.keys());
  return order.sort((a, b) => values[b]! - values[a]! || a - b).slice(0, n);
}
