// From captures to verdicts through the command line, with a model made by hand: no libtorch needed.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERDICT_COLUMNS } from "../../src/results/index.ts";
import { runCli } from "../support/cli.ts";
import { clientEndpoint, exchange, pcapFile } from "../support/pcap-builder.ts";
import { SAMPLES, sampleManifest } from "../support/samples.ts";
import { firstBytesWeights, tinyModel } from "../support/tiny-onnx.ts";

const classes = Object.keys(sampleManifest.classes).sort();
const training = {
  labels: "all",
  labelled: 10,
  validation: 1,
  unlabelled: 0,
  test: 2,
  split: "random",
  seed: 1,
  scores: {},
};
let folder: string;
let model: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "flowglyph-cli-"));
  model = join(folder, "model.onnx");
  const weights = firstBytesWeights(classes.length);
  writeFileSync(model, tinyModel({ classes, weights, metadata: { view: "l3", mask: "identity", training } }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("encode", () => {
  test("writes a dataset that evaluate scores, with the classes of the folders", async () => {
    const out = join(folder, "dataset");
    const encoded = await runCli(["encode", SAMPLES, "-o", out, "--json"]);
    expect(encoded).toMatchObject({ code: 0 });
    const manifest = JSON.parse(encoded.stdout);
    expect(manifest).toMatchObject({
      classes,
      view: "l3",
      mask: "identity",
      unlabelled: 0,
      idleTimeout: 120,
    });
    expect(manifest.captures).toHaveLength(72);
    expect(manifest.images).toBeGreaterThan(60 * classes.length);

    const evaluated = await runCli(["evaluate", model, out, "--split", "all", "--json"]);
    expect(evaluated).toMatchObject({ code: 0 });
    const scores = JSON.parse(evaluated.stdout);
    expect(scores.images).toBe(manifest.images);
    expect(scores.classes).toEqual(classes);
    expect(scores.confusion.flat().reduce((a: number, b: number) => a + b)).toBe(manifest.images);
    const diagonal = classes.reduce((sum, _, i) => sum + scores.confusion[i][i], 0);
    expect(scores.accuracy).toBeCloseTo(diagonal / manifest.images, 12);
    expect(scores.perClass.map((entry: { class: string }) => entry.class)).toEqual(classes);
    expect(scores.macroF1).toBeGreaterThanOrEqual(0);
  });

  test("refuses a folder that holds something else", async () => {
    const { code, stderr } = await runCli(["encode", SAMPLES, "-o", SAMPLES]);
    expect(code).toBe(2);
    expect(stderr).toContain("README.md");
  });

  test("a model file alone does not know which rows were its test", async () => {
    const { code, stderr } = await runCli(["evaluate", model, join(folder, "dataset")]);
    expect(code).toBe(1);
    expect(stderr).toContain("--split all");
  });

  test("a dataset of another view is refused", async () => {
    const out = join(folder, "dataset-l7");
    expect((await runCli(["encode", SAMPLES, "-o", out, "--view", "l7"])).code).toBe(0);
    const { code, stderr } = await runCli(["evaluate", model, out, "--split", "all"]);
    expect(code).toBe(1);
    expect(stderr).toContain("view l3");
  });
});

describe("classify", () => {
  const capture = join(SAMPLES, sampleManifest.classes.scp!.files[0]!.file);
  const { packets, sessions } = sampleManifest.classes.scp!.files[0]!;

  test("gives a row a session, as CSV and as JSON Lines alike", async () => {
    const csv = await runCli(["classify", capture, "--model", model]);
    expect(csv.code).toBe(0);
    const rows = parse(csv.stdout, { columns: true, cast: false }) as Record<string, string>[];
    expect(Object.keys(rows[0]!)).toEqual([...VERDICT_COLUMNS]);
    expect(rows).toHaveLength(sessions.tcp + sessions.udp);
    const counted = rows.reduce(
      (sum, row) => sum + Number(row.initiator_packets) + Number(row.responder_packets),
      0,
    );
    expect(counted).toBe(packets);
    for (const row of rows) {
      expect(classes).toContain(row.class);
      expect(Number(row.probability)).toBeGreaterThanOrEqual(1 / classes.length - 1e-6);
      expect(row.start_time).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      expect(row.end_time! >= row.start_time!).toBe(true);
    }
    const json = await runCli(["classify", capture, "--model", model, "--json"]);
    const objects = json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(objects.map((row) => VERDICT_COLUMNS.map((column) => String(row[column])))).toEqual(
      rows.map((row) => VERDICT_COLUMNS.map((column) => row[column])),
    );
  });

  test("says unknown where the model cannot promise few enough errors, and the best class beside it", async () => {
    const plain = await runCli(["classify", capture, "--model", model, "--json"]);
    const probabilities = plain.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).probability as number)
      .sort((a, b) => a - b);
    const threshold = (probabilities[0]! + probabilities.at(-1)!) / 2;
    const promising = join(folder, "promising.onnx");
    const levels = [
      { threshold: 0, given: 400, wrong: 100 },
      { threshold, given: 200, wrong: 2 },
    ];
    const metadata = {
      view: "l3",
      mask: "identity",
      training,
      unknown: { rows: 400, source: "validation", levels },
    } as const;
    writeFileSync(promising, tinyModel({ classes, weights: firstBytesWeights(classes.length), metadata }));
    const asked = await runCli(["classify", capture, "--model", promising, "--unknown-error", "5%"]);
    expect(asked.code).toBe(0);
    expect(asked.stderr).toContain("2 of the 200 verdicts above it were wrong");
    const rows = parse(asked.stdout, { columns: true, cast: false }) as Record<string, string>[];
    for (const { class: given, best_class: best, probability } of rows) {
      expect(classes).toContain(best);
      expect(given).toBe(Number(probability) > threshold ? best : "unknown");
    }
    expect(new Set(rows.map((row) => row.class === "unknown")).size).toBe(2);
    expect(asked.stderr).toContain("unknown ");
    const byHand = await runCli([
      "classify",
      capture,
      "--model",
      model,
      "--unknown-below",
      String(threshold),
    ]);
    expect(byHand.stdout).toBe(asked.stdout);

    const tooMuch = await runCli(["classify", capture, "--model", promising, "--unknown-error", "1%"]);
    expect(tooMuch).toMatchObject({ code: 2, stdout: "" });
    expect(tooMuch.stderr).toMatch(/cannot promise that at most 1 % .* allow no less than 3.2 %/);
    const older = await runCli(["classify", capture, "--model", model, "--unknown-error", "5%"]);
    expect(older).toMatchObject({ code: 2, stdout: "" });
    expect(older.stderr).toContain("--unknown-below");
    const wrong = await runCli(["classify", capture, "--model", model, "--unknown-error", "5"]);
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
    expect(wrong.stderr).toContain("such as 5% or 0.05");
  });

  test("writes files, and reads standard input", async () => {
    const out = join(folder, "verdicts.jsonl");
    expect((await runCli(["classify", capture, "--model", model, "-o", out])).code).toBe(0);
    const fromFile = readFileSync(out, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const piped = await runCli(["classify", "-", "--model", model, "--json"], {
      input: readFileSync(capture),
    });
    const fromPipe = piped.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(fromPipe).toEqual(fromFile.map((row) => ({ ...row, capture: "-" })));
  });

  test("a session without a byte in the model's view has no class", async () => {
    const l7 = join(folder, "l7.onnx");
    const weights = firstBytesWeights(classes.length);
    writeFileSync(l7, tinyModel({ classes, weights, metadata: { view: "l7", mask: "identity" } }));
    const path = join(folder, "silent.pcap");
    const server = { address: "192.0.2.1", port: 443 };
    const talk = (client: number, payloadBytes: number) =>
      exchange(clientEndpoint(client), server, { payloadBytes });
    writeFileSync(path, pcapFile([...talk(1, 0), ...talk(2, 20)]));
    const { code, stdout, stderr } = await runCli(["classify", path, "--model", l7, "--json"]);
    expect(code).toBe(0);
    const [silent, talking] = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(silent).toMatchObject({ class: "", probability: 0 });
    expect(classes).toContain(talking.class);
    expect(stderr).toContain("nothing to classify (no payload) 1");
  });

  test("takes captures from a list, and refuses a list that is missing or empty", async () => {
    const list = join(folder, "captures.txt");
    writeFileSync(list, `${capture}\n\n`);
    const listed = await runCli(["classify", "--captures-from", list, "--model", model, "--json"]);
    expect(listed.code).toBe(0);
    expect(listed.stdout).toBe((await runCli(["classify", capture, "--model", model, "--json"])).stdout);
    writeFileSync(list, "\n");
    expect(await runCli(["classify", "--captures-from", list, "--model", model])).toMatchObject({
      code: 2,
      stdout: "",
    });
    const missing = await runCli(["classify", "--captures-from", join(folder, "none"), "--model", model]);
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Cannot read the list of captures"),
    });
    expect((await runCli(["classify", "--model", model])).code).toBe(2);
  });

  test("an output file of no known ending is refused before any work", async () => {
    const { code, stderr } = await runCli(["classify", capture, "--model", model, "-o", "verdicts.xls"]);
    expect(code).toBe(2);
    expect(stderr).toContain(".csv, .jsonl");
  });

  test("says what was skipped and what was left out, and gives the rest", async () => {
    const captures = join(folder, "captures");
    mkdirSync(captures);
    copyFileSync(capture, join(captures, "a.pcap"));
    writeFileSync(join(captures, "empty.pcap"), "");
    writeFileSync(
      join(captures, "odd.pcap"),
      pcapFile([{ timeNs: 0n, bytes: new Uint8Array(60).fill(255) }]),
    );
    const { code, stdout, stderr } = await runCli(["classify", captures, "--model", model]);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1 + sessions.tcp + sessions.udp);
    expect(stderr).toContain(`skipped 1 of ${packets + 1} packets: notIp 1\n`);
    expect(stderr).toMatch(/warning: .*empty\.pcap: left out: .*an empty file\n/);
    const encoded = await runCli(["encode", captures, "-o", join(folder, "rest")]);
    expect(encoded.code).toBe(0);
    expect(encoded.stderr).toContain("packets: notIp 1\n");
    expect(encoded.stderr).toMatch(/warning: .*empty\.pcap: left out/);
  });

  test("keeps the rows that were written before an input failed, and says so", async () => {
    const out = join(folder, "kept.csv");
    const { code, stderr } = await runCli(["classify", capture, "-", "--model", model, "-o", out], {
      input: Buffer.from("this is no capture, it is text"),
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`before the end: ${sessions.tcp + sessions.udp} sessions`);
    expect(stderr).toContain("expected a pcap");
    expect(readFileSync(out, "utf8").trimEnd().split("\n")).toHaveLength(1 + sessions.tcp + sessions.udp);
  });

  test("a view that contradicts the model is refused", async () => {
    const { code, stderr } = await runCli(["classify", capture, "--model", model, "--view", "l7"]);
    expect(code).toBe(2);
    expect(stderr).toContain("l3");
  });

  test("what a verdict file says can be corrected and used as labels", async () => {
    const csv = join(folder, "labels.csv");
    expect((await runCli(["classify", capture, "--model", model, "-o", csv])).code).toBe(0);
    const out = join(folder, "relabelled");
    const encoded = await runCli(["encode", capture, "-o", out, "--labels", csv, "--json"]);
    expect(encoded).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(encoded.stdout)).toMatchObject({ images: sessions.tcp, unlabelled: 0 });
  });
});
