// The file of a model: found, read, and what it says of itself.
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";
import { type ModelMetadata, parseModelMetadata } from "../onnx/metadata.ts";
import { systemReason } from "../system-error.ts";

export interface ModelFile {
  readonly bytes: Uint8Array;
  readonly metadata: ModelMetadata;
  /** Names it in messages. */
  readonly where: string;
}

/** The model file that a path means: itself, or model.onnx in a run folder. @throws ERR_IO where there is none */
export async function modelFile(model: string): Promise<string> {
  const statOf = (path: string) =>
    stat(path).catch((cause: NodeJS.ErrnoException) => {
      if (path !== model && cause.code === "ENOENT") {
        throw new FlowglyphError(
          "ERR_IO",
          `Expected a run folder with model.onnx but ${model} has none: it is no run, or its training has not come to its end`,
          { cause },
        );
      }
      throw new FlowglyphError("ERR_IO", `Cannot read the model ${model}: ${systemReason(cause)}`, { cause });
    });
  if (!(await statOf(model)).isDirectory()) return model;
  const file = join(model, "model.onnx");
  await statOf(file);
  return file;
}

/** @throws ERR_ARGUMENT, ERR_IO, ERR_MODEL_FORMAT where it is not a model of ours */
export async function readModelFile(model: string | Uint8Array): Promise<ModelFile> {
  const { bytes, where } = await readBytes(model);
  return { bytes, where, metadata: parseModelMetadata(bytes, where) };
}

async function readBytes(model: string | Uint8Array): Promise<{ bytes: Uint8Array; where: string }> {
  if (model instanceof Uint8Array) return { bytes: model, where: "the model" };
  if (typeof model !== "string" || model === "") {
    throw invalidArgument("model", "the path of a model or its bytes", model);
  }
  const where = await modelFile(model);
  try {
    return { bytes: await readFile(where), where };
  } catch (cause) {
    throw new FlowglyphError("ERR_IO", `Cannot read the model ${model}: ${systemReason(cause)}`, { cause });
  }
}
