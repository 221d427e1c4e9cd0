// What a SIGKILL leaves behind can be seen only from outside the process: these runs are the built package's.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { torchAvailable } from "../../bindings/torch/index.ts";
import { decodeSafetensors } from "../../src/training/safetensors.ts";
import { runScript } from "../support/run-script.ts";
import { tempFile, tempFolder } from "../support/temp-folder.ts";
import { TINY_CONFIG, tinyDataset, tinySplit } from "./tiny-dataset.ts";

const parts = ["labelled", "validation", "unlabelled", "test"] as const;

/** Dataset and split as a file of JSON: too long for a command line. */
function input(): string {
  const dataset = tinyDataset();
  const split = tinySplit(dataset);
  const lists = Object.fromEntries(parts.map((part) => [part, [...split[part]]]));
  const images = Buffer.from(dataset.images).toString("base64");
  const json = {
    dataset: { ...dataset, images, labels: [...dataset.labels] },
    split: { ...split, ...lists },
  };
  return tempFile("input.json", JSON.stringify(json));
}

// Resumes whatever is in the folder. `kill` says when it kills itself; there is no handler for that signal.
const script = `
  import { readFileSync } from "node:fs";
  import { train } from "flowglyph/training";
  const { dataset, split } = JSON.parse(readFileSync(data.input, "utf8"));
  dataset.images = new Uint8Array(Buffer.from(dataset.images, "base64"));
  dataset.labels = Int32Array.from(dataset.labels);
  for (const part of ${JSON.stringify(parts)}) split[part] = Uint32Array.from(split[part]);
  const die = () => process.kill(process.pid, "SIGKILL");
  await train(dataset, split, data.config, {
    run: data.run,
    resume: true,
    onProgress: ({ phase, epoch, step, steps }) => {
      if (data.kill === undefined || phase !== data.kill.phase || epoch !== data.kill.epoch) return;
      if (data.kill.afterMs === undefined && step === steps) die();
      if (data.kill.afterMs !== undefined) setTimeout(die, data.kill.afterMs);
    },
  });
`;

function digests(run: string): string[] {
  const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  const { tensors } = decodeSafetensors(readFileSync(join(run, "checkpoint.safetensors")), run);
  const hash = createHash("sha256");
  for (const [name, { data: values }] of tensors) {
    if (name.startsWith("model/")) hash.update(name).update(new Uint8Array(values.buffer));
  }
  return [hash.digest("hex"), sha256(join(run, "model.onnx"))];
}

describe.skipIf(!torchAvailable())("a killed run, resumed (needs libtorch)", () => {
  // `afterMs`: in the middle of steps and of writing checkpoints, wherever that falls.
  test.each([
    [{ phase: "adversarial", epoch: 1 }, {}],
    [{ phase: "adversarial", epoch: 2 }, {}],
    [{ phase: "supervised", epoch: 3 }, {}],
    [{ phase: "adversarial", epoch: 1, afterMs: 60 }, { checkpointSeconds: 1e-9 }],
    [{ phase: "supervised", epoch: 1, afterMs: 30 }, { checkpointSeconds: 1e-9 }],
  ])("at %j has the final weights of one that was not", async (kill, over) => {
    const data = { input: input(), config: { ...TINY_CONFIG, ...over } };
    const killed = tempFolder();
    const first = await runScript(script, { ...data, run: killed, kill });
    expect(first.signal).toBe("SIGKILL");
    expect(existsSync(join(killed, "metrics.json"))).toBe(false);
    expect(await runScript(script, { ...data, run: killed })).toMatchObject({ code: 0, stderr: "" });
    expect(digests(killed)).toEqual(await uninterrupted());
  });

  let reference: string[] | undefined;
  async function uninterrupted(): Promise<string[]> {
    if (reference === undefined) {
      const run = tempFolder();
      const outcome = await runScript(script, { input: input(), config: TINY_CONFIG, run });
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      reference = digests(run);
    }
    return reference;
  }
});
