import { expect, test } from "vitest";
import { seededRandom } from "../../src/dataset/random.ts";
import { BatchOrder } from "../../src/training/batch-order.ts";

const rows = Uint32Array.from({ length: 10 }, (_, i) => 100 + i);

test("every pass gives every row once, also where batches reach over its end", () => {
  const order = new BatchOrder(rows, seededRandom(1));
  const seen = Array.from({ length: 10 }, () => [...order.next(4)]).flat();
  for (let pass = 0; pass < 4; pass++) {
    expect(seen.slice(pass * 10, pass * 10 + 10).sort()).toEqual([...rows]);
  }
  expect(seen.slice(0, 10)).not.toEqual(seen.slice(10, 20));
});

test("the seed fixes the order", () => {
  const take = (seed: number) => [...new BatchOrder(rows, seededRandom(seed)).next(10)];
  expect(take(5)).toEqual(take(5));
  expect(take(5)).not.toEqual(take(6));
});

test("an order that went through JSON at any place continues with the same rows", () => {
  for (let before = 0; before < 8; before++) {
    const order = new BatchOrder(rows, seededRandom(3));
    for (let i = 0; i < before; i++) order.next(3);
    const resumed = BatchOrder.resume(rows, JSON.parse(JSON.stringify(order.state())));
    for (let i = 0; i < 9; i++) expect(resumed.next(3)).toEqual(order.next(3));
  }
});

test("the given rows are not reordered", () => {
  new BatchOrder(rows, seededRandom(1)).next(7);
  expect([...rows]).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108, 109]);
});
