// Plain, slow implementations of the operations of src/nn/backend.ts: the truth that both backends are held against.
// Sums run in float64.
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const size = (shape: readonly number[]) => shape.reduce((total, d) => total * d, 1);

/** An array filled by a function of its index tuple. */
export function fill(shape: readonly number[], value: (index: number[]) => number): NdArray {
  const data = new Float32Array(size(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = value(index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape, data };
}

/** Element at `index`; zero outside. */
export function at(x: NdArray, index: readonly number[]): number {
  let offset = 0;
  for (let axis = 0; axis < x.shape.length; axis++) {
    const i = index[axis]!;
    if (i < 0 || i >= x.shape[axis]!) return 0;
    offset = offset * x.shape[axis]! + i;
  }
  return x.data[offset]!;
}

export const map = (x: NdArray, f: (value: number) => number): NdArray =>
  fill(x.shape, (index) => f(at(x, index)));

function sum(counts: readonly number[], term: (index: number[]) => number): number {
  let total = 0;
  fill(counts, (index) => {
    total += term(index);
    return 0;
  });
  return total;
}

export function broadcastTogether(a: NdArray, b: NdArray, f: (x: number, y: number) => number): NdArray {
  const rank = Math.max(a.shape.length, b.shape.length);
  const extent = (x: NdArray, axis: number) => x.shape[axis - rank + x.shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => Math.max(extent(a, axis), extent(b, axis)));
  const pick = (x: NdArray, index: number[]) =>
    at(
      x,
      index.slice(rank - x.shape.length).map((i, axis) => (x.shape[axis] === 1 ? 0 : i)),
    );
  return fill(shape, (index) => f(pick(a, index), pick(b, index)));
}

export function matmul(a: NdArray, b: NdArray): NdArray {
  const inner = a.shape.at(-1)!;
  const shape = [...a.shape.slice(0, -1), b.shape.at(-1)!];
  return fill(shape, (index) => {
    const [batch, row, column] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!];
    const inB = b.shape.length === 2 ? [] : batch;
    return sum([inner], ([k]) => at(a, [...batch, row, k!]) * at(b, [...inB, k!, column]));
  });
}

export function linear(x: NdArray, weight: NdArray, bias: NdArray): NdArray {
  return fill(
    [x.shape[0]!, weight.shape[0]!],
    ([n, o]) => at(bias, [o!]) + sum([x.shape[1]!], ([i]) => at(x, [n!, i!]) * at(weight, [o!, i!])),
  );
}

/** Any number of spatial axes. */
export function convolution(
  x: NdArray,
  weight: NdArray,
  bias: NdArray,
  stride: number,
  padding: number,
  { dilation = 1, groups = 1 }: { dilation?: number; groups?: number } = {},
): NdArray {
  const kernel = weight.shape.slice(2);
  const [outputs, inputs] = weight.shape as [number, number];
  const spatial = kernel.map(
    (k, i) => Math.floor((x.shape[i + 2]! + 2 * padding - dilation * (k - 1) - 1) / stride) + 1,
  );
  return fill([x.shape[0]!, outputs, ...spatial], ([n, o, ...position]) => {
    const first = Math.floor(o! / (outputs / groups)) * inputs; // of the group's input channels
    const taps = sum([inputs, ...kernel], ([c, ...tap]) => {
      const from = tap.map((t, i) => position[i]! * stride + t * dilation - padding);
      return at(x, [n!, first + c!, ...from]) * at(weight, [o!, c!, ...tap]);
    });
    return at(bias, [o!]) + taps;
  });
}

/** Scatter form: each input pixel adds its kernel into the output. */
export function convTranspose2d(
  x: NdArray,
  weight: NdArray,
  bias: NdArray,
  { stride, padding, outputPadding }: { stride: number; padding: number; outputPadding: number },
): NdArray {
  const [batch, inputs, height, width] = x.shape as [number, number, number, number];
  const [, outputs, kernel] = weight.shape as [number, number, number];
  const length = (n: number) => (n - 1) * stride - 2 * padding + kernel + outputPadding;
  const result = fill([batch, outputs, length(height), length(width)], ([, o]) => at(bias, [o!]));
  const [, , outHeight, outWidth] = result.shape as [number, number, number, number];
  fill([batch, inputs, height, width, outputs, kernel, kernel], ([n, c, i, j, o, u, v]) => {
    const [row, column] = [i! * stride + u! - padding, j! * stride + v! - padding];
    if (row >= 0 && row < outHeight && column >= 0 && column < outWidth) {
      const offset = ((n! * outputs + o!) * outHeight + row) * outWidth + column;
      result.data[offset]! += at(x, [n!, c!, i!, j!]) * at(weight, [c!, o!, u!, v!]);
    }
    return 0;
  });
  return result;
}

export function batchNorm(
  x: NdArray,
  [weight, bias, mean, variance]: readonly NdArray[],
  epsilon: number,
): NdArray {
  return fill(x.shape, (index) => {
    const c = [index[1]!];
    const normal = (at(x, index) - at(mean!, c)) / Math.sqrt(at(variance!, c) + epsilon);
    return normal * at(weight!, c) + at(bias!, c);
  });
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** (N, T, I) -> (N, T, H); gates in the order input, forget, cell, output; `reverse` runs from the last step. */
export function lstmDirection(
  x: NdArray,
  weights: readonly NdArray[],
  hiddenSize: number,
  reverse: boolean,
): NdArray {
  const [inputHidden, hiddenHidden, inputBias, hiddenBias] = weights as [NdArray, NdArray, NdArray, NdArray];
  const [batch, steps, inputs] = x.shape as [number, number, number];
  const result = fill([batch, steps, hiddenSize], () => 0);
  for (let n = 0; n < batch; n++) {
    let hidden = new Float64Array(hiddenSize);
    let cell = new Float64Array(hiddenSize);
    for (let step = 0; step < steps; step++) {
      const t = reverse ? steps - 1 - step : step;
      const gate = (g: number, h: number) => {
        const row = g * hiddenSize + h;
        const fromInput = sum([inputs], ([i]) => at(inputHidden, [row, i!]) * at(x, [n, t, i!]));
        const fromHidden = sum([hiddenSize], ([k]) => at(hiddenHidden, [row, k!]) * hidden[k!]!);
        return fromInput + fromHidden + at(inputBias, [row]) + at(hiddenBias, [row]);
      };
      const nextHidden = new Float64Array(hiddenSize);
      const nextCell = new Float64Array(hiddenSize);
      for (let h = 0; h < hiddenSize; h++) {
        nextCell[h] = sigmoid(gate(1, h)) * cell[h]! + sigmoid(gate(0, h)) * Math.tanh(gate(2, h));
        nextHidden[h] = sigmoid(gate(3, h)) * Math.tanh(nextCell[h]!);
        result.data[(n * steps + t) * hiddenSize + h] = nextHidden[h]!;
      }
      hidden = nextHidden;
      cell = nextCell;
    }
  }
  return result;
}

export function maxPool(x: NdArray, window: number): NdArray {
  const shape = [...x.shape.slice(0, 2), ...x.shape.slice(2).map((length) => Math.floor(length / window))];
  return fill(shape, ([n, c, ...position]) => {
    let largest = Number.NEGATIVE_INFINITY;
    fill(
      position.map(() => window),
      (tap) => {
        const from = tap.map((t, i) => position[i]! * window + t);
        largest = Math.max(largest, at(x, [n!, c!, ...from]));
        return 0;
      },
    );
    return largest;
  });
}

export function softmax(x: NdArray, axis: number): NdArray {
  return fill(x.shape, (index) => {
    const along = (k: number) => Math.exp(at(x, index.with(axis, k)));
    return along(index[axis]!) / sum([x.shape[axis]!], ([k]) => along(k!));
  });
}

export function permute(x: NdArray, axes: readonly number[]): NdArray {
  const shape = axes.map((axis) => x.shape[axis]!);
  return fill(shape, (index) => {
    const source = index.map(() => 0);
    axes.forEach((axis, i) => {
      source[axis] = index[i]!;
    });
    return at(x, source);
  });
}

export function select(x: NdArray, axis: number, position: number): NdArray {
  return fill(x.shape.toSpliced(axis, 1), (index) => at(x, index.toSpliced(axis, 0, position)));
}

export function slice(x: NdArray, axis: number, start: number, end: number): NdArray {
  return fill(x.shape.with(axis, end - start), (index) => at(x, index.with(axis, index[axis]! + start)));
}

export function concat(xs: readonly NdArray[], axis: number): NdArray {
  const total = xs.reduce((length, x) => length + x.shape[axis]!, 0);
  return fill(xs[0]!.shape.with(axis, total), (index) => {
    let position = index[axis]!;
    let source = 0;
    while (position >= xs[source]!.shape[axis]!) position -= xs[source++]!.shape[axis]!;
    return at(xs[source]!, index.with(axis, position));
  });
}

export function mean(x: NdArray, axis: number): NdArray {
  const length = x.shape[axis]!;
  return fill(
    x.shape.toSpliced(axis, 1),
    (index) => sum([length], ([k]) => at(x, index.toSpliced(axis, 0, k!))) / length,
  );
}

export function maximum(x: NdArray, axis: number): NdArray {
  return fill(x.shape.toSpliced(axis, 1), (index) => {
    const along = Array.from({ length: x.shape[axis]! }, (_, k) => at(x, index.toSpliced(axis, 0, k)));
    return Math.max(...along);
  });
}

export function layerNorm(x: NdArray, weight: NdArray, bias: NdArray, epsilon: number): NdArray {
  const features = x.shape.at(-1)!;
  return fill(x.shape, (index) => {
    const along = (k: number) => at(x, index.with(-1, k));
    const average = sum([features], ([k]) => along(k!)) / features;
    const variance = sum([features], ([k]) => (along(k!) - average) ** 2) / features;
    const normal = (at(x, index) - average) / Math.sqrt(variance + epsilon);
    return normal * at(weight, [index.at(-1)!]) + at(bias, [index.at(-1)!]);
  });
}

export function embedding(indices: NdArray, weight: NdArray): NdArray {
  return fill([...indices.shape, weight.shape[1]!], (index) =>
    at(weight, [at(indices, index.slice(0, -1)), index.at(-1)!]),
  );
}

/** x Phi(x); erf by its Taylor series, whose terms up to |x| = 6 stay far below what float64 holds. */
export function gelu(x: number): number {
  const t = x / Math.SQRT2;
  let term = t;
  let total = t;
  for (let n = 1; n < 200; n++) {
    term *= (-t * t) / n;
    total += term / (2 * n + 1);
  }
  return 0.5 * x * (1 + (2 / Math.sqrt(Math.PI)) * total);
}
