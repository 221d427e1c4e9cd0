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
const FEW_ROWS = 32;
const ABREAST = 32;

interface Draw {
  readonly place: number;
  /** What the place leaves of the random number, in 2^32nds. */
  readonly rest: number;
}

/** The product of two whole numbers below 2^32: its upper and its lower 32 bits. */
function product(a: number, b: number): [number, number] {
  const exact = BigInt(a) * BigInt(b);
  return [Number(exact >> 32n), Number(exact & 0xffffffffn)];
}

/** xoshiro128**, one stream for each seed and tree. */
function randomDraw(seed: number, stream: number): (bound: number) => Draw {
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
    const [place, rest] = product(result, bound);
    return { place, rest };
  };
}

/** images uint8 [N, features], labels [N]. */
export function plainTrees(images: Uint8Array, labels: ArrayLike<number>, options: PlainOptions): Trees {
  const sizes: number[] = [];
  const child: number[] = [];
  const test: number[] = [];
  const shares: number[] = [];
  for (let tree = 0; tree < options.trees; tree++) {
    const grown = plainTree(images, labels, options, randomDraw(options.seed, tree));
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
  draw: (bound: number) => Draw,
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
  const inherited = [
    ...everyFeature.filter((feature) => isConstant(everyRow, feature)),
    ...everyFeature.filter((feature) => !isConstant(everyRow, feature)),
  ];

  /** How many of a node's draws fall on features that are not among the known constants. */
  const drawsLeft = (known: number) => {
    const most = Math.min(tries, features);
    if (constants === "skipped" || known === 0) return most;
    let undrawn = known;
    for (let i = 0; i < most; i += 2) {
      const { place, rest } = draw(features - i);
      if (place < undrawn) undrawn--;
      if (i + 1 < most && product(rest, features - i - 1)[0] < undrawn) undrawn--;
    }
    return most - (known - undrawn);
  };

  const grow = (node: number, rows: readonly number[], known: number): void => {
    const counts = countClasses(rows);
    const only = counts.indexOf(rows.length);
    if (only >= 0) {
      child[node] = -1 - only;
      return;
    }
    // Few rows find all their constants first, and draw from the others in ascending order, some at a time.
    const few = rows.length <= FEW_ROWS;
    const order = few ? everyFeature.filter((feature) => !isConstant(rows, feature)) : inherited;
    const scoreOf = (small: readonly number[], large: readonly number[]) =>
      few
        ? (squares(small) * large.length + squares(large) * small.length) / (small.length * large.length)
        : squares(small) / small.length + squares(large) / large.length;
    let best = { score: -1, feature: 0, threshold: 0 };
    let constant = few ? 0 : known;
    let drawn = constant;
    let left = 1;
    if (!few) left = drawsLeft(known);
    else if (rows.length > 2 && order.length > 0) left = Math.max(1, drawsLeft(features - order.length));
    while (drawn < order.length && (left > 0 || best.score < 0) && best.score < rows.length) {
      const batch = Math.min(few ? ABREAST : features, Math.max(left, 1), order.length - drawn);
      const rests = Array.from({ length: batch }, (_, i) => {
        const { place, rest } = draw(order.length - drawn - i);
        const feature = order[drawn + i + place]!;
        order[drawn + i + place] = order[drawn + i]!;
        order[drawn + i] = feature;
        return rest;
      });
      let varying = 0;
      for (const rest of rests) {
        if (best.score === rows.length) break;
        const feature = order[drawn++]!;
        if (isConstant(rows, feature)) {
          order[drawn - 1] = order[constant]!;
          order[constant++] = feature;
          continue;
        }
        varying++;
        const values = rows.map((row) => byte(row, feature));
        const low = Math.min(...values);
        const threshold = low + product(rest, Math.max(...values) - low)[0];
        const small = rows.filter((row) => byte(row, feature) <= threshold);
        const large = rows.filter((row) => byte(row, feature) > threshold);
        const score = scoreOf(small, large);
        if (score > best.score) best = { score, feature, threshold };
      }
      left = Math.max(0, left - (constants === "counted" ? batch : varying));
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
    const [small, large] = [
      (value: number) => value <= best.threshold,
      (value: number) => value > best.threshold,
    ];
    for (const [side, belongs] of [small, large].entries()) {
      const its = rows.filter((row) => belongs(byte(row, best.feature)));
      grow(first + side, its, constant);
    }
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
