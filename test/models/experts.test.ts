// The model `experts`: who is right is believed, on rows that neither expert had learned from; what was saved is taken back.
// As a whole, with its ONNX graph and its run folder: test/training/fitted.test.ts.
import { describe, expect, test } from "vitest";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import { experts } from "../../src/models/experts.ts";
import type { FitRequest, FittedState } from "../../src/models/fitted.ts";

const CLASSES = 3;
const OPTIONS = { dimensions: 16, penalty: 100, sessions: 1000, trees: 30 };

/** A class is a phrase that stands anywhere in a session, or a number in one byte of its head: below 85, below 170, above. */
function draw(kind: "phrase" | "number", count: number, seed: number) {
  const random = seededRandom(seed);
  const length = kind === "phrase" ? 784 : 40;
  const images = Uint8Array.from({ length: count * 784 }, (_, i) =>
    i % 784 < length ? 200 + randomBelow(random, 56) : 0,
  );
  const labels = Int32Array.from({ length: count }, () => randomBelow(random, CLASSES));
  for (const [i, label] of labels.entries()) {
    if (kind === "number") images[i * 784 + 30] = 85 * label + randomBelow(random, 85);
    for (let times = 0; kind === "phrase" && times < 6; times++) {
      const at = i * 784 + 100 + randomBelow(random, 600);
      for (let k = 0; k < 8; k++) images[at + k] = 20 * label + k;
    }
  }
  return { images, labels };
}

function request(over: Partial<FitRequest> & Pick<FitRequest, "images" | "labels">): FitRequest<never> {
  return {
    unlabelled: { count: 0, take: () => new Uint8Array() },
    classes: CLASSES,
    seed: 1,
    options: OPTIONS,
    threads: 1,
    signal: undefined,
    saved: undefined,
    onProgress: () => undefined,
    checkpoint: async () => undefined,
    ...over,
  } as FitRequest as FitRequest<never>;
}

const share = (state: FittedState) => state.get("pool/share")![0]!;

describe("experts", () => {
  test.each(["phrase", "number"] as const)(
    "classes told by a %s: the expert for it is believed",
    async (kind) => {
      const model = await experts.fit(request(draw(kind, 150, 1)));
      const asked = draw(kind, 200, 2);
      const probabilities = await model.predict(asked.images);
      const right = asked.labels.filter((label, row) => {
        const own = probabilities.subarray(row * CLASSES, (row + 1) * CLASSES);
        return own.indexOf(Math.max(...own)) === label;
      });
      expect(right.length).toBeGreaterThan(180);
      // Trees see factors too, so that of phrases both know.
      if (kind === "phrase") expect(share(model.state())).toBeGreaterThan(0.4);
      else expect(share(model.state())).toBeLessThan(0.3);
    },
  );

  test("held-out scores are of the labelled rows, each class with two rows or more, and are not those of learned rows", async () => {
    const known = draw("number", 60, 3);
    const model = await experts.fit(request(known));
    const { scores, labels } = model.heldOut!;
    expect([...labels].sort()).toEqual([...known.labels].sort());
    expect(scores.length).toBe(labels.length * CLASSES);
    const learned = await model.predict(known.images);
    const sure = (values: Float32Array, of: Int32Array) =>
      of.filter((label, row) => {
        const own = values.subarray(row * CLASSES, (row + 1) * CLASSES);
        return own.indexOf(Math.max(...own)) === label;
      }).length;
    expect(sure(learned, known.labels)).toBe(60);
    expect(sure(scores, labels)).toBeLessThan(60);
  });

  test("goes on from every checkpoint to the same bytes; what is no state of it is refused", async () => {
    const known = draw("phrase", 40, 4);
    const states: FittedState[] = [];
    const model = await experts.fit(
      request({ ...known, checkpoint: async (state) => void states.push(state()) }),
    );
    expect(states.length).toBeGreaterThan(1);
    const bytes = (state: FittedState) =>
      Buffer.concat([...state].map(([, data]) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
    for (const saved of [...states, model.state()]) {
      const again = await experts.fit(request({ ...known, saved }));
      expect([...again.state().keys()]).toEqual([...model.state().keys()]);
      expect(Buffer.compare(bytes(again.state()), bytes(model.state()))).toBe(0);
    }
    for (const wrong of [Float32Array.of(2), Float32Array.of(Number.NaN), Int32Array.of(1)]) {
      const saved = new Map([...model.state(), ["pool/share", wrong] as const]);
      await expect(experts.fit(request({ ...known, saved }))).rejects.toMatchObject({
        code: "ERR_CHECKPOINT",
      });
    }
  });

  test("two labelled rows, one of a class each, still make a model", async () => {
    const { images } = draw("phrase", 2, 5);
    const model = await experts.fit(request({ images, labels: Int32Array.of(0, 2) }));
    expect(model.heldOut!.labels.length).toBe(0);
    const probabilities = await model.predict(images);
    expect(probabilities[0]!).toBeGreaterThan(probabilities[2]!);
    expect(probabilities[5]!).toBeGreaterThan(probabilities[3]!);
  });
});
