import { expect, it } from "vitest";
import { Generator, scope, Tensor } from "../../bindings/torch/index.ts";
import {
  choosePlaces,
  hideBytes,
  randomizeBytes,
  replaceBytes,
  replaceWhere,
  shuffleRows,
} from "../../src/nn/byte-noise.ts";
import { describeTorch } from "./with-torch.ts";

const bytesOf = (rows: number, columns: number) =>
  Tensor.fromBuffer(
    Uint8Array.from({ length: rows * columns }, (_, i) => i % 251),
    [rows, columns],
  );

describeTorch("noise on bytes", () => {
  it("replaces about the share asked for by a symbol no byte holds, and nothing else", () => {
    scope(() => {
      const bytes = bytesOf(50, 784);
      const noisy = replaceBytes(bytes, 0.2, 256, new Generator("cpu", 1));
      expect([noisy.dtype, noisy.shape]).toEqual(["int32", [50, 784]]);
      const [before, after] = [bytes.toFloat32Array(), noisy.toFloat32Array()];
      const replaced = after.filter((value) => value === 256).length;
      expect(replaced / after.length).toBeGreaterThan(0.19);
      expect(replaced / after.length).toBeLessThan(0.21);
      expect(after.every((value, i) => value === 256 || value === before[i])).toBe(true);
      expect(replaceBytes(bytes, 0.2, 256, new Generator("cpu", 1)).toTypedArray()).toEqual(
        noisy.toTypedArray(),
      );
      expect(replaceBytes(bytes, 0, 256, new Generator("cpu", 1)).toFloat32Array()).toEqual(before);
    });
  });

  it("replaces where a mask says so", () => {
    scope(() => {
      const mask = Tensor.fromBuffer(Uint8Array.of(0, 1, 1, 0), [2, 2]).to({ dtype: "bool" });
      expect([...replaceWhere(bytesOf(2, 2), mask, 300).toFloat32Array()]).toEqual([0, 300, 300, 3]);
    });
  });

  it("puts any byte in the place of some", () => {
    scope(() => {
      const bytes = Tensor.zeros([100, 784], { dtype: "uint8" });
      const values = randomizeBytes(bytes, 0.5, new Generator("cpu", 1)).toFloat32Array();
      expect(new Set(values).size).toBe(256);
      const kept = values.filter((value) => value === 0).length / values.length;
      expect(Math.abs(kept - (0.5 + 0.5 / 256))).toBeLessThan(0.01);
    });
  });

  it("hides the places it chose, each once", () => {
    scope(() => {
      const places = choosePlaces(200, 0.15, new Generator("cpu", 1));
      const chosen = [...places.toFloat32Array()];
      expect(new Set(chosen).size).toBe(30);
      const bytes = bytesOf(10, 20);
      const hidden = hideBytes(bytes, places, 256).toFloat32Array();
      const expected = bytes.toFloat32Array();
      for (const place of chosen) expected[place] = 256;
      expect(hidden).toEqual(expected);
      expect(choosePlaces(3, 0, new Generator("cpu", 1)).shape).toEqual([1]);
    });
  });

  it("shuffles rows of several tensors alike", () => {
    scope(() => {
      const [a, b] = shuffleRows([bytesOf(40, 2), Tensor.arange(40)], new Generator("cpu", 1)) as [
        Tensor,
        Tensor,
      ];
      const order = b.toFloat32Array();
      expect([...order].sort((x, y) => x - y)).toEqual(Array.from({ length: 40 }, (_, i) => i));
      expect([...order]).not.toEqual([...order].sort((x, y) => x - y));
      expect([...a.select(1, 0).toFloat32Array()]).toEqual([...order].map((row) => 2 * row));
    });
  });
});
