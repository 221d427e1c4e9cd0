// Module -> ONNX graph: the forward pass runs once on the tracing backend, from uint8 images to probabilities.
import { FlowglyphError } from "../../bindings/errors.ts";
import { UNCALIBRATED } from "../evaluation/calibrator.ts";
import type { Backend, ParameterSpec } from "../nn/backend.ts";
import { emitChance } from "./calibrator-nodes.ts";
import { GraphBuilder, type GraphValue } from "./graph.ts";
import { METADATA_KEY, type ModelMetadata } from "./metadata.ts";
import { describe } from "./shapes.ts";
import { TracingBackend } from "./tracing-backend.ts";

/** Input of every exported model: uint8 [N, 28, 28]. */
export const INPUT_NAME = "images";
/** Output of every exported model: float32 [N, K], each row sums to 1. */
export const OUTPUT_NAME = "probabilities";

/** A parameter whose values can be read: row-major float32. */
export interface ReadableParameter extends ParameterSpec {
  values(): Float32Array;
}

/** What can be traced (a TrainableModel is): images uint8 (N, 28, 28) -> logits (N, K). */
export interface Traceable<P extends ReadableParameter> {
  logits<T>(backend: Backend<T, P>, images: T): T;
}

/** The bytes of the ONNX model of `model` with its present weights, and with the calibrator that its metadata names. */
export function traceModel<P extends ReadableParameter>(
  model: Traceable<P>,
  metadata: ModelMetadata,
): Uint8Array {
  return logitsGraph(metadata, (graph, images) =>
    model.logits(new TracingBackend<P>(graph, (parameter) => parameter.values()), images),
  );
}

/** The bytes of the ONNX model whose logits (N, K) `emit` writes, with the calibrator that the metadata names. */
export function logitsGraph(
  metadata: ModelMetadata,
  emit: (graph: GraphBuilder, images: GraphValue) => GraphValue,
): Uint8Array {
  const graph = new GraphBuilder();
  const logits = emit(graph, graph.input(INPUT_NAME, "uint8", [-1, 28, 28]));
  const classes = metadata.classes.length;
  if (logits.shape.length !== 2 || logits.shape[0] !== -1 || logits.shape[1] !== classes) {
    throw new FlowglyphError(
      "ERR_MODEL_FORMAT",
      `Expected the model to give (N, ${classes}) logits but received ${describe(logits.shape)}`,
    );
  }
  const calibrator = metadata.calibration ?? UNCALIBRATED;
  const backend = new TracingBackend(graph, () => new Float32Array());
  const probabilities = backend.softmax(backend.affine(logits, 1 / calibrator.temperature, 0), 1);
  graph.output(OUTPUT_NAME, emitChance(graph, probabilities, calibrator));
  return graph.finish({
    graphName: metadata.model,
    toolVersion: metadata.toolVersion,
    metadata: { [METADATA_KEY]: JSON.stringify(metadata) },
  });
}
