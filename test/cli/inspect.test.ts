import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";
import { SAMPLES, sampleManifest } from "../support/samples.ts";
import { tempFile } from "../support/temp-folder.ts";

const files = Object.values(sampleManifest.classes).flatMap((entry) => entry.files);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("inspect", () => {
  test("counts the sample captures as the independent counter does, file by file and in total", async () => {
    const { code, stdout } = await runCli([
      "inspect",
      SAMPLES,
      "--idle-timeout",
      "0",
      "--active-timeout",
      "0",
      "--json",
    ]);
    expect(code).toBe(0);
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({
      packets: sum(files.map((file) => file.packets)),
      sessions: {
        tcp: sum(files.map((file) => file.sessions.tcp)),
        udp: sum(files.map((file) => file.sessions.udp)),
      },
      linktypes: [1],
      skipped: {},
      truncated: false,
    });
    for (const { file, packets, sessions } of files) {
      expect(summary.files.find((entry: { file: string }) => entry.file.endsWith(file))).toMatchObject({
        packets,
        sessions,
      });
    }
  });

  test("reads standard input", async () => {
    const { file, packets, sessions } = files[0]!;
    const input = readFileSync(`${SAMPLES}/${file}`);
    const { code, stdout } = await runCli(["inspect", "-", "--json"], { input });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ packets, sessions });
  });

  test("tells of a truncated capture with the byte offset, and still counts what is whole", async () => {
    const whole = readFileSync(`${SAMPLES}/${files[0]!.file}`);
    const path = tempFile("cut.pcap", whole.subarray(0, whole.length - 5));
    const { code, stdout, stderr } = await runCli(["inspect", path, "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ truncated: true, packets: files[0]!.packets - 1 });
    expect(stderr).toMatch(/cut\.pcap.*truncated.*\d+/);
  });

  test("prints a table for people", async () => {
    const { stdout } = await runCli(["inspect", SAMPLES]);
    expect(stdout).toMatch(/^packets +26,766$/m);
    expect(stdout).toMatch(/^link types {2}1 \(Ethernet\)$/m);
  });
});

describe("wrong usage", () => {
  test.each([
    [["inspect"], 2, "missing required argument 'capture'"],
    [["inspect", "x", "--idle-timeout", "-1"], 2, "Expected seconds, 0 or more"],
    [["inspect", "x", "--bogus"], 2, "unknown option '--bogus'"],
    [["bogus"], 2, "unknown command 'bogus'"],
    [["encode", "x", "-o", "y", "--view", "l4"], 2, "pcap, l3, l7"],
    [["train", "x", "-o", "y", "--labels", "ten"], 2, "a percentage such as"],
    [["train", "x"], 2, "-o, --output"],
    [["inspect", "does-not-exist.pcap"], 1, "Cannot read does-not-exist.pcap"],
    [["inspect", "package.json"], 1, "package.json: expected a pcap"],
    [["evaluate", "does-not-exist.onnx", SAMPLES], 1, "does-not-exist.onnx: no such file"],
    [["evaluate", "package.json", SAMPLES], 1, "expected a dataset"],
    [["evaluate", "package.json", SAMPLES, "--curves", "none/c.json"], 1, "the folder none does not exist"],
    [["classify", SAMPLES, "--model", "does-not-exist.onnx"], 1, "no such file"],
    [["classify", SAMPLES, "--model", "src"], 1, "Expected a run folder with model.onnx but src has none"],
    [["classify", SAMPLES, "--model", "x", "-o", "none/v.csv"], 1, "the folder none does not exist"],
    [["classify", SAMPLES, "--model", "package.json"], 1, "package.json"],
  ])("%j exits with %i and says why in one message", async (args, status, message) => {
    const { code, stdout, stderr } = await runCli(args as string[]);
    expect(code).toBe(status);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at "); // no stack
  });

  test.each([["--help"], ["help"], ["train", "--help"], ["--version"]])(
    "%j exits with 0",
    async (...args) => {
      const { code, stdout } = await runCli(args.flat());
      expect(code).toBe(0);
      expect(stdout).not.toBe("");
    },
  );

  test.each(["inspect", "encode", "train", "evaluate", "classify", "models"])(
    "%s --help has examples",
    async (verb) => {
      expect((await runCli([verb, "--help"])).stdout).toMatch(
        new RegExp(`Examples:\\n +\\$ flowglyph ${verb}`),
      );
    },
  );
});

test("file names cannot move the cursor or break a message into lines", async () => {
  const { stderr } = await runCli(["inspect", tempFile("a\u001b[31m\n.pcap", "no capture at all, really")]);
  expect(stderr).toContain("a\\x1b[31m\\n.pcap: expected a pcap");
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

test.skipIf(!existsSync("/dev/full"))("a full disk behind standard output is told of", () => {
  const main = new URL("../../dist/src/cli/main.js", import.meta.url).pathname;
  const command = `"${process.execPath}" "${main}" inspect "${SAMPLES}" 2>&1 > /dev/full; echo "exit $?"`;
  expect(execFileSync("bash", ["-c", command], { encoding: "utf8" })).toBe(
    "flowglyph: Cannot write standard output: no space left on the device\nexit 1\n",
  );
});

test("a reader that closes early is no failure", () => {
  const main = new URL("../../dist/src/cli/main.js", import.meta.url).pathname;
  const command = `set -o pipefail; "${process.execPath}" "${main}" inspect "${SAMPLES}" --json | head -c 10`;
  expect(execFileSync("bash", ["-c", command], { encoding: "utf8" })).toHaveLength(10);
});
