// One row an operation of src/nn/backend.ts: its inputs, how it is called, and what must come out.
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { Backend, LstmWeights } from "../../src/nn/backend.ts";
import * as reference from "./reference-ops.ts";
import { fill, type NdArray } from "./reference-ops.ts";

export interface OpCase {
  readonly name: string;
  /** Shape of the data input, batch first. */
  readonly input: readonly number[];
  /** Of the input: values of [-1, 1], or bytes below this number. */
  readonly bytesBelow?: number;
  /** Shapes of the weights. */
  readonly weights: readonly (readonly number[])[];
  /** How many of the weights, the last ones, are statistics that have no gradient. Default 0. */
  readonly constants?: number;
  readonly run: <T>(backend: Backend<T>, x: T, weights: readonly T[]) => T;
  readonly expected: (x: NdArray, weights: readonly NdArray[]) => NdArray;
}

const N = 3;
const lstmShapes = (inputs: number, hidden: number) => [
  [4 * hidden, inputs],
  [4 * hidden, hidden],
  [4 * hidden],
  [4 * hidden],
];
const lstmWeights = <T>(w: readonly T[]): LstmWeights<T> => ({
  inputHidden: w[0]!,
  hiddenHidden: w[1]!,
  inputBias: w[2]!,
  hiddenBias: w[3]!,
});
const upsample = { stride: 2, padding: 2, outputPadding: 1 };
/** (N, T, C) <-> (N, C, T). */
const turned = (x: NdArray) => reference.permute(x, [0, 2, 1]);
const normalization = { momentum: 0.1, epsilon: 1e-5 };

export const OP_CASES: readonly OpCase[] = [
  {
    name: "affine",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.affine(x, 0.25, -1.5),
    expected: (x) => reference.map(x, (v) => v * 0.25 - 1.5),
  },
  {
    name: "add, broadcast",
    input: [N, 4, 5],
    weights: [[4, 1]],
    run: (b, x, [w]) => b.add(x, w!),
    expected: (x, [w]) => reference.broadcastTogether(x, w!, (p, q) => p + q),
  },
  {
    name: "multiply, broadcast",
    input: [N, 4, 5],
    weights: [[5]],
    run: (b, x, [w]) => b.multiply(x, w!),
    expected: (x, [w]) => reference.broadcastTogether(x, w!, (p, q) => p * q),
  },
  {
    name: "matmul with a matrix",
    input: [N, 4, 5],
    weights: [[5, 6]],
    run: (b, x, [w]) => b.matmul(x, w!),
    expected: (x, [w]) => reference.matmul(x, w!),
  },
  {
    name: "matmul of two batches",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.matmul(x, b.permute(x, [0, 2, 1])),
    expected: (x) => reference.matmul(x, reference.permute(x, [0, 2, 1])),
  },
  {
    name: "linear",
    input: [N, 7],
    weights: [[4, 7], [4]],
    run: (b, x, [w, bias]) => b.linear(x, w!, bias!),
    expected: (x, [w, bias]) => reference.linear(x, w!, bias!),
  },
  {
    name: "conv1d, same length",
    input: [N, 4, 11],
    weights: [[6, 4, 5], [6]],
    run: (b, x, [w, bias]) => b.conv1d(x, w!, bias!, { stride: 1, padding: 2 }),
    expected: (x, [w, bias]) => reference.convolution(x, w!, bias!, 1, 2),
  },
  {
    name: "conv1d, stride 2, no padding",
    input: [N, 4, 12],
    weights: [[6, 4, 3], [6]],
    run: (b, x, [w, bias]) => b.conv1d(x, w!, bias!, { stride: 2, padding: 0 }),
    expected: (x, [w, bias]) => reference.convolution(x, w!, bias!, 2, 0),
  },
  {
    name: "conv2d, stride 2",
    input: [N, 2, 9, 8],
    weights: [[5, 2, 3, 3], [5]],
    run: (b, x, [w, bias]) => b.conv2d(x, w!, bias!, { stride: 2, padding: 1 }),
    expected: (x, [w, bias]) => reference.convolution(x, w!, bias!, 2, 1),
  },
  {
    name: "convTranspose2d, 4 x 4 to 8 x 8",
    input: [N, 3, 4, 4],
    weights: [[3, 2, 5, 5], [2]],
    run: (b, x, [w, bias]) => b.convTranspose2d(x, w!, bias!, upsample),
    expected: (x, [w, bias]) => reference.convTranspose2d(x, w!, bias!, upsample),
  },
  {
    name: "convTranspose2d, 16 x 16 to 28 x 28",
    input: [N, 2, 16, 16],
    weights: [[2, 1, 5, 5], [1]],
    run: (b, x, [w, bias]) => b.convTranspose2d(x, w!, bias!, { stride: 2, padding: 4, outputPadding: 1 }),
    expected: (x, [w, bias]) =>
      reference.convTranspose2d(x, w!, bias!, { stride: 2, padding: 4, outputPadding: 1 }),
  },
  {
    name: "batchNorm, running statistics",
    input: [N, 4, 3, 5],
    weights: [[4], [4], [4], [4]],
    constants: 2,
    // A variance is positive: the last weight goes in squared.
    run: (b, x, [w, bias, mean, root]) =>
      b.batchNorm(x, w!, bias!, mean!, b.multiply(root!, root!), normalization),
    expected: (x, [w, bias, mean, root]) =>
      reference.batchNorm(x, [w!, bias!, mean!, reference.map(root!, (v) => v * v)], normalization.epsilon),
  },
  {
    name: "lstm, one direction",
    input: [N, 6, 5],
    weights: lstmShapes(5, 4),
    run: (b, x, w) => b.lstm(x, [lstmWeights(w)], 4),
    expected: (x, w) => reference.lstmDirection(x, w, 4, false),
  },
  {
    name: "lstm, both directions",
    input: [N, 6, 5],
    weights: [...lstmShapes(5, 4), ...lstmShapes(5, 4)],
    run: (b, x, w) => b.lstm(x, [lstmWeights(w.slice(0, 4)), lstmWeights(w.slice(4))], 4),
    expected: (x, w) =>
      reference.concat(
        [
          reference.lstmDirection(x, w.slice(0, 4), 4, false),
          reference.lstmDirection(x, w.slice(4), 4, true),
        ],
        2,
      ),
  },
  {
    name: "maxPool1d, odd length",
    input: [N, 3, 9],
    weights: [],
    run: (b, x) => b.maxPool1d(x, 2),
    expected: (x) => reference.maxPool(x, 2),
  },
  {
    name: "maxPool2d",
    input: [N, 3, 8, 7],
    weights: [],
    run: (b, x) => b.maxPool2d(x, 2),
    expected: (x) => reference.maxPool(x, 2),
  },
  {
    name: "dropout outside training",
    input: [N, 5],
    weights: [],
    run: (b, x) => b.affine(b.dropout(x, 0.5), 1, 0.5),
    expected: (x) => reference.map(x, (v) => v + 0.5),
  },
  {
    name: "relu",
    input: [N, 5],
    weights: [],
    run: (b, x) => b.relu(x),
    expected: (x) => reference.map(x, (v) => Math.max(0, v)),
  },
  {
    name: "leakyRelu",
    input: [N, 5],
    weights: [],
    run: (b, x) => b.leakyRelu(x, 0.2),
    expected: (x) => reference.map(x, (v) => (v > 0 ? v : 0.2 * v)),
  },
  {
    name: "tanh",
    input: [N, 5],
    weights: [],
    run: (b, x) => b.tanh(x),
    expected: (x) => reference.map(x, Math.tanh),
  },
  {
    name: "sigmoid",
    input: [N, 5],
    weights: [],
    run: (b, x) => b.sigmoid(x),
    expected: (x) => reference.map(x, (v) => 1 / (1 + Math.exp(-v))),
  },
  {
    name: "softmax, last axis",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.softmax(x, -1),
    expected: (x) => reference.softmax(x, 2),
  },
  {
    name: "softmax, middle axis",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.softmax(x, 1),
    expected: (x) => reference.softmax(x, 1),
  },
  {
    name: "reshape, an axis folded into the batch",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.reshape(x, [-1, 5]),
    expected: (x) => ({ shape: [N * 4, 5], data: x.data }),
  },
  {
    name: "permute",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.permute(x, [2, 0, 1]),
    expected: (x) => reference.permute(x, [2, 0, 1]),
  },
  {
    name: "select, from the end",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.select(x, 1, -1),
    expected: (x) => reference.select(x, 1, 3),
  },
  {
    name: "slice",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.slice(x, 1, 1, 3),
    expected: (x) => reference.slice(x, 1, 1, 3),
  },
  {
    name: "concat",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.concat([x, b.affine(x, 2, 0)], 1),
    expected: (x) => reference.concat([x, reference.map(x, (v) => v * 2)], 1),
  },
  {
    name: "mean",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.mean(x, 1),
    expected: (x) => reference.mean(x, 1),
  },
  {
    name: "max",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.max(x, 1),
    expected: (x) => reference.maximum(x, 1),
  },
  {
    name: "gelu",
    input: [N, 5],
    weights: [],
    run: (b, x) => b.gelu(b.affine(x, 3, 0)),
    expected: (x) => reference.map(x, (v) => reference.gelu(3 * v)),
  },
  {
    name: "silu",
    input: [N, 5],
    weights: [],
    run: (b, x) => b.silu(x),
    expected: (x) => reference.map(x, (v) => v / (1 + Math.exp(-v))),
  },
  {
    name: "layerNorm",
    input: [N, 4, 5],
    weights: [[5], [5]],
    run: (b, x, [w, bias]) => b.layerNorm(x, w!, bias!, { epsilon: 1e-5 }),
    expected: (x, [w, bias]) => reference.layerNorm(x, w!, bias!, 1e-5),
  },
  {
    name: "embedding of bytes",
    input: [N, 4, 5],
    bytesBelow: 7,
    weights: [[7, 3]],
    run: (b, x, [w]) => b.embedding(b.reshape(x, [-1, 20]), w!),
    expected: (x, [w]) => reference.embedding({ shape: [N, 20], data: x.data }, w!),
  },
  {
    name: "conv1d, dilation 3, stride 2",
    input: [N, 4, 12],
    weights: [[6, 4, 3], [6]],
    run: (b, x, [w, bias]) => b.conv1d(x, w!, bias!, { stride: 2, padding: 2, dilation: 3 }),
    expected: (x, [w, bias]) => reference.convolution(x, w!, bias!, 2, 2, { dilation: 3 }),
  },
  {
    name: "conv1d, 2 groups",
    input: [N, 4, 7],
    weights: [[6, 2, 3], [6]],
    run: (b, x, [w, bias]) => b.conv1d(x, w!, bias!, { stride: 1, padding: 1, groups: 2 }),
    expected: (x, [w, bias]) => reference.convolution(x, w!, bias!, 1, 1, { groups: 2 }),
  },
  {
    name: "conv1d, depthwise",
    input: [N, 4, 7],
    weights: [[4, 1, 5], [4]],
    run: (b, x, [w, bias]) => b.conv1d(x, w!, bias!, { stride: 1, padding: 2, groups: 4 }),
    expected: (x, [w, bias]) => reference.convolution(x, w!, bias!, 1, 2, { groups: 4 }),
  },
  {
    name: "sequenceConv, dilation 2, stride 2",
    input: [N, 11, 4],
    weights: [[6, 4, 3], [6]],
    run: (b, x, [w, bias]) => b.sequenceConv(x, w!, bias!, { stride: 2, padding: 1, dilation: 2 }),
    expected: (x, [w, bias]) => turned(reference.convolution(turned(x), w!, bias!, 2, 1, { dilation: 2 })),
  },
  {
    name: "sequenceConv, depthwise",
    input: [N, 7, 4],
    weights: [[4, 1, 5], [4]],
    run: (b, x, [w, bias]) => b.sequenceConv(x, w!, bias!, { stride: 1, padding: 2, groups: 4 }),
    expected: (x, [w, bias]) => turned(reference.convolution(turned(x), w!, bias!, 1, 2, { groups: 4 })),
  },
  {
    name: "sequenceMaxPool, odd length",
    input: [N, 9, 3],
    weights: [],
    run: (b, x) => b.sequenceMaxPool(x, 2),
    expected: (x) => turned(reference.maxPool(turned(x), 2)),
  },
  {
    name: "bytePairs, as indices of an embedding",
    input: [N, 9],
    bytesBelow: 3,
    weights: [[515, 2]],
    run: (b, x, [w]) => b.embedding(b.bytePairs(x), w!),
    expected: (x, [w]) =>
      reference.embedding(
        fill([N, 8], ([n, p]) => 256 * reference.at(x, [n!, p!]) + reference.at(x, [n!, p! + 1])),
        w!,
      ),
  },
  {
    name: "bytePositions, as indices of an embedding",
    input: [N, 9],
    bytesBelow: 5,
    weights: [[3 * 256, 2]],
    run: (b, x, [w]) => b.embedding(b.bytePositions(x, 3), w!),
    expected: (x, [w]) =>
      reference.embedding(
        fill([N, 3], ([n, p]) => 256 * p! + reference.at(x, [n!, p!])),
        w!,
      ),
  },
  {
    name: "sumOfRows, more than are gathered at once",
    input: [N, 61],
    bytesBelow: 2,
    weights: [[258, 2]],
    run: (b, x, [w]) => b.sumOfRows(b.bytePairs(x), w!),
    expected: (x, [w]) =>
      fill([N, 2], ([n, e]) => {
        const pair = (p: number) => 256 * reference.at(x, [n!, p]) + reference.at(x, [n!, p + 1]);
        const own = Array.from({ length: 60 }, (_, p) => reference.at(w!, [pair(p), e!]));
        return own.reduce((sum, value) => sum + value, 0);
      }),
  },
  {
    name: "normalize",
    input: [N, 4, 5],
    weights: [],
    run: (b, x) => b.normalize(x),
    expected: (x) =>
      fill(x.shape, (index) => {
        const along = Array.from({ length: 5 }, (_, k) => reference.at(x, index.with(-1, k)));
        return reference.at(x, index) / Math.hypot(...along);
      }),
  },
];

/** The case's input and weights: uniform in [-1, 1] (or bytes), the same on every run. */
export function randomInputs(testCase: OpCase): { x: NdArray; weights: NdArray[] } {
  const random = xoroshiro128plus(testCase.name.length * 7919 + testCase.input.length);
  const uniform = (shape: readonly number[]) => fill(shape, () => random.next() / 2 ** 31);
  const { bytesBelow } = testCase;
  const byte = () => Math.abs(random.next()) % bytesBelow!;
  const x = bytesBelow === undefined ? uniform(testCase.input) : fill(testCase.input, byte);
  return { x, weights: testCase.weights.map(uniform) };
}

export const inputElement = ({ bytesBelow }: OpCase) => (bytesBelow === undefined ? "float32" : "uint8");
export const inputData = ({ bytesBelow }: OpCase, { data }: NdArray) =>
  bytesBelow === undefined ? data.slice() : Uint8Array.from(data);
