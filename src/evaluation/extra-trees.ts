// Extremely randomised trees (Geurts, Ernst, Wehenkel, Machine Learning 63, 2006) on bytes: at each node sqrt(features)
// features that are not constant there, one uniformly random threshold each, the split of least Gini impurity; every tree
// sees all rows; leaves are pure or unsplittable; trees vote by their leaves' class shares.
// scikit-learn counts constant features among those tried, which on zero-padded images wastes most tries: with that rule this
// code scores as scikit-learn does, without it 1 to 3 points more (iscx12, 10 % and 1000 labels). The stronger baseline it is.
import { type Random, randomBelow, seededRandom } from "../dataset/random.ts";

export interface ExtraTreesOptions {
  readonly trees: number;
  readonly seed: number;
  /** Called between trees and between blocks of predictions: the place to give way to the event loop, or to throw. */
  readonly pause: () => Promise<void>;
}

/** A tree as parallel arrays by node. A leaf has feature -1 and its class shares at `leaf * classCount`. */
interface Tree {
  readonly feature: Int16Array;
  /** Rows with a byte up to and including this go left. */
  readonly threshold: Uint8Array;
  /** Left child; the right one is the next node. For a leaf, its number. */
  readonly child: Int32Array;
  readonly shares: Float32Array;
}

/**
 * Trains on one set of images and predicts the classes of another.
 * @param train uint8 [n, features]
 * @param labels int32 [n] in [0, classCount)
 * @param test uint8 [m, features]
 * @returns int32 [m]
 */
export async function extraTrees(
  train: Uint8Array,
  labels: Int32Array,
  test: Uint8Array,
  classCount: number,
  options: ExtraTreesOptions,
): Promise<Int32Array> {
  const features = train.length / labels.length;
  const tests = test.length / features;
  const columns = transpose(train, labels.length, features);
  const votes = new Float64Array(tests * classCount);
  for (let t = 0; t < options.trees; t++) {
    const tree = growTree(columns, labels, features, classCount, seededRandom(options.seed, 1000 + t));
    await options.pause();
    addVotes(tree, test, features, classCount, votes);
    await options.pause();
  }
  return Int32Array.from({ length: tests }, (_, i) => {
    let best = 0;
    for (let c = 1; c < classCount; c++)
      if (votes[i * classCount + c]! > votes[i * classCount + best]!) best = c;
    return best;
  });
}

/** uint8 [rows, features] -> [features, rows]: a node scans one feature over many rows, which should lie together. */
function transpose(images: Uint8Array, rows: number, features: number): Uint8Array {
  const columns = new Uint8Array(images.length);
  for (let row = 0; row < rows; row++) {
    for (let f = 0; f < features; f++) columns[f * rows + row] = images[row * features + f]!;
  }
  return columns;
}

function growTree(
  columns: Uint8Array,
  labels: Int32Array,
  features: number,
  classCount: number,
  random: Random,
): Tree {
  const rows = labels.length;
  // A binary tree with at most `rows` leaves.
  const feature = new Int16Array(2 * rows).fill(-1);
  const threshold = new Uint8Array(2 * rows);
  const child = new Int32Array(2 * rows);
  const shares: number[] = [];
  const order = Int32Array.from({ length: rows }, (_, i) => i);
  // Permutation of features; the first `constants` of it are known to be constant in the node at hand. A constant of a node
  // is one of its children too, so children start with their parent's.
  const candidates = Int16Array.from({ length: features }, (_, i) => i);
  const tries = Math.max(1, Math.floor(Math.sqrt(features)));
  const histogram = new Int32Array(classCount);
  const left = new Int32Array(classCount);
  let nodes = 1;
  let leaves = 0;
  // Depth first, so that `candidates` keeps a parent's constants in front while its descendants permute the rest.
  const stack: { node: number; start: number; end: number; constants: number }[] = [
    { node: 0, start: 0, end: rows, constants: 0 },
  ];
  for (let work = stack.pop(); work !== undefined; work = stack.pop()) {
    const { node, start, end } = work;
    let constants = work.constants;
    histogram.fill(0);
    for (let i = start; i < end; i++) histogram[labels[order[i]!]!]!++;
    const pure = histogram.some((count) => count === end - start);
    let bestFeature = -1;
    let bestThreshold = 0;
    let bestScore = -1;
    if (!pure) {
      let tried = 0;
      for (let drawn = constants; drawn < features && tried < tries; drawn++) {
        const j = drawn + randomBelow(random, features - drawn);
        const f = candidates[j]!;
        candidates[j] = candidates[drawn]!;
        const base = f * rows;
        let low = 255;
        let high = 0;
        for (let i = start; i < end; i++) {
          const value = columns[base + order[i]!]!;
          if (value < low) low = value;
          if (value > high) high = value;
        }
        if (low === high) {
          candidates[drawn] = candidates[constants]!;
          candidates[constants++] = f;
          continue;
        }
        candidates[drawn] = f;
        tried++;
        const cut = low + randomBelow(random, high - low);
        left.fill(0);
        let leftRows = 0;
        for (let i = start; i < end; i++) {
          const row = order[i]!;
          if (columns[base + row]! <= cut) {
            left[labels[row]!]!++;
            leftRows++;
          }
        }
        // Least weighted Gini impurity = greatest sum over sides of (sum of squared counts) / rows.
        let leftSquares = 0;
        let rightSquares = 0;
        for (let c = 0; c < classCount; c++) {
          const l = left[c]!;
          const r = histogram[c]! - l;
          leftSquares += l * l;
          rightSquares += r * r;
        }
        const score = leftSquares / leftRows + rightSquares / (end - start - leftRows);
        if (score > bestScore) {
          bestScore = score;
          bestFeature = f;
          bestThreshold = cut;
        }
      }
    }
    if (bestFeature < 0) {
      child[node] = leaves++;
      for (let c = 0; c < classCount; c++) shares.push(histogram[c]! / (end - start));
      continue;
    }
    feature[node] = bestFeature;
    threshold[node] = bestThreshold;
    child[node] = nodes;
    const middle = partition(order, start, end, columns, bestFeature * rows, bestThreshold);
    stack.push(
      { node: nodes + 1, start: middle, end, constants },
      { node: nodes, start, end: middle, constants },
    );
    nodes += 2;
  }
  return { feature, threshold, child, shares: Float32Array.from(shares) };
}

/** Moves the rows of [start, end) with a byte up to `cut` to the front; returns where the others begin. */
function partition(
  order: Int32Array,
  start: number,
  end: number,
  columns: Uint8Array,
  base: number,
  cut: number,
): number {
  let low = start;
  let high = end - 1;
  while (low <= high) {
    const row = order[low]!;
    if (columns[base + row]! <= cut) low++;
    else {
      order[low] = order[high]!;
      order[high--] = row;
    }
  }
  return low;
}

function addVotes(
  tree: Tree,
  test: Uint8Array,
  features: number,
  classCount: number,
  votes: Float64Array,
): void {
  const tests = test.length / features;
  for (let i = 0; i < tests; i++) {
    let node = 0;
    for (let f = tree.feature[0]!; f >= 0; f = tree.feature[node]!) {
      node = tree.child[node]! + (test[i * features + f]! <= tree.threshold[node]! ? 0 : 1);
    }
    const leaf = tree.child[node]! * classCount;
    for (let c = 0; c < classCount; c++) votes[i * classCount + c]! += tree.shares[leaf + c]!;
  }
}
