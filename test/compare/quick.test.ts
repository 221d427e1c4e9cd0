// The command, small, as a user runs it: on our own sample captures.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { torchAvailable } from "../../bindings/torch/index.ts";
import type { Comparison } from "../../src/compare/index.ts";
import { runCli } from "../support/cli.ts";

let out: string;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), "flowglyph-compare-"));
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

const WHAT = ["--models", "majority,trees,cnn-lstm", "--masks", "none,identity", "--labels", "30"];
const compare = (args: readonly string[], options: Parameters<typeof runCli>[1] = {}) =>
  runCli(
    [
      "compare",
      "-o",
      out,
      "--sets",
      "samples",
      "--quick",
      "--threads",
      "1",
      "--seeds",
      "1",
      ...WHAT,
      ...args,
    ],
    options,
  );
const summary = () => JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as Comparison;

describe("compare --quick", () => {
  test("lists what there is to run, and runs nothing", { timeout: 400_000 }, async () => {
    const { code, stdout } = await compare(["--list"]);
    expect(code).toBe(0);
    // 2 masks, 2 splits, 1 label count, 3 models, 1 seed
    expect(stdout).toContain("0 of 12 cells are done");
    expect(stdout.split("\n").filter((line) => line.startsWith("to do"))).toHaveLength(12);
  });

  test("runs models that need no libtorch, and reports them with the others to come", {
    timeout: 400_000,
  }, async () => {
    const { code, stderr, stdout } = await compare(["--only", "majority,trees"]);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    expect(summary()).toMatchObject({ quick: true, cellsAsked: 12, cellsDone: 8 });
    for (const { view, mask, split, models } of summary().settings) {
      expect(view).toBe("l3");
      expect(["none", "identity"]).toContain(mask);
      expect(["random", "group"]).toContain(split);
      expect(models.map(({ contender, seeds }) => [contender, seeds.length])).toEqual([
        ["majority", 1],
        ["trees", 1],
        ["cnn-lstm", 0],
      ]);
    }
    expect(stdout).toContain("report.md");
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("flowglyph compare --data DATA -o OUT --sets samples --masks none,identity");
    for (const [, file] of report.matchAll(/!\[[^\]]*\]\(([^)]*)\)/g))
      expect(readFileSync(join(out, file!), "utf8")).toMatch(/^<svg /);
    expect(readdirSync(join(out, "charts")).length).toBeGreaterThanOrEqual(4);
    expect(readdirSync(join(out, "cells"))).toHaveLength(8);
  });

  test.skipIf(!torchAvailable())(
    "goes on with --resume, and refuses without",
    { timeout: 400_000 },
    async () => {
      const refused = await compare([]);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain("add --resume");
      const stopped = await compare(["--resume"], { interruptAfter: /cnn-lstm_s1_\w+: accuracy/ });
      expect([0, 130]).toContain(stopped.code);
      if (stopped.code === 130) expect(stopped.stderr).toContain("--resume`");
      const { code } = await compare(["--resume"]);
      expect(code).toBe(0);
      expect(summary()).toMatchObject({ cellsAsked: 12, cellsDone: 12 });
    },
  );

  test("says what is wrong with a request", { timeout: 400_000 }, async () => {
    const wrong = (args: readonly string[]) => runCli(["compare", "-o", join(out, "x"), ...args]);
    const missing = await wrong(["--sets", "ustc20/SessionL7"]);
    expect(missing).toMatchObject({ code: 2 });
    expect(missing.stderr).toContain("Expected data to be the folder that holds ustc20/SessionL7");
    expect((await wrong(["--models", "oracle"])).stderr).toContain("Expected names among");
    expect((await wrong(["--labels", "20,many"])).stderr).toContain("whole number");
    expect((await wrong(["--sets", join(out, "nowhere")])).code).toBe(1);
  });
});
