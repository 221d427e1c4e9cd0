import { expect, test } from "vitest";
import { formatShare, parseBytes } from "../../src/cli/format.ts";

test.each([
  ["512MiB", 512 * 2 ** 20],
  ["2GiB", 2 ** 31],
  ["1g", 2 ** 30],
  ["1.5 GB", 1.5 * 2 ** 30],
  ["64k", 65_536],
  ["100", 100],
  ["100b", 100],
  ["1TiB", 2 ** 40],
  ["lots", undefined],
  ["", undefined],
  ["-1", undefined],
  ["1e9", undefined],
  ["5 apples", undefined],
])("%j is %j bytes", (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each([
  [3, 8, "37.5 %"],
  [0, 8, "0.0 %"],
  [8, 8, "100.0 %"],
  [99_999, 100_000, "99.9 %"],
  [1, 100_000, "< 0.1 %"],
  [0, 0, ""],
])("%d of %d is %j", (part, whole, text) => {
  expect(formatShare(part, whole)).toBe(text);
});
