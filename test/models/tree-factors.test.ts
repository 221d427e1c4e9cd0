// Trees on factors: a step is below a threshold where the factor is below the threshold's value, and ONNX Runtime sends every
// session where native code does, to the bit.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import { growTrees, treeProbabilities } from "../../src/evaluation/extra-trees.ts";
import { emitRelativeFactors, emitSums } from "../../src/models/factors-graph.ts";
import { emitForest } from "../../src/models/forest-model.ts";
import { fitTables, relativeFactors, sessionSums } from "../../src/models/session-factors.ts";
import { reachOf, thresholdOf, treeFeatures } from "../../src/models/tree-factors.ts";
import { emitBytes } from "../../src/models/trees.ts";
import { fittedGraph } from "../../src/onnx/fitted-graph.ts";
import type { GraphBuilder, GraphValue } from "../../src/onnx/graph.ts";
import type { ModelMetadata } from "../../src/onnx/metadata.ts";

test("steps and thresholds agree on every value, at the edges and next to them", () => {
  const random = seededRandom(5);
  const reach = Float32Array.of(1, 0.37, 0, 1e-9);
  const threshold = thresholdOf(reach);
  const near = (value: number) => {
    const bits = new Int32Array(Float32Array.of(value).buffer);
    return [-1, 0, 1].map((by) => new Float32Array(Int32Array.of(bits[0]! + by).buffer)[0]!);
  };
  for (const [column, most] of reach.entries()) {
    const edges = Array.from({ length: 255 }, (_, step) => threshold(784 + column, step));
    expect(edges.every((edge, i) => i === 0 || edge > edges[i - 1]! || most === 0)).toBe(true);
    const values = [
      ...edges.flatMap((edge) => (edge === 0 ? [0] : near(edge))),
      ...Array.from({ length: 200 }, () => Math.fround((randomBelow(random, 4001) / 2000 - 1) * 1.2 * most)),
      -1,
      1,
    ];
    for (const value of values) {
      const factors = new Float32Array(reach.length);
      factors[column] = value;
      const step = treeFeatures(new Uint8Array(784), factors, reach)[784 + column]!;
      for (const [at, edge] of edges.entries()) {
        if (step <= at !== value <= edge) expect([value, step, at, edge]).toBe("on the same side");
      }
    }
  }
  expect(threshold(783, 200)).toBe(200);
});

test("onnxruntime's forest on bytes and factors is the native one, bit by bit", async () => {
  const [dimensions, classes, count] = [24, 4, 120];
  const random = seededRandom(9);
  // Sessions of a few byte values, some without any word that others have, one of zeros.
  const images = Uint8Array.from({ length: count * 784 }, (_, i) =>
    i % 784 < 40 + (i % 7) * 90 ? randomBelow(random, 14) * 18 : 0,
  );
  images.fill(0, 0, 784).fill(253, 784, 2 * 784);
  const labels = Int32Array.from({ length: count }, (_, i) => (images[i * 784 + 3]! + i) % classes);
  const learned = images.subarray(0, 80 * 784);
  const rows = Uint32Array.from({ length: 80 }, (_, row) => row);
  const tables = [
    await fitTables(learned, rows, { dimensions, seed: 1 }),
    await fitTables(learned, rows.subarray(0, 30), { dimensions, seed: 1 }),
  ];
  const factorsOf = async (asked: Uint8Array) =>
    relativeFactors(await sessionSums(asked, tables, { dimensions }), dimensions);
  const width = 4 * dimensions;
  const reach = reachOf(await factorsOf(learned), width);
  const trees = await growTrees(
    treeFeatures(learned, await factorsOf(learned), reach),
    labels.subarray(0, 80),
    { classes, trees: 60, seed: 1, tries: 40 },
  );
  const split = Array.from(trees.test, (test, node) => (trees.child[node]! >= 0 ? test >> 8 : -1));
  expect(split.some((feature) => feature >= 784)).toBe(true);
  expect(split.some((feature) => feature >= 0 && feature < 784)).toBe(true);

  const emit = (graph: GraphBuilder, input: GraphValue) => {
    const relative = emitRelativeFactors(graph, emitSums(graph, input, tables, dimensions));
    const features = graph.node("Concat", [emitBytes(graph, input).name, relative.name], [-1, 784 + width], {
      axis: { int: 1 },
    });
    return emitForest(graph, features, trees, classes, thresholdOf(reach));
  };
  const metadata = { classes: ["a", "b", "c", "d"], model: "forest", toolVersion: "0" };
  const session = await InferenceSession.create(fittedGraph({ emit }, metadata as unknown as ModelMetadata));
  const { probabilities } = await session.run({ images: new Tensor("uint8", images, [count, 28, 28]) });
  const features = treeFeatures(images, await factorsOf(images), reach);
  expect(probabilities!.data).toEqual(await treeProbabilities(trees, features, 784 + width, { classes }));
});
