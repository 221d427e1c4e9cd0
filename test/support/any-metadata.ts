// Metadata of a model that was never trained.
import type { ModelMetadata } from "../../src/onnx/metadata.ts";

export function anyMetadata(classes: number): ModelMetadata {
  return {
    formatVersion: 1,
    toolVersion: "0",
    model: "patchwise",
    modelOptions: {},
    classes: Array.from({ length: classes }, (_, i) => `class ${i}`),
    view: "l3",
    mask: "identity",
    order: "capture",
    decap: "none",
    protocols: ["tcp", "udp"],
    idleTimeout: 120,
    activeTimeout: 1800,
    closeTimeout: 0,
    training: {
      labels: "1",
      labelled: 1,
      validation: 0,
      unlabelled: 0,
      test: 0,
      split: "random",
      seed: 1,
      scores: {},
    },
  };
}
