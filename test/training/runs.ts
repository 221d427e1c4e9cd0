// What tests of whole runs share: stopping one at a step, and what is left of it as digests.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeSafetensors } from "../../src/training/safetensors.ts";

/** sha256 of the weights in a run's checkpoint, and of its model file. */
export function digests(run: string): { weights: string; model: string } {
  const { tensors } = decodeSafetensors(readFileSync(join(run, "checkpoint.safetensors")), run);
  const hash = createHash("sha256");
  for (const [name, { data }] of tensors) {
    if (name.startsWith("model/")) hash.update(name).update(new Uint8Array(data.buffer));
  }
  const model = createHash("sha256").update(readFileSync(join(run, "model.onnx")));
  return { weights: hash.digest("hex"), model: model.digest("hex") };
}

/** Aborts when it has been asked `asks` times: the trainer asks before each step. */
export function abortAfter(asks: number): AbortSignal {
  const signal = new AbortController().signal;
  let asked = 0;
  return new Proxy(signal, {
    get: (target, key) => (key === "aborted" ? asked++ >= asks : Reflect.get(target, key)),
  });
}
