// Noise on bytes inside a training step, on the step's device and from its generator. What a byte cannot hold, such as a
// symbol 256 for "hidden", needs int32: that is what comes out.

import { type Generator, Tensor } from "../../bindings/torch/index.ts";

const asInt32 = (bytes: Tensor) => bytes.to({ dtype: "int32" });

/** `bytes` with each replaced by `symbol` with the given probability; int32, same shape. */
export function replaceBytes(bytes: Tensor, probability: number, symbol: number, random: Generator): Tensor {
  return replaceWhere(bytes, Tensor.bernoulli(bytes.shape, probability, random), symbol);
}

/** `bytes` with `symbol` where `mask` (bool, same shape) holds; int32. */
export function replaceWhere(bytes: Tensor, mask: Tensor, symbol: number): Tensor {
  return Tensor.full([], symbol, { dtype: "int32", device: bytes.device }).where(mask, asInt32(bytes));
}

/** `bytes` with each replaced by any byte, all equally likely, with the given probability; int32, same shape. */
export function randomizeBytes(bytes: Tensor, probability: number, random: Generator): Tensor {
  const others = Tensor.integers(bytes.shape, 256, random, "int32");
  return others.where(Tensor.bernoulli(bytes.shape, probability, random), asInt32(bytes));
}

/** Places to hide: int64 (M), each of 0 ... count - 1 at most once, M = share of count, rounded, but at least 1. */
export function choosePlaces(count: number, share: number, random: Generator): Tensor {
  return Tensor.randperm(count, random).slice(0, 0, Math.max(1, Math.round(count * share)));
}

/** `bytes` with `symbol` at `places` (of its elements, int64); int32, same shape. */
export function hideBytes(bytes: Tensor, places: Tensor, symbol: number): Tensor {
  return replaceWhere(bytes, Tensor.maskAt(bytes.shape, places), symbol);
}

/** The rows of the first axis in a random order, the same for all given tensors. */
export function shuffleRows(tensors: readonly Tensor[], random: Generator): Tensor[] {
  const order = Tensor.randperm(tensors[0]?.shape[0] ?? 0, random);
  return tensors.map((tensor) => tensor.indexSelect(0, order));
}
