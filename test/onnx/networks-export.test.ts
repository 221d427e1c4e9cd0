// Every network of the registry, with each of its options, on real images: what classify computes is what was trained.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";

import { packageRoot } from "../../bindings/package-root.ts";
import { Generator, scope, Tensor, torchAvailable } from "../../bindings/torch/index.ts";
import { openDataset } from "../../src/dataset/open.ts";
import { createModel } from "../../src/models/registry.ts";
import { TorchBackend } from "../../src/nn/torch-backend.ts";
import {
  CHECK_BATCHES,
  exportOnnx,
  type JsonValue,
  largestDifference,
  runModel,
} from "../../src/onnx/index.ts";
import { NETWORKS } from "../models/networks.ts";
import { tempFolder } from "../support/temp-folder.ts";

const IMAGES = 256;
const CLASSES = Array.from({ length: 12 }, (_, i) => `class ${i}`);

/** The defaults, then each switch alone, then all of them. */
const VARIANTS = NETWORKS.flatMap(({ name, options }) => {
  const switches = Object.entries(options).filter(([, { default: value }]) => typeof value === "boolean");
  const flipped = switches.map(([option, { default: value }]) => ({ [option]: !value }));
  const all = flipped.length > 1 ? [Object.assign({}, ...flipped)] : [];
  return [{}, ...flipped, ...all].map((given) => ({ name, options: given, title: JSON.stringify(given) }));
});

const data = process.env.FLOWGLYPH_DATA ?? fileURLToPath(new URL("../shared/data", packageRoot()));
const published = join(data, "iscx12/SessionAllLayers");

let images: Uint8Array;
beforeAll(async () => {
  if (existsSync(published)) {
    const dataset = await openDataset(published);
    const stride = Math.floor(dataset.count / IMAGES);
    images = new Uint8Array(IMAGES * 784);
    for (let i = 0; i < IMAGES; i++) {
      images.set(dataset.images.subarray(i * stride * 784, (i * stride + 1) * 784), i * 784);
    }
  }
});

const wanting = [torchAvailable() ? "" : "libtorch", existsSync(published) ? "" : published].filter(
  (what) => what,
);
// Bytewise's classifier stands on vectors of length 1, so that its logits are smaller; its table of pairs is fitted, not drawn.
const scale = (name: string, path: string) => (name === "bytewise" && path.startsWith("classes.") ? 60 : 4);

describe.skipIf(wanting.length > 0)(
  `networks on 256 real images (wants ${wanting.join(", ") || "nothing"})`,
  () => {
    test.each(VARIANTS)(
      "$name $title: ONNX gives torch's probabilities to 1e-5 in batches of 1, 3 and 64",
      async ({ name, options }) => {
        const model = createModel(name, options, { classes: CLASSES.length, seed: 3 });
        // Fresh weights give nearly equal probabilities, which would hide differences: 4 times as large, they do not.
        // Batch norm keeps its own: it would multiply what is already multiplied.
        const state = model.root.stateDict();
        model.root.loadStateDict(
          new Map(
            [...state].map(([path, values]) => [
              path,
              values.map((value, i) =>
                path.includes("norm")
                  ? value
                  : ["pairs", "places"].includes(path)
                    ? Math.sin(i * i)
                    : value * scale(name, path),
              ),
            ]),
          ),
        );
        const backend = new TorchBackend(new Generator("cpu", 1));
        backend.adopt(model.root);
        const probabilities = scope(() =>
          backend
            .predict(() => model.logits(backend, Tensor.fromBuffer(images, [IMAGES, 28, 28])).softmax(1))
            .toFloat32Array(),
        );
        const spread = Array.from({ length: IMAGES }, (_, i) =>
          Math.max(...probabilities.subarray(i * 12, i * 12 + 12)),
        );
        expect(Math.max(...spread)).toBeGreaterThan(0.3);

        const path = join(tempFolder(), "model.onnx");
        const metadata = {
          formatVersion: 1,
          toolVersion: "0",
          model: name,
          modelOptions: options as { [key: string]: JsonValue },
          classes: CLASSES,
          view: "pcap",
          mask: "none",
          order: "capture",
          decap: "unknown",
          protocols: "unknown",
          idleTimeout: null,
          activeTimeout: null,
          closeTimeout: 5,
          training: {
            labels: "0",
            labelled: 0,
            validation: 0,
            unlabelled: 0,
            test: 0,
            split: "given",
            seed: 3,
            scores: {},
          },
        } as const;
        const saved = await exportOnnx(model, metadata, path, { images, probabilities });
        backend.release(model.root);
        const differences = await Promise.all(
          CHECK_BATCHES.map(async (size) =>
            largestDifference(await runModel(path, images, 12, size), probabilities),
          ),
        );
        expect(Math.max(...differences)).toBe(saved.largestDifference);
        expect(saved.largestDifference).toBeLessThanOrEqual(1e-5);
      },
    );
  },
);
