// A folder of captures as one job: what is bad in it, what ends it, and how it goes on.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { parse } from "csv-parse/sync";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { beforeEach, describe, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";
import { SAMPLES, sampleManifest } from "../support/samples.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { firstBytesWeights, slowModel, tinyModel } from "../support/tiny-onnx.ts";

const samples = Object.values(sampleManifest.classes)
  .map(({ files }) => files[0]!)
  .slice(0, 8);
const sessionsOf = (files: readonly { sessions: { tcp: number; udp: number } }[]) =>
  files.reduce((sum, { sessions }) => sum + sessions.tcp + sessions.udp, 0);
const rowsIn = (path: string) =>
  parse(readFileSync(path, "utf8"), { columns: true }) as Record<string, string>[];

let folder: string;
let captures: string;
let model: string;

beforeEach(() => {
  folder = tempFolder();
  captures = join(folder, "captures");
  model = join(folder, "model.onnx");
  mkdirSync(captures);
  for (const [i, { file }] of samples.entries())
    copyFileSync(join(SAMPLES, file), join(captures, `${i}.pcap`));
  writeFileSync(model, tinyModel({ classes: ["first", "second"], weights: firstBytesWeights(2) }));
});

const classify = (...args: string[]) => runCli(["classify", "--model", model, "--workers", "1", ...args]);

test("gives the same rows whatever is done at a time, in the order of the captures", async () => {
  const [one, four] = [join(folder, "one.csv"), join(folder, "four.csv")];
  expect((await classify(captures, "--jobs", "1", "-o", one)).code).toBe(0);
  const parallel = await classify(captures, "--jobs", "4", "-o", four);
  expect(parallel.code).toBe(0);
  expect(parallel.stderr).toMatch(/8 captures, .* read in .*sessions\/s/);
  expect(readFileSync(four, "utf8")).toBe(readFileSync(one, "utf8"));
  const printed = await classify(captures);
  expect(printed.stdout).toBe(readFileSync(one, "utf8"));
  const rows = rowsIn(one);
  expect(rows).toHaveLength(sessionsOf(samples));
  expect([...new Set(rows.map(({ capture }) => capture))]).toEqual(
    samples.map((_, i) => join(captures, `${i}.pcap`)),
  );
  // Nothing is left beside the results.
  expect(readdirSync(folder).sort()).toEqual(["captures", "four.csv", "model.onnx", "one.csv"]);
});

test("a summary by class, as a table and as JSON", async () => {
  const out = join(folder, "v.jsonl");
  const table = await classify(captures, "-o", out);
  const rows = readFileSync(out, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { stdout } = await classify(captures, "-o", out, "--json");
  const summary = JSON.parse(stdout);
  expect(summary).toMatchObject({
    output: out,
    sessions: rows.length,
    captures: { classified: 8, remembered: 0, failed: 0 },
    failures: [],
  });
  for (const { class: name, sessions, packets, bytes, first, last } of summary.classes) {
    const own = rows.filter((row) => row.class === name);
    expect(sessions).toBe(own.length);
    expect(packets).toBe(own.reduce((sum, row) => sum + row.initiator_packets + row.responder_packets, 0));
    expect(bytes).toBe(own.reduce((sum, row) => sum + row.initiator_bytes + row.responder_bytes, 0));
    expect(first).toBe(own.map((row) => row.start_time).sort()[0]);
    expect(last).toBe(
      own
        .map((row) => row.end_time)
        .sort()
        .at(-1),
    );
    expect(table.stdout).toMatch(new RegExp(`^${name} +${own.length} `, "m"));
  }
});

test("CSV, JSON Lines, Parquet and Arrow hold the same", async () => {
  const outputs = ["csv", "jsonl", "parquet", "arrow"].map((ending) => join(folder, `v.${ending}`));
  for (const out of outputs) expect((await classify(captures, "-o", out)).code).toBe(0);
  const [csv, jsonl, parquet, arrow] = outputs as [string, string, string, string];
  const lines = readFileSync(jsonl, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const asText = (rows: readonly object[]) =>
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, String(v)])));
  expect(rowsIn(csv)).toEqual(asText(lines));
  const timeless = (rows: readonly object[]) =>
    asText(rows.map((row) => ({ ...row, start_time: 0, end_time: 0 })));
  const table = tableFromIPC(readFileSync(arrow));
  expect(timeless(table.toArray().map((row) => row.toJSON()))).toEqual(timeless(lines));
  expect(
    table.getChild("start_time")!.data.flatMap(({ values }) => Array.from(values as BigInt64Array)),
  ).toEqual(
    lines.map(
      (row) => BigInt(Date.parse(row.start_time)) * 1_000_000n + BigInt(row.start_time.slice(23, 29)),
    ),
  );
  const fromParquet = (await parquetReadObjects({ file: await asyncBufferFromFile(parquet) })) as object[];
  expect(timeless(fromParquet)).toEqual(timeless(lines));
});

describe("what cannot be read", () => {
  test("does not stop the rest: it is named, and the exit status is 3", async () => {
    const out = join(folder, "v.csv");
    // Reading this gives an input/output error, to whoever reads.
    symlinkSync("/proc/self/mem", join(captures, "3b.pcap"));
    const broken = join(folder, "broken.pcap.gz");
    writeFileSync(broken, Buffer.from("1f8b0800000000000003ffffffffffffffff", "hex"));
    const missing = join(folder, "missing.pcap");
    const { code, stderr } = await classify(missing, captures, broken, "-o", out);
    expect(code).toBe(3);
    expect(stderr).toMatch(/failed: .*missing\.pcap: no such file/);
    expect(stderr).toMatch(/failed: .*3b\.pcap/);
    expect(stderr).toMatch(/failed: .*broken\.pcap\.gz/);
    expect(stderr).toMatch(/11 captures, 3 failed/);
    expect(rowsIn(out)).toHaveLength(sessionsOf(samples));
    const { stdout } = await classify(missing, captures, "-o", out, "--json");
    expect(JSON.parse(stdout).failures).toContainEqual({
      capture: missing,
      code: "ERR_IO",
      message: expect.stringContaining("no such file"),
      sessions: 0,
    });
  });

  test("is the error where there is nothing else, and an older results file stays", async () => {
    const out = join(folder, "v.csv");
    writeFileSync(out, "precious");
    const { code, stderr } = await classify(join(folder, "a.pcap"), join(folder, "b.pcap"), "-o", out);
    expect(code).toBe(1);
    expect(stderr).toContain("a.pcap: no such file");
    expect(readFileSync(out, "utf8")).toBe("precious");
  });

  test("a model that is none of ours, or wants what the flags forbid, ends it before anything is written", async () => {
    const out = join(folder, "v.csv");
    writeFileSync(
      model,
      tinyModel({ classes: ["a", "b"], weights: firstBytesWeights(2), metadata: undefined }),
    );
    const foreign = await classify(captures, "-o", out);
    expect(foreign).toMatchObject({ code: 1, stderr: expect.stringContaining(model) });
    writeFileSync(model, "no model");
    expect((await classify(captures, "-o", out)).code).toBe(1);
    writeFileSync(model, tinyModel({ classes: ["a", "b"], weights: firstBytesWeights(2) }));
    expect(await classify(captures, "-o", out, "--view", "l7")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("l3, as the model has it"),
    });
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(["captures", "model.onnx"]);
  });
});

describe("a disk that is full", () => {
  test("is one clear error", async () => {
    const out = join(folder, "v.csv");
    symlinkSync("/dev/full", out);
    const { code, stderr } = await classify(captures, "-o", out);
    expect(code).toBe(1);
    expect(stderr).toContain(`Cannot write ${out}: no space left on the device`);
  });

  test("leaves the older results file, and what was finished is not lost", async (context) => {
    const disk = join(folder, "disk");
    mkdirSync(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", disk], { stdio: "ignore" });
    } catch {
      context.skip("mounting needs root");
    }
    try {
      const out = join(disk, "v.jsonl");
      writeFileSync(out, "precious");
      const { code, stderr } = await classify(captures, "-o", out, "--jobs", "1");
      expect(code).toBe(1);
      expect(stderr).toContain("no space left on the device");
      expect(readFileSync(out, "utf8")).toBe("precious");
      expect(existsSync(`${out}.partial`)).toBe(false);
      expect(stderr).toMatch(/[1-8] of 8 captures are finished; the same command with --resume goes on/);
      execFileSync("mount", ["-o", "remount,size=4m", disk]);
      const resumed = await classify(captures, "-o", out, "--resume");
      expect(resumed).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/8 captures, [1-8] of them remembered/),
      });
      expect(readFileSync(out, "utf8").trimEnd().split("\n")).toHaveLength(sessionsOf(samples));
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});

describe("--resume", () => {
  test("after kills at any moment no row is lost and none comes twice", { timeout: 300_000 }, async () => {
    writeFileSync(model, slowModel());
    for (let copy = 1; copy < 4; copy++)
      for (const [i, { file }] of samples.entries())
        copyFileSync(join(SAMPLES, file), join(captures, `${i}-${copy}.pcap`));
    const [whole, killed] = [join(folder, "whole.csv"), join(folder, "killed.csv")];
    expect((await classify(captures, "-o", whole)).code).toBe(0);
    const journal = `${killed}.journal`;
    let remembered = 0;
    for (let kills = 1; kills <= 4; kills++) {
      const before = existsSync(journal) ? statSync(journal).size : 0;
      const ended = await runCli(
        ["classify", "--model", model, "--workers", "1", captures, "-o", killed, "--resume", "--jobs", "2"],
        {
          killWhen: () => existsSync(journal) && statSync(journal).size > before + 150_000,
        },
      );
      expect(existsSync(killed)).toBe(false);
      expect(ended.code).toBeNull();
    }
    const last = await classify(captures, "-o", killed, "--resume");
    expect(last.code).toBe(0);
    remembered = Number(/32 captures, (\d+) of them remembered/.exec(last.stderr)?.[1]);
    expect(remembered).toBeGreaterThan(0);
    expect(remembered).toBeLessThan(32);
    expect(readFileSync(killed, "utf8")).toBe(readFileSync(whole, "utf8"));
  });

  test("reads what is new or changed, and nothing else", async () => {
    const out = join(folder, "v.parquet");
    expect((await classify(captures, "-o", out, "--resume")).stderr).toContain("nothing to resume");
    copyFileSync(join(captures, "0.pcap"), join(captures, "9.pcap"));
    utimesSync(join(captures, "1.pcap"), 1, 1);
    const second = await classify(captures, "-o", out, "--resume");
    expect(second.stderr).toMatch(/9 captures, 7 of them remembered/);
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(out) });
    expect(rows).toHaveLength(sessionsOf([...samples, samples[0]!]));
    // Another form of the same rows, and other rows of the same captures.
    expect((await classify(captures, "-o", out, "--resume", "--threshold", "0.9")).stderr).toMatch(
      /9 of them remembered/,
    );
    writeFileSync(model, tinyModel({ classes: ["first", "second"], weights: firstBytesWeights(2, 0.2) }));
    expect((await classify(captures, "-o", out, "--resume")).stderr).toContain("nothing to resume");
  });

  test("is for files alone", async () => {
    expect(await classify(captures, "--resume")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--resume"),
    });
    expect(await classify(captures, "--merge", "-o", join(folder, "v.csv"), "--resume")).toMatchObject({
      code: 2,
    });
  });
});
