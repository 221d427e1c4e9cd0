// A model small enough to work out by hand, in the shape that flowglyph exports: images uint8 [N, 28, 28] ->
// probabilities float32 [N, K] = softmax(images as float, flattened, times weights).
import { ATTRIBUTE, ELEMENT, encodeModel, type NodeProto } from "../../src/onnx/proto.ts";

const IMAGE_BYTES = 784;

export interface TinyModelOptions {
  readonly classes: readonly string[];
  /** float32 [784, K], row-major. */
  readonly weights: Float32Array;
  /** Merged over the metadata; `undefined` as a whole leaves the metadata out. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly inputName?: string;
  readonly outputName?: string;
}

/** Weights with which class k is chosen by the value of byte k: the largest of the first K bytes wins. */
export function firstBytesWeights(classes: number, scale = 0.1): Float32Array {
  const weights = new Float32Array(IMAGE_BYTES * classes);
  for (let k = 0; k < classes; k++) weights[k * classes + k] = scale;
  return weights;
}

/** A model of many classes, so that a batch takes tens of milliseconds: for what happens in the middle of a run. */
export function slowModel(): Uint8Array {
  const count = 2000;
  const classes = Array.from({ length: count }, (_, k) => `class ${k}`);
  const weights = new Float32Array(IMAGE_BYTES * count).map((_, i) => Math.sin(i) * 1e-3);
  return tinyModel({ classes, weights });
}

/** The same computation in plain TypeScript: float64 [count, K]. */
export function tinyProbabilities(images: Uint8Array, weights: Float32Array, classes: number): number[][] {
  return Array.from({ length: images.length / IMAGE_BYTES }, (_, row) => {
    const image = images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES);
    const logits = Array.from({ length: classes }, (_, k) =>
      image.reduce((sum, byte, i) => sum + byte * weights[i * classes + k]!, 0),
    );
    const top = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - top));
    const total = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / total);
  });
}

/** The largest absolute difference; infinite where the lengths differ. */
export function furthest(expected: ArrayLike<number>, received: ArrayLike<number>): number {
  if (expected.length !== received.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < expected.length; i++) most = Math.max(most, Math.abs(expected[i]! - received[i]!));
  return most;
}

/** The bytes of the .onnx file. */
export function tinyModel(options: TinyModelOptions): Uint8Array {
  const { classes, weights, inputName = "images", outputName = "probabilities" } = options;
  const node = (opType: string, input: string[], output: string, attribute: NodeProto["attribute"] = []) => ({
    opType,
    input,
    output: [output],
    name: opType.toLowerCase(),
    attribute,
  });
  const tensor = (name: string, elemType: number, last: readonly number[]) => ({
    name,
    type: {
      tensorType: {
        elemType,
        shape: { dim: [{ dimParam: "N" }, ...last.map((dimValue) => ({ dimValue }))] },
      },
    },
  });
  const metadata = {
    formatVersion: 1,
    toolVersion: "0.0.0",
    model: "tiny",
    modelOptions: {},
    classes,
    view: "l3",
    mask: "identity",
    order: "stream",
    decap: "all",
    protocols: ["tcp", "udp"],
    idleTimeout: 120,
    activeTimeout: 1800,
    closeTimeout: 5,
    training: {
      labels: "all",
      labelled: 0,
      validation: 0,
      unlabelled: 0,
      test: 0,
      split: "random",
      seed: 0,
      scores: {},
    },
    ...options.metadata,
  };
  const withMetadata = !("metadata" in options) || options.metadata !== undefined;
  return encodeModel({
    irVersion: 8,
    producerName: "flowglyph-test",
    producerVersion: "0",
    graph: {
      name: "tiny",
      node: [
        node("Cast", [inputName], "float", [{ name: "to", type: ATTRIBUTE.int, i: ELEMENT.float32 }]),
        node("Reshape", ["float", "shape"], "flat"),
        node("MatMul", ["flat", "weights"], "logits"),
        node("Softmax", ["logits"], outputName, [{ name: "axis", type: ATTRIBUTE.int, i: 1 }]),
      ],
      initializer: [
        {
          name: "shape",
          dims: [2],
          dataType: ELEMENT.int64,
          rawData: new Uint8Array(new BigInt64Array([-1n, 784n]).buffer),
        },
        {
          name: "weights",
          dims: [IMAGE_BYTES, weights.length / IMAGE_BYTES],
          dataType: ELEMENT.float32,
          rawData: new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength),
        },
      ],
      input: [tensor(inputName, ELEMENT.uint8, [28, 28])],
      output: [tensor(outputName, ELEMENT.float32, [weights.length / IMAGE_BYTES])],
    },
    opsetImport: [{ domain: "", version: 17 }],
    metadataProps: withMetadata ? [{ key: "flowglyph", value: JSON.stringify(metadata) }] : [],
  });
}
