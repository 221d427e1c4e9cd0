// Module -> ONNX graph: the forward pass runs once on the tracing backend, from uint8 images to probabilities.
import { FlowglyphError } from "../../bindings/errors.ts";
import type { Backend, ParameterSpec } from "../nn/backend.ts";
import { GraphBuilder } from "./graph.ts";
import { METADATA_KEY, type ModelMetadata } from "./metadata.ts";
import { describe } from "./shapes.ts";
import { TracingBackend } from "./tracing-backend.ts";

/** Input of every exported model: uint8 [N, 28, 28]. */
export const INPUT_NAME = "images";
/** Output of every exported model: float32 [N, K], each row sums to 1. */
export const OUTPUT_NAME = "probabilities";

/** What can be traced: a forward pass from images (N, 28, 28), uint8, to logits (N, K). */
export interface Traceable<P extends ParameterSpec> {
  forward<T>(backend: Backend<T, P>, images: T): T;
}

/** The bytes of the ONNX model; `read` gives a parameter's values, row-major. */
export function traceModel<P extends ParameterSpec>(
  model: Traceable<P>,
  read: (parameter: P) => Float32Array,
  metadata: ModelMetadata,
): Uint8Array {
  const graph = new GraphBuilder();
  const backend = new TracingBackend<P>(graph, read);
  const logits = model.forward(backend, graph.input(INPUT_NAME, "uint8", [-1, 28, 28]));
  const classes = metadata.classes.length;
  if (logits.shape.length !== 2 || logits.shape[0] !== -1 || logits.shape[1] !== classes) {
    throw new FlowglyphError(
      "ERR_MODEL_FORMAT",
      `Expected the model to give (N, ${classes}) logits but received ${describe(logits.shape)}`,
    );
  }
  graph.output(OUTPUT_NAME, backend.softmax(logits, 1));
  return graph.finish({
    graphName: metadata.model,
    toolVersion: metadata.toolVersion,
    metadata: { [METADATA_KEY]: JSON.stringify(metadata) },
  });
}
