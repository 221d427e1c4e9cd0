// How each case of golden.json is computed here: the same names, the same arguments.
import { Tensor } from "../../bindings/torch/index.ts";
import { klDivergence, logSumExp, maskedByteLoss, softCrossEntropy } from "../../src/nn/losses.ts";

type Tensors = Readonly<Record<string, Tensor>>;

const probe = (shape: readonly number[]) => {
  const count = shape.reduce((product, length) => product * length, 1);
  return Tensor.fromBuffer(
    Float32Array.from({ length: count }, (_, index) => Math.cos(index)),
    shape,
  );
};
const classes = () => Tensor.fromBuffer(BigInt64Array.of(2n, 0n, 1n, 2n));

const shares = (like: Tensor) =>
  Tensor.fromBuffer(Float32Array.of(0.2, 0.8, 0, 1, 0, 0, 0.3, 0.3, 0.4, 0.6, 0.1, 0.3), [4, 3]).to({
    dtype: like.dtype,
  });

/** sum(x * cos(index)): the scalar that every case is differentiated through. */
export function probed(x: Tensor): Tensor {
  return x.multiply(probe(x.shape)).sum();
}

function lstm({ x, ...weights }: Tensors): Tensor {
  return x!.lstm(Object.values(weights), weights.hiddenHidden0!.shape[1]!);
}
const batchNorm =
  (training: boolean) =>
  ({ x, weight, bias, runningMean, runningVariance }: Tensors) =>
    x!.batchNorm(weight!, bias!, runningMean!, runningVariance!, { training, momentum: 0.1, epsilon: 1e-5 });

export const operations: Readonly<Record<string, (tensors: Tensors) => Tensor>> = {
  add: ({ a, b }) => a!.add(b!),
  subtract: ({ a, b }) => a!.subtract(b!),
  multiply: ({ a, b }) => a!.multiply(b!),
  divide: ({ a, b }) => a!.divide(b!),
  pow: ({ x }) => x!.pow(2.5),
  clamp: ({ x }) => x!.clamp(-1, 0.5),
  negate: ({ x }) => x!.negate(),
  exp: ({ input }) => input!.exp(),
  log: ({ input }) => input!.log(),
  sqrt: ({ input }) => input!.sqrt(),
  abs: ({ input }) => input!.abs(),
  affine: ({ x }) => x!.multiply(0.5).subtract(3),
  matmul: ({ a, b }) => a!.matmul(b!),
  sum: ({ x }) => x!.sum([0, 2]),
  mean: ({ x }) => x!.mean([1]),
  reshape: ({ x }) => x!.reshape([-1, 6]),
  permute: ({ x }) => x!.permute([2, 0, 1]),
  expand: ({ x }) => x!.unsqueeze(1).expand([2, 3, 2]),
  select: ({ x }) => x!.select(1, -1),
  slice: ({ x }) => x!.slice(1, 1, 3),
  indexSelect: ({ x }) => x!.indexSelect(0, Tensor.fromBuffer(BigInt64Array.of(2n, 0n, 2n))),
  concat: ({ a, b }) => Tensor.concat([a!, b!], 1),
  stack: ({ a, b }) => Tensor.stack([a!, b!], 1),
  relu: ({ input }) => input!.relu(),
  leakyRelu: ({ x }) => x!.leakyRelu(0.2),
  tanh: ({ input }) => input!.tanh(),
  sigmoid: ({ input }) => input!.sigmoid(),
  softmax: ({ x }) => x!.softmax(1),
  logSoftmax: ({ x }) => x!.logSoftmax(1),
  linear: ({ input, weight, bias }) => input!.linear(weight!, bias!),
  conv1d: ({ x, weight, bias }) => x!.conv1d(weight!, bias!, { stride: 2, padding: 2 }),
  conv2d: ({ x, weight, bias }) => x!.conv2d(weight!, bias!, { stride: 2, padding: 1 }),
  convTranspose2d: ({ x, weight, bias }) =>
    x!.convTranspose2d(weight!, bias!, { stride: 2, padding: 2, outputPadding: 1 }),
  batchNormTraining: batchNorm(true),
  batchNormPrediction: batchNorm(false),
  lstm,
  lstmBidirectional: lstm,
  maxPool1d: ({ x }) => x!.maxPool1d(2),
  maxPool2d: ({ x }) => x!.maxPool2d(2),
  bceWithLogits: ({ x }) => x!.bceWithLogits(probe([4, 1]).greater(0).to({ dtype: x!.dtype })),
  crossEntropy: ({ x }) => x!.crossEntropy(classes()),
  nll: ({ x }) => x!.nll(classes()),
  l1: ({ x }) => x!.l1(probe([2, 3])),
  mse: ({ x }) => x!.mse(probe([2, 3])),
  unsqueeze: ({ x }) => x!.unsqueeze(1),
  squeeze: ({ x }) => x!.squeeze(1),
  logSumExp: ({ x }) => logSumExp(x!),
  convTranspose2dManyOutputs: ({ x, weight, bias }) =>
    x!.convTranspose2d(weight!, bias!, { stride: 2, padding: 2, outputPadding: 1 }),
  lstmManySequences: lstm,
  max: ({ x }) => x!.max(1),
  where: ({ x, y }) => x!.where(probe([2, 3]).greater(0), y!),
  whereNumber: ({ x }) => x!.where(probe([2, 3]).greater(0), 0.5),
  gelu: ({ input }) => input!.gelu(),
  silu: ({ input }) => input!.silu(),
  layerNorm: ({ x, weight, bias }) => x!.layerNorm(weight!, bias!, { epsilon: 1e-5 }),
  embedding: ({ weight }) => Tensor.fromBuffer(Uint8Array.of(3, 0, 2, 3, 3, 1), [2, 3]).embedding(weight!),
  crossEntropyRows: ({ x }) => x!.crossEntropyRows(classes(), 0.1),
  crossEntropyRowsSoft: ({ x }) => x!.crossEntropyRows(shares(x!)),
  klDivergenceRows: ({ x }) => x!.klDivergenceRows(shares(x!)),
  softCrossEntropy: ({ x, weights }) =>
    softCrossEntropy(x!, shares(x!), { weights: weights!, labelSmoothing: 0.2 }),
  klDivergence: ({ x }) => klDivergence(x!, shares(x!)),
  maskedByteLoss: ({ x, weight, bias }) =>
    maskedByteLoss({
      features: x!,
      places: Tensor.fromBuffer(BigInt64Array.of(4n, 1n, 5n)),
      bytes: Tensor.fromBuffer(Uint8Array.of(9, 0, 9, 9, 3, 4), [2, 3]),
      predict: (rows) => rows.linear(weight!, bias!),
    }),
  sequenceConv: ({ x, weight, bias }) => x!.sequenceConv(weight!, bias!, { stride: 2, padding: 2 }),
  sequenceMaxPool: ({ x }) => x!.sequenceMaxPool(3),
  conv1dDilated: ({ x, weight, bias }) => x!.conv1d(weight!, bias!, { stride: 2, padding: 3, dilation: 2 }),
  conv1dGroups: ({ x, weight, bias }) => x!.conv1d(weight!, bias!, { stride: 1, padding: 1, groups: 2 }),
  conv1dDepthwise: ({ x, weight, bias }) => x!.conv1d(weight!, bias!, { stride: 1, padding: 2, groups: 4 }),
};
