// The nearest training image by Euclidean distance on bytes, exactly. Two prunings keep it fast and change no result: by the
// triangle inequality | |a| - |b| | <= |a - b|, so only training images of like length are looked at, nearest length first;
// and a distance is given up as soon as it exceeds the best, bytes that vary most being summed first.

const BLOCK = 56; // bytes between two looks at the best distance; 784 = 14 x 56

export interface NearestNeighbourOptions {
  /** Called every few thousand comparisons: the place to give way to the event loop, or to throw. */
  readonly pause: () => Promise<void>;
}

/**
 * @param train uint8 [n, features], features a multiple of 56
 * @param test uint8 [m, features]
 * @returns int32 [m]: the row of the nearest training image, the smallest row of equally near ones
 */
export async function nearestNeighbours(
  train: Uint8Array,
  test: Uint8Array,
  features: number,
  options: NearestNeighbourOptions,
): Promise<Int32Array> {
  const rows = train.length / features;
  const tests = test.length / features;
  const trainLengths = lengths(train, features);
  const testLengths = lengths(test, features);
  const order = Uint32Array.from({ length: rows }, (_, i) => i).sort(
    (a, b) => trainLengths[a]! - trainLengths[b]!,
  );
  const byVariance = featuresByVariance(train, features);
  const sorted = permute(train, order, byVariance);
  const queries = permute(
    test,
    Uint32Array.from({ length: tests }, (_, i) => i),
    byVariance,
  );
  const sortedLengths = Float64Array.from(order, (row) => trainLengths[row]!);

  const nearest = new Int32Array(tests);
  for (let i = 0; i < tests; i++) {
    if (i % 16 === 0) await options.pause();
    const length = testLengths[i]!;
    let up = lowerBound(sortedLengths, length);
    let down = up - 1;
    let best = Number.POSITIVE_INFINITY;
    let bestRow = rows;
    while (down >= 0 || up < rows) {
      const gapDown = down >= 0 ? length - sortedLengths[down]! : Number.POSITIVE_INFINITY;
      const gapUp = up < rows ? sortedLengths[up]! - length : Number.POSITIVE_INFINITY;
      const gap = Math.min(gapDown, gapUp);
      // Half a unit of slack: squared distances are whole numbers, lengths are rounded.
      if (gap * gap > best + 0.5) break;
      const candidate = gapDown < gapUp ? down-- : up++;
      const distance = boundedDistance(sorted, candidate * features, queries, i * features, features, best);
      const row = order[candidate]!;
      if (distance < best || (distance === best && row < bestRow)) {
        best = distance;
        bestRow = row;
      }
    }
    nearest[i] = bestRow;
  }
  return nearest;
}

/** Squared Euclidean distance, or some number above `limit` once it is known to exceed it. */
function boundedDistance(
  a: Uint8Array,
  ai: number,
  b: Uint8Array,
  bi: number,
  features: number,
  limit: number,
): number {
  let sum = 0;
  for (let from = 0; from < features; from += BLOCK) {
    let part = 0; // stays a 31-bit integer: 56 x 255^2 < 2^22
    for (let k = from; k < from + BLOCK; k++) {
      const difference = (a[ai + k]! - b[bi + k]!) | 0;
      part = (part + Math.imul(difference, difference)) | 0;
    }
    sum += part;
    if (sum > limit) return sum;
  }
  return sum;
}

/** Feature numbers, the one of largest variance over the images first. */
function featuresByVariance(images: Uint8Array, features: number): Uint32Array {
  const sums = new Float64Array(features);
  const squares = new Float64Array(features);
  for (let i = 0; i < images.length; i++) {
    sums[i % features]! += images[i]!;
    squares[i % features]! += images[i]! * images[i]!;
  }
  const rows = images.length / features;
  const variances = squares.map((square, f) => square / rows - (sums[f]! / rows) ** 2);
  return Uint32Array.from({ length: features }, (_, f) => f).sort((a, b) => variances[b]! - variances[a]!);
}

/** uint8 [order.length, columns.length]: rows and columns of `images` in new orders. */
function permute(images: Uint8Array, order: Uint32Array, columns: Uint32Array): Uint8Array {
  const permuted = new Uint8Array(images.length);
  let at = 0;
  for (const row of order) {
    for (let k = 0; k < columns.length; k++) permuted[at++] = images[row * columns.length + columns[k]!]!;
  }
  return permuted;
}

function lengths(images: Uint8Array, features: number): Float64Array {
  return Float64Array.from({ length: images.length / features }, (_, row) => {
    let sum = 0;
    for (let k = row * features; k < (row + 1) * features; k++) sum += images[k]! * images[k]!;
    return Math.sqrt(sum);
  });
}

/** First index whose value is not below `value`. */
function lowerBound(ascending: Float64Array, value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
