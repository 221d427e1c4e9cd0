import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { decodeFrame, encodeFrame } from "../../src/batch/frame.ts";
import { type CaptureKey, Journal } from "../../src/batch/journal.ts";
import type { VerdictBatch } from "../../src/inference/index.ts";
import { tempFolder } from "../support/temp-folder.ts";

const key = (name: string, modified = "1"): CaptureKey => ({
  path: `/data/${name}.pcap`,
  size: 10,
  modified,
});
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const open = (path: string, resume: boolean, origin = "model") =>
  Journal.open(path, { origin, resume, durable: false });

async function add(journal: Journal, of: CaptureKey, rows: readonly string[], finish = true): Promise<void> {
  const capture = await journal.begin(of);
  for (const row of rows) await journal.append(capture, bytes(row));
  if (finish) await journal.finish(capture, { rows: rows.length });
}

async function rowsOf(journal: Journal, of: CaptureKey): Promise<string[] | undefined> {
  const found = journal.finished(of);
  return (
    found &&
    Promise.all(found.frames.map(async (place) => new TextDecoder().decode(await journal.read(place))))
  );
}

test("what was finished is there again, what was not is not, and neither is another state of the file", async () => {
  const path = join(tempFolder(), "j");
  const first = await open(path, false);
  const both = [await first.begin(key("a")), await first.begin(key("b"))] as const;
  // Two captures at a time: their rows are mixed.
  for (const row of ["1", "2", "3"])
    for (const [i, capture] of both.entries()) await first.append(capture, bytes(`${"ab"[i]}${row}`));
  await first.finish(both[0], { sessions: 3 });
  await add(first, key("c"), []);
  await first.close();

  const again = await open(path, true);
  expect(again.remembered).toBe(2);
  expect(await rowsOf(again, key("a"))).toEqual(["a1", "a2", "a3"]);
  expect(await again.report(again.finished(key("a"))!)).toEqual({ sessions: 3 });
  expect(await rowsOf(again, key("b"))).toBeUndefined();
  expect(await rowsOf(again, key("c"))).toEqual([]);
  expect(await rowsOf(again, key("a", "2"))).toBeUndefined();
  // What is begun anew is not mixed up with what was begun then.
  await add(again, key("b"), ["new"]);
  await again.close();
  const third = await open(path, true);
  expect(await rowsOf(third, key("b"))).toEqual(["new"]);
  await third.close();
});

test("cut off at any byte it holds what was finished before, whole, and can be gone on with", async () => {
  const folder = tempFolder();
  const path = join(folder, "j");
  const ends: number[] = [];
  const journal = await open(path, false);
  for (const name of ["a", "b", "c"]) {
    await add(journal, key(name), [`${name}1`, `${name}2`]);
    ends.push(statSync(path).size);
  }
  await journal.close();
  const whole = readFileSync(path);
  for (let size = 0; size <= whole.length; size++) {
    const cut = join(folder, "cut");
    writeFileSync(cut, whole.subarray(0, size));
    const resumed = await open(cut, true);
    expect(resumed.remembered, `${size} bytes`).toBe(ends.filter((end) => end <= size).length);
    await add(resumed, key("d"), ["d1"]);
    await resumed.close();
    const after = await open(cut, true);
    expect(await rowsOf(after, key("d"))).toEqual(["d1"]);
    if (ends[0]! <= size) expect(await rowsOf(after, key("a"))).toEqual(["a1", "a2"]);
    await after.close();
  }
});

test("bytes that went bad end it there; what it cannot be is started over", async () => {
  const path = join(tempFolder(), "j");
  const journal = await open(path, false);
  for (const name of ["a", "b"]) await add(journal, key(name), [name.repeat(100)]);
  await journal.close();
  const whole = readFileSync(path);
  const broken = Buffer.from(whole);
  broken[broken.lastIndexOf("bbbb")] = 0;
  writeFileSync(path, broken);
  const resumed = await open(path, true);
  expect(await rowsOf(resumed, key("a"))).toEqual(["a".repeat(100)]);
  expect(resumed.finished(key("b"))).toBeUndefined();
  await resumed.close();

  for (const contents of ["", "no journal at all, but some text", Buffer.alloc(100, 255)]) {
    writeFileSync(path, contents);
    const other = await open(path, true);
    expect(other.remembered).toBe(0);
    await other.close();
  }
  writeFileSync(path, whole);
  const otherModel = await open(path, true, "another model");
  expect(otherModel.remembered).toBe(0);
  await otherModel.close();
});

test("what nobody needs any more is dropped when it outweighs the rest", async () => {
  const path = join(tempFolder(), "j");
  const journal = await open(path, false);
  await add(journal, key("a"), ["kept"]);
  for (let i = 0; i < 3; i++) await add(journal, key("growing", String(i)), ["x".repeat(2 ** 20)], false);
  await journal.close();
  expect(statSync(path).size).toBeGreaterThan(3 * 2 ** 20);
  const resumed = await open(path, true);
  expect(statSync(path).size).toBeLessThan(1000);
  expect(await rowsOf(resumed, key("a"))).toEqual(["kept"]);
  await add(resumed, key("b"), ["more"]);
  await resumed.close();
  const again = await open(path, true);
  expect([await rowsOf(again, key("a")), await rowsOf(again, key("b"))]).toEqual([["kept"], ["more"]]);
  await again.close();
});

describe("a frame", () => {
  it("is the batch again, but for images and the other classes' probabilities", () => {
    const odd = new Uint8Array([9, 9, 1, 2, 3]).subarray(2);
    const batch = {
      count: 3,
      classes: ["a", "größer"],
      captures: ["x.pcap"],
      sequence: 0,
      images: new Uint8Array(3 * 784).fill(7),
      probabilities: new Float32Array(6),
      protocol: odd,
      startNs: new BigInt64Array([-1n, 2n ** 62n, 0n]),
      initiatorBytes: new BigUint64Array([2n ** 64n - 1n, 0n, 1n]),
      initiatorPort: new Uint16Array([1, 65535, 0]),
      classIndex: new Uint32Array([0, 1, 0]),
      probability: new Float32Array([0.25, 1, 0.5]),
    } as unknown as VerdictBatch;
    expect(decodeFrame(encodeFrame(batch), "y.pcap")).toEqual({
      ...batch,
      captures: ["y.pcap"],
      images: new Uint8Array(0),
      probabilities: new Float32Array(0),
    });
    expect(encodeFrame(batch).length).toBeLessThan(1000);
  });
});
