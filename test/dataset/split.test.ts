import { describe, expect, it } from "vitest";
import { seededRandom, shuffle } from "../../src/dataset/random.ts";
import { dropLeakedTestRows, makeSplit } from "../../src/dataset/split.ts";
import { proportionalShares } from "../../src/dataset/stratify.ts";
import { type Dataset, IMAGE_BYTES, type Split } from "../../src/dataset/types.ts";
import { fixture, repeated } from "./fixtures.ts";

const parts = (split: Split): number[] => [
  ...split.labelled,
  ...split.validation,
  ...split.unlabelled,
  ...split.test,
];

function expectSound(dataset: Dataset, split: Split): void {
  const rows = parts(split);
  expect(new Set(rows).size).toBe(rows.length);
  for (const part of [split.labelled, split.validation, split.unlabelled, split.test]) {
    expect([...part]).toEqual([...part].sort((a, b) => a - b));
  }
  for (const row of [...split.labelled, ...split.validation, ...split.test]) {
    expect(dataset.labels[row]).toBeGreaterThanOrEqual(0);
  }
}

const countOf = (dataset: Dataset, rows: Uint32Array, label: number): number =>
  rows.filter((row) => dataset.labels[row] === label).length;

describe("proportional shares", () => {
  it("gives what is left to the largest remainders", () => {
    expect(proportionalShares([50, 30, 20], 9)).toEqual([4, 3, 2]);
    expect(proportionalShares([47, 33, 20], 10)).toEqual([5, 3, 2]);
  });
  it("keeps the floor where the total allows it", () => {
    expect(proportionalShares([1000, 2, 1], 10, { floor: 1 })).toEqual([8, 1, 1]);
    expect(proportionalShares([1000, 2, 1], 2, { floor: 1 })).toEqual([2, 0, 0]);
  });
  it("never exceeds a cap", () => {
    expect(proportionalShares([10, 10], 20, { caps: [10, 3] })).toEqual([10, 3]);
  });
  it("adds up for any sizes", () => {
    const random = seededRandom(3);
    for (let i = 0; i < 200; i++) {
      const sizes = Array.from({ length: 1 + (i % 20) }, () => Math.abs(random.next()) % 100);
      const whole = sizes.reduce((a, b) => a + b, 0);
      const total = Math.abs(random.next()) % (whole + 1);
      const shares = proportionalShares(sizes, total, { floor: 1 });
      expect(shares.reduce((a, b) => a + b, 0)).toBe(total);
      for (const [j, share] of shares.entries()) expect(share).toBeLessThanOrEqual(sizes[j]!);
    }
  });
});

describe("seeded randomness", () => {
  it("is the same for the same seed and differs between neighbouring seeds", () => {
    const order = (seed: number): number[] =>
      shuffle(
        Array.from({ length: 20 }, (_, i) => i),
        seededRandom(seed),
      );
    expect(order(1)).toEqual(order(1));
    expect(order(1)).not.toEqual(order(2));
    expect(new Set(Array.from({ length: 100 }, (_, seed) => order(seed)[0])).size).toBeGreaterThan(15);
  });
});

describe("random split", () => {
  const dataset = fixture({ labels: repeated([0, 600], [1, 300], [2, 100], [-1, 50]) });

  it("is stratified, disjoint and decided by the seed", () => {
    const split = makeSplit(dataset, { labels: "10%", seed: 4 });
    expectSound(dataset, split);
    expect(split.kind).toBe("random");
    expect([0, 1, 2].map((c) => countOf(dataset, split.test, c))).toEqual([120, 60, 20]);
    expect(split.labelled.length + split.validation.length).toBe(80);
    expect(split.validation.length).toBe(8);
    expect(parts(split).length).toBe(dataset.count);
    expect(makeSplit(dataset, { labels: "10%", seed: 4 })).toEqual(split);
    expect(makeSplit(dataset, { labels: "10%", seed: 5 }).test).not.toEqual(split.test);
  });

  it("keeps the test part when the number of labels changes", () => {
    const few = makeSplit(dataset, { labels: 30, seed: 4 });
    expect(few.test).toEqual(makeSplit(dataset, { labels: 300, seed: 4 }).test);
    expect(few.labelled.length + few.validation.length).toBe(30);
  });

  it("takes as many unlabelled rows as asked", () => {
    expect(makeSplit(dataset, { labels: 10, unlabeled: 0 }).unlabelled.length).toBe(0);
    expect(makeSplit(dataset, { labels: 10, unlabeled: 123 }).unlabelled.length).toBe(123);
    expect(() => makeSplit(dataset, { labels: 10, unlabeled: 2000 })).toThrow(
      /at most 840, .* received 2000/,
    );
    expect(() => makeSplit(dataset, { labels: 801 })).toThrow(/at most 800, .* received 801/);
  });

  it("takes a number of each class, and all of a class that holds fewer, and says so", () => {
    const split = makeSplit(dataset, { labels: "120/class", seed: 4 });
    expectSound(dataset, split);
    const training = Uint32Array.from([...split.labelled, ...split.validation]);
    // 80 of class 2 are left beside its 20 test rows.
    expect([0, 1, 2].map((c) => countOf(dataset, training, c))).toEqual([120, 120, 80]);
    expect(split.validation.length).toBe(32);
    expect(split.warnings).toEqual([
      'fewer than the 120 labels asked of each class, all taken: class "class2" 80',
    ]);
    expect(makeSplit(dataset, { labels: "50/class" }).warnings).toEqual([]);
    for (const labels of ["0/class", "1.5/class", "/class", "-1/class"] as const) {
      expect(() => makeSplit(dataset, { labels: labels as "1/class" }), labels).toThrow(/"1000\/class"/);
    }
  });

  it("never holds back the last labelled row of a class", () => {
    const split = makeSplit(dataset, { labels: 3, validationShare: 0.9 });
    expect([split.labelled.length, split.validation.length]).toEqual([3, 0]);
  });

  it("refuses bad options", () => {
    for (const options of [
      { labels: -1 },
      { labels: "120%" as const },
      { labels: 1.5 },
      { unlabeled: -3 },
      { validationShare: 1 },
      { testShare: 0 },
      { seed: 0.5 },
      { kind: "other" as "random" },
    ]) {
      expect(() => makeSplit(dataset, options), JSON.stringify(options)).toThrow(
        expect.objectContaining({ code: "ERR_ARGUMENT" }) as Error,
      );
    }
  });

  it("says which class is too small to be tested", () => {
    const split = makeSplit(fixture({ labels: repeated([0, 20], [1, 1]) }));
    expect(split.warnings).toEqual(['class "class1" has too few images to be tested']);
  });
});

describe("split by capture group", () => {
  // Class 0: 5 captures of 10; class 1: 2 captures, 30 and 5; class 2: one capture; class 3: shares captures 0 and 1.
  const labels = [...repeated([0, 50], [1, 35], [2, 10], [3, 8], [-1, 6])];
  const groups = [
    ...repeated([0, 10], [1, 10], [2, 10], [3, 10], [4, 10]),
    ...repeated([5, 30], [6, 5]),
    ...repeated([7, 10]),
    ...repeated([0, 4], [1, 4]),
    ...repeated([6, 3], [8, 3]),
  ];
  const dataset = fixture({ labels, groups });

  it.each([1, 2, 3, 4, 5])(
    "keeps captures whole, each class with two captures in both parts (seed %i)",
    (seed) => {
      const split = makeSplit(dataset, { kind: "group", seed });
      expectSound(dataset, split);
      const groupsOf = (rows: Iterable<number>): Set<number> => new Set([...rows].map((row) => groups[row]!));
      const trainGroups = groupsOf([...split.labelled, ...split.validation, ...split.unlabelled]);
      for (const group of groupsOf(split.test)) expect(trainGroups.has(group)).toBe(false);
      for (const label of [0, 1, 3]) {
        expect(countOf(dataset, split.test, label)).toBeGreaterThan(0);
        expect(countOf(dataset, split.labelled, label)).toBeGreaterThan(0);
      }
      // The small capture of class 1 tests, and its unlabelled sessions leave the pool with it.
      expect(countOf(dataset, split.test, 1)).toBe(5);
      expect([...split.unlabelled].filter((row) => groups[row] === 6)).toEqual([]);
      expect(split.testGroups).toContain("capture6.pcap");
      expect(split.warnings).toEqual(['class "class2" has one capture file: it is trained and not tested']);
    },
  );

  it("fails where every class has one capture, or captures are not known", () => {
    const single = fixture({ labels: repeated([0, 5], [1, 5]), groups: repeated([0, 5], [1, 5]) });
    expect(() => makeSplit(single, { kind: "group" })).toThrow(
      /two capture files or more .* every class comes from one/,
    );
    expect(() => makeSplit({ ...single, groups: undefined }, { kind: "group" })).toThrow(
      /capture groups .* has none/,
    );
  });
});

describe("too few labels", () => {
  it("names the classes that no labelled image shows", () => {
    const dataset = fixture({ labels: repeated([0, 40], [1, 10], [2, 10]) });
    expect(makeSplit(dataset, { labels: 1 }).warnings).toEqual([
      'no labelled image to learn from: class "class1", "class2"',
    ]);
    expect(makeSplit(dataset, { labels: 0 }).warnings).toEqual([]);
    expect(makeSplit(dataset, { labels: "20%" }).warnings).toEqual([]);
  });
});

describe("given test part", () => {
  const dataset = fixture({
    labels: repeated([0, 40], [1, 40], [0, 10], [1, 10]),
    testRows: Array.from({ length: 20 }, (_, i) => 80 + i),
  });

  it("uses the test rows of the source", () => {
    const split = makeSplit(dataset, { labels: "50%" });
    expectSound(dataset, split);
    expect([split.kind, split.test.length, split.leakedTestImages]).toEqual(["given", 20, 0]);
    expect(split.labelled.length + split.validation.length).toBe(40);
    expect(() => makeSplit(dataset, { kind: "group" })).toThrow(/its test part is given/);
  });

  it("counts and drops test images that are copies of training images", () => {
    const images = dataset.images.slice();
    images.copyWithin(85 * IMAGE_BYTES, 3 * IMAGE_BYTES, 4 * IMAGE_BYTES);
    images.copyWithin(86 * IMAGE_BYTES, 3 * IMAGE_BYTES, 4 * IMAGE_BYTES);
    // A copy within the test part alone is no leak.
    images.copyWithin(91 * IMAGE_BYTES, 90 * IMAGE_BYTES, 91 * IMAGE_BYTES);
    const leaky = { ...dataset, images };
    const split = makeSplit(leaky);
    expect(split.leakedTestImages).toBe(2);
    expect(split.warnings).toEqual(["2 of 20 test images are exact copies of images outside the test part"]);
    const clean = dropLeakedTestRows(leaky, split);
    expect([...clean.test]).toEqual([...split.test].filter((row) => row !== 85 && row !== 86));
    expect(clean.leakedTestImages).toBe(0);
  });

  it("splits a folder that holds only a test part when no labels are asked", () => {
    const testOnly = fixture({ labels: [0, 1], testRows: [0, 1] });
    const split = makeSplit(testOnly, { labels: 0 });
    expect([split.labelled.length, split.unlabelled.length, split.test.length]).toEqual([0, 0, 2]);
    expect(() => makeSplit(testOnly)).toThrow(
      /images to train on but all 2 of the dataset are its test part/,
    );
  });
});
