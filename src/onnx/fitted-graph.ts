// Fitted model -> ONNX file: the model writes its own nodes between the input and the output that every export has.
import { FlowglyphError } from "../../bindings/errors.ts";
import { UNCALIBRATED } from "../evaluation/calibrator.ts";
import { emitChance, emitTemperature } from "./calibrator-nodes.ts";
import { GraphBuilder, type GraphValue } from "./graph.ts";
import { METADATA_KEY, type ModelMetadata } from "./metadata.ts";
import { describe } from "./shapes.ts";
import { INPUT_NAME, OUTPUT_NAME } from "./trace.ts";

/** What can be written (a FittedModel is): images uint8 (N, 28, 28) -> probabilities float32 (N, K). */
export interface Emitter {
  emit(graph: GraphBuilder, images: GraphValue): GraphValue;
}

/** The bytes of the ONNX model of `model`, with the calibrator that its metadata names. */
export function fittedGraph(model: Emitter, metadata: ModelMetadata): Uint8Array {
  const graph = new GraphBuilder();
  const probabilities = model.emit(graph, graph.input(INPUT_NAME, "uint8", [-1, 28, 28]));
  const { shape } = probabilities;
  if (shape.length !== 2 || shape[0] !== -1 || shape[1] !== metadata.classes.length) {
    throw new FlowglyphError(
      "ERR_MODEL_FORMAT",
      `Expected the model to give (N, ${metadata.classes.length}) probabilities but received ${describe(shape)}`,
    );
  }
  const calibrator = metadata.calibration ?? UNCALIBRATED;
  graph.output(OUTPUT_NAME, emitChance(graph, emitTemperature(graph, probabilities, calibrator), calibrator));
  return graph.finish({
    graphName: metadata.model,
    toolVersion: metadata.toolVersion,
    metadata: { [METADATA_KEY]: JSON.stringify(metadata) },
  });
}
