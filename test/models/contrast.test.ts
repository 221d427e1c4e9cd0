import { expect, it } from "vitest";
import { Generator, scope, Tensor } from "../../bindings/torch/index.ts";
import { contrastLoss, hideRuns } from "../../src/models/contrast.ts";
import { describeTorch } from "../nn/with-torch.ts";

/** Chen et al. 2020, equation 1 and algorithm 1, number by number. */
function slowContrastLoss(embeddings: readonly number[][]): number {
  const rows = embeddings.length;
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const cosine = (a: readonly number[], b: readonly number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  let loss = 0;
  for (let i = 0; i < rows; i++) {
    const partner = (i + rows / 2) % rows;
    let sum = 0;
    for (let k = 0; k < rows; k++) if (k !== i) sum += Math.exp(cosine(embeddings[i]!, embeddings[k]!) / 0.2);
    loss -= Math.log(Math.exp(cosine(embeddings[i]!, embeddings[partner]!) / 0.2) / sum);
  }
  return loss / rows;
}

describeTorch("the contrast of views", () => {
  it("has the loss of the paper's formula", () => {
    scope(() => {
      const embeddings = Tensor.normal([8, 5], 0, 1, new Generator("cpu", 4));
      const flat = [...embeddings.toFloat32Array()];
      const rows = Array.from({ length: 8 }, (_, i) => flat.slice(5 * i, 5 * i + 5));
      expect(contrastLoss(embeddings).item()).toBeCloseTo(slowContrastLoss(rows), 4);
    });
  });

  it("falls when views of one image come together, and is finite at embeddings of zero", () => {
    scope(() => {
      const one = Tensor.normal([6, 5], 0, 1, new Generator("cpu", 4));
      const alike = Tensor.concat([one, one], 0);
      const apart = Tensor.concat([one, one.negate()], 0);
      expect(contrastLoss(alike).item()).toBeLessThan(contrastLoss(apart).item());
      const zeros = Tensor.zeros([4, 5]).setRequiresGrad(true);
      const loss = contrastLoss(zeros);
      expect(loss.item()).toBeCloseTo(Math.log(3), 4);
      loss.backward();
      expect([...zeros.grad()!.toFloat32Array()].every(Number.isFinite)).toBe(true);
    });
  });

  it("hides whole runs of four bytes, three in ten of them, and leaves the others as they were", () => {
    scope(() => {
      const images = Tensor.uniform([50, 28, 28], 0.5, 1, new Generator("cpu", 4));
      const before = images.toFloat32Array();
      const after = hideRuns(images, new Generator("cpu", 5)).toFloat32Array();
      let hidden = 0;
      for (let i = 0; i < before.length; i += 4) {
        const zeros = after.subarray(i, i + 4).filter((value) => value === 0).length;
        expect([0, 4]).toContain(zeros);
        if (zeros === 4) hidden++;
        else expect(after.subarray(i, i + 4)).toEqual(before.subarray(i, i + 4));
      }
      expect(hidden / (before.length / 4)).toBeCloseTo(0.3, 1);
    });
  });
});
