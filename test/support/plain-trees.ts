// The plain twin of native/core/forest: extremely randomised trees one row and one feature at a time, on the same random
// numbers, so that the trees have to be the same ones.
import type { Trees } from "../../bindings/capture/forest.ts";

export interface PlainOptions {
  readonly classes: number;
  readonly trees: number;
  readonly seed: number;
  readonly tries: number;
  readonly constants: "counted" | "skipped";
}

const PARTS = 4096;

/** xoshiro128**, one stream for each seed and tree. */
function randomBelow(seed: number, stream: number): (bound: number) => number {
  const mix = (value: number) => {
    let h = (value + 0x9e3779b9) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  };
  const rotate = (value: number, by: number) => ((value << by) | (value >>> (32 - by))) >>> 0;
  const high = Math.floor(seed / 2 ** 32) >>> 0;
  let word = mix(mix(mix(seed >>> 0) ^ high) ^ stream);
  const state: number[] = [];
  for (let i = 0; i < 4; i++) {
    word = mix(word);
    state.push(word);
  }
  return (bound) => {
    let [a, b, c, d] = state as [number, number, number, number];
    const result = Math.imul(rotate(Math.imul(b, 5) >>> 0, 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d >>> 0, 11);
    for (const [i, value] of [a, b, c, d].entries()) state[i] = value >>> 0;
    return Math.floor((result * bound) / 2 ** 32);
  };
}

/** images uint8 [N, features], labels [N]. */
export function plainTrees(images: Uint8Array, labels: ArrayLike<number>, options: PlainOptions): Trees {
  const sizes: number[] = [];
  const child: number[] = [];
  const test: number[] = [];
  const shares: number[] = [];
  for (let tree = 0; tree < options.trees; tree++) {
    const grown = plainTree(images, labels, options, randomBelow(options.seed, tree));
    sizes.push(grown.child.length, grown.shares.length / options.classes);
    child.push(...grown.child);
    test.push(...grown.test);
    shares.push(...grown.shares);
  }
  return {
    sizes: Int32Array.from(sizes),
    child: Int32Array.from(child),
    test: Int32Array.from(test),
    shares: Int32Array.from(shares),
  };
}

function plainTree(
  images: Uint8Array,
  labels: ArrayLike<number>,
  { classes, tries, constants }: PlainOptions,
  below: (bound: number) => number,
): { child: number[]; test: number[]; shares: number[] } {
  const features = images.length / labels.length;
  const byte = (row: number, feature: number) => images[row * features + feature]!;
  const isConstant = (rows: readonly number[], feature: number) =>
    rows.every((row) => byte(row, feature) === byte(rows[0]!, feature));
  const countClasses = (rows: readonly number[]) => {
    const counts = new Array<number>(classes).fill(0);
    for (const row of rows) counts[labels[row]!]!++;
    return counts;
  };
  const squares = (rows: readonly number[]) =>
    countClasses(rows).reduce((sum, count) => sum + count * count, 0);

  const child = [0];
  const test = [0];
  const shares: number[] = [];
  const everyRow = Array.from({ length: labels.length }, (_, row) => row);
  const everyFeature = Array.from({ length: features }, (_, feature) => feature);
  // Features that are constant in the node, then the others, in the order that growing has brought them to.
  const order = [
    ...everyFeature.filter((feature) => isConstant(everyRow, feature)),
    ...everyFeature.filter((feature) => !isConstant(everyRow, feature)),
  ];

  const grow = (node: number, rows: readonly number[], known: number): void => {
    const counts = countClasses(rows);
    const only = counts.indexOf(rows.length);
    if (only >= 0) {
      child[node] = -1 - only;
      return;
    }
    let best = { score: -1, feature: 0, threshold: 0 };
    let drawn = constants === "counted" ? 0 : known;
    let constant = known;
    let undrawn = features;
    let left = tries;
    let tried = false;
    while (undrawn > constant && (left > 0 || !tried)) {
      if (left > 0) left--;
      let at = drawn + below(undrawn - (constant - known) - drawn);
      if (at < known) {
        drawn++;
        continue;
      }
      at += constant - known;
      const feature = order[at]!;
      if (isConstant(rows, feature)) {
        order[at] = order[constant]!;
        order[constant++] = feature;
        if (constants === "skipped") left++;
        continue;
      }
      tried = true;
      undrawn--;
      order[at] = order[undrawn]!;
      order[undrawn] = feature;
      const values = rows.map((row) => byte(row, feature));
      const low = Math.min(...values);
      const threshold = low + below(Math.max(...values) - low);
      const small = rows.filter((row) => byte(row, feature) <= threshold);
      const large = rows.filter((row) => byte(row, feature) > threshold);
      const score = squares(small) / small.length + squares(large) / large.length;
      if (score > best.score) best = { score, feature, threshold };
      if (best.score === rows.length) break;
    }
    if (best.score < 0) {
      child[node] = -1 - classes - shares.length / classes;
      shares.push(...wholeShares(counts, rows.length));
      return;
    }
    const first = child.length;
    child[node] = first;
    test[node] = best.feature * 256 + best.threshold;
    child.push(0, 0);
    test.push(0, 0);
    grow(
      first,
      rows.filter((row) => byte(row, best.feature) <= best.threshold),
      constant,
    );
    grow(
      first + 1,
      rows.filter((row) => byte(row, best.feature) > best.threshold),
      constant,
    );
  };
  grow(0, everyRow, everyFeature.filter((feature) => isConstant(everyRow, feature)).length);
  return { child: child, test: test, shares: shares };
}

/** Shares in 4096ths that sum to 4096: rounded down, the rest to those that lost most, the first of equal ones. */
function wholeShares(counts: readonly number[], rows: number): number[] {
  const shares = counts.map((count) => Math.floor((count * PARTS) / rows));
  const losers = counts
    .map((count, label) => ({ label, lost: (count * PARTS) % rows, present: count > 0 }))
    .filter(({ present }) => present)
    .sort((a, b) => b.lost - a.lost || a.label - b.label);
  const missing = PARTS - shares.reduce((sum, share) => sum + share, 0);
  for (const { label } of losers.slice(0, missing)) shares[label]!++;
  return shares;
}

/** Mean over the trees of the shares of the leaf that each image comes to: float64 rows. */
export function plainProbabilities(
  trees: Trees,
  images: Uint8Array,
  features: number,
  classes: number,
): number[][] {
  return Array.from({ length: images.length / features }, (_, row) => {
    const sums = new Array<number>(classes).fill(0);
    let [firstNode, firstMixed] = [0, 0];
    for (let tree = 0; tree < trees.sizes.length / 2; tree++) {
      let node = firstNode;
      for (let left = trees.child[node]!; left >= 0; left = trees.child[node]!) {
        const test = trees.test[node]!;
        node = firstNode + left + Number(images[row * features + (test >> 8)]! > (test & 255));
      }
      const kind = -1 - trees.child[node]!;
      for (let label = 0; label < classes; label++) {
        sums[label]! +=
          kind < classes
            ? Number(kind === label)
            : trees.shares[(firstMixed + kind - classes) * classes + label]! / PARTS;
      }
      firstNode += trees.sizes[2 * tree]!;
      firstMixed += trees.sizes[2 * tree + 1]!;
    }
    return sums.map((sum) => sum / (trees.sizes.length / 2));
  });
}
