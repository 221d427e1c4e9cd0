import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { writeNpz } from "../../src/dataset/npz.ts";
import { END_REASONS } from "../../src/dataset/types.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { fixture, repeated } from "./fixtures.ts";

const dataset = fixture({
  labels: repeated([0, 3], [-1, 1], [1, 3]),
  groups: repeated([0, 4], [1, 3]),
  classes: ["Chat", "聊天 🚦"],
  testRows: [6],
  sequence: 4,
});

describe("npz export", () => {
  it("holds .npy arrays of format version 1.0, data on a multiple of 64 bytes", async () => {
    const path = join(tempFolder(), "dataset.npz");
    await writeNpz(path, dataset);
    const entries = unzipSync(readFileSync(path));
    const images = Buffer.from(entries["images.npy"]!);
    expect(images.subarray(0, 8).toString("latin1")).toBe("\x93NUMPY\x01\x00");
    const start = 10 + images.readUInt16LE(8);
    expect(start % 64).toBe(0);
    expect(images.subarray(10, start).toString("latin1").trimEnd()).toBe(
      "{'descr': '|u1', 'fortran_order': False, 'shape': (7, 28, 28), }",
    );
    expect(Buffer.compare(images.subarray(start), dataset.images)).toBe(0);
    const classes = Buffer.from(entries["classes.npy"]!);
    expect(classes.toString("latin1")).toContain("'descr': '<U4'");
    expect(classes.readUInt32LE(classes.length - 4)).toBe(0x1f6a6);
  });

  // numpy is the second implementation, where the machine has it.
  const python = ["python3", "/usr/bin/python3"].find(
    (command) => spawnSync(command, ["-c", "import numpy"], { stdio: "ignore" }).status === 0,
  );
  it.skipIf(python === undefined)("opens in numpy (skipped where no python3 has numpy)", async () => {
    const path = join(tempFolder(), "dataset.npz");
    await writeNpz(path, dataset);
    const script = `
import json, sys, zlib, numpy
z = numpy.load(sys.argv[1])
print(json.dumps({
  "images": [list(z["images"].shape), str(z["images"].dtype), zlib.crc32(z["images"].tobytes())],
  "labels": z["labels"].tolist(), "classes": z["classes"].tolist(), "captures": z["captures"].tolist(),
  "capture_names": z["capture_names"].tolist(), "test_rows": z["test_rows"].tolist(),
  "start": z["start_time_ns"].astype("datetime64[ns]").astype(str).tolist()[0],
  "bytes": z["initiator_bytes"].tolist(), "address": z["responder_address"].tolist(), "reasons": z["end_reason_names"][z["end_reason"]].tolist(), "steps": [list(z["sequence_gap_ns"].shape), str(z["sequence_gap_ns"].dtype)],
  "lengths": z["sequence_length"].tolist()[1], "names": sorted(z.files)}))`;
    const { stdout, stderr } = spawnSync(python!, ["-c", script, path], { encoding: "utf8" });
    expect(stderr).toBe("");
    const read = JSON.parse(stdout) as Record<string, unknown>;
    const { crc32 } = (await import("node:zlib")) as unknown as { crc32?: (bytes: Uint8Array) => number };
    expect(read.images).toEqual([[7, 28, 28], "uint8", crc32?.(dataset.images) ?? expect.any(Number)]);
    expect(read.labels).toEqual([...dataset.labels]);
    expect(read.classes).toEqual(dataset.classes);
    expect(read.captures).toEqual([...dataset.groups!]);
    expect(read.capture_names).toEqual(dataset.groupNames);
    expect(read.test_rows).toEqual([6]);
    expect(read.start).toBe("2023-11-14T22:13:20.000000001");
    expect(read.bytes).toEqual(Array.from(dataset.columns!.initiatorBytes, Number));
    expect(read.address).toEqual(dataset.columns!.responderAddress);
    expect(read.reasons).toEqual(Array.from(dataset.columns!.endReason, (code) => END_REASONS[code]));
    expect(read.steps).toEqual([[7, 4], "int64"]);
    expect(read.lengths).toEqual([...dataset.columns!.sequenceLength!.subarray(4, 8)]);
    expect((read.names as string[]).length).toBe(30);
  });
});
