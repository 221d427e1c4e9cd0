// Scores of an exported model on rows of a dataset, through whatever classifies images (inference's Classifier).
import { FlowglyphError } from "../../bindings/errors.ts";
import { imageDifference } from "../capture/extraction.ts";
import { gatherImages } from "../dataset/dataset.ts";
import type { Dataset } from "../dataset/types.ts";
import type { Classifier } from "../inference/classifier.ts";
import { type Evaluation, evaluateProbabilities } from "./evaluate.ts";

export interface EvaluateModelOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, rows: number) => void) | undefined;
}

/** What a model was scored with, beside the scores. */
export interface ModelEvaluation {
  readonly evaluation: Evaluation;
  /** int32 [rows]: the labels as class numbers of the model. */
  readonly labels: Int32Array;
  /** float32 [rows, K], in the model's class order. */
  readonly probabilities: Float32Array;
}

// Images under way at once: enough for every worker, little enough that progress moves and an abort is heard.
const CHUNK = 2048;

/**
 * Classifies the given rows and scores the answers. Classes are matched by name, so their order may differ.
 * @throws ERR_MODEL_FORMAT where the dataset's view, mask, order or decap is known not to be the model's; ERR_LABELS for a row without a
 *   label or of a class that the model does not know; ERR_ABORTED; ERR_INFERENCE
 */
export async function evaluateModel(
  classifier: Pick<Classifier, "metadata" | "predict">,
  dataset: Dataset,
  rows: Uint32Array,
  options: EvaluateModelOptions = {},
): Promise<ModelEvaluation> {
  const { classes } = classifier.metadata;
  const field = imageDifference(classifier.metadata, dataset.manifest);
  if (field !== undefined) {
    throw new FlowglyphError(
      "ERR_MODEL_FORMAT",
      `Expected images of ${field} ${classifier.metadata[field]}, as the model was trained on, but the dataset has ${field} ${dataset.manifest[field]}`,
    );
  }
  const labels = modelLabels(dataset, rows, classes);
  const probabilities = new Float32Array(rows.length * classes.length);
  for (let start = 0; start < rows.length; start += CHUNK) {
    if (options.signal?.aborted) {
      throw new FlowglyphError("ERR_ABORTED", "The evaluation was aborted", { cause: options.signal.reason });
    }
    options.onProgress?.(start, rows.length);
    const part = rows.subarray(start, start + CHUNK);
    const images = gatherImages(dataset, part);
    const scores = await classifier.predict(images, { signal: options.signal });
    probabilities.set(scores.probabilities, start * classes.length);
  }
  return { evaluation: evaluateProbabilities(labels, probabilities, classes), labels, probabilities };
}

function modelLabels(dataset: Dataset, rows: Uint32Array, classes: readonly string[]): Int32Array {
  const toModel = dataset.classes.map((name) => classes.indexOf(name));
  return Int32Array.from(rows, (row) => {
    const label = dataset.labels[row]!;
    const mapped = label < 0 ? undefined : toModel[label];
    if (mapped === undefined || mapped < 0) {
      const received = label < 0 ? "no label" : JSON.stringify(dataset.classes[label]);
      throw new FlowglyphError(
        "ERR_LABELS",
        `Expected row ${row} to be of one of the model's classes (${classes.join(", ")}) but it has ${received}`,
      );
    }
    return mapped;
  });
}
