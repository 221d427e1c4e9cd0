// Everything, small, as a user runs it: on our own sample captures laid out like the published sets.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { torchAvailable } from "../../bindings/torch/index.ts";
import type { CellResult, Summary } from "../../src/reproduce/index.ts";
import { CONTENDERS, TARGETS } from "../../src/reproduce/index.ts";
import { runCli } from "../support/cli.ts";

let folder: string;
let data: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "flowglyph-reproduce-"));
  data = join(folder, "data");
  const script = fileURLToPath(new URL("../../scripts/stand-in-data.sh", import.meta.url));
  await promisify(execFile)("bash", [script, data]);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const reproduce = (out: string, args: readonly string[], options: Parameters<typeof runCli>[1] = {}) =>
  runCli(["reproduce", ...args, "--data", data, "-o", out, "--quick", "--threads", "1"], options);
const summaryOf = (out: string) => JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as Summary;

/** What does not depend on when and how fast it ran. */
function timeless(out: string): string {
  const { tables, cellsDone } = summaryOf(out);
  return JSON.stringify({ cellsDone, tables }, (key, value) => (key === "seconds" ? 0 : value));
}

describe.skipIf(!torchAvailable())("reproduce --quick (needs libtorch)", () => {
  test("runs every table and every model, and reports them", { timeout: 400_000 }, async () => {
    const out = join(folder, "all");
    const { code, stdout, stderr } = await reproduce(out, ["all"]);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });

    const summary = summaryOf(out);
    expect(summary.quick).toBe(true);
    expect(summary.cellsDone).toBe(summary.cellsAsked);
    expect(summary.tables.map(({ name }) => name)).toEqual(TARGETS.filter((name) => name !== "all"));
    const rows = summary.tables.flatMap((table) => table.rows);
    expect(new Set(rows.map(({ contender }) => contender))).toEqual(
      new Set(CONTENDERS.map(({ name }) => name)),
    );
    for (const { scores, view, mask, split, seeds, failures } of rows) {
      expect({ mask, split, seeds, failures }).toEqual({
        mask: "none",
        split: "random",
        seeds: [1],
        failures: [],
      });
      expect(["pcap", "l7"]).toContain(view);
      for (const { mean } of Object.values(scores!)) {
        expect(mean).toBeGreaterThanOrEqual(0);
        expect(mean).toBeLessThanOrEqual(1);
      }
    }
    // 12 classes of nearly the same size: what answers one class alone is right for a twelfth.
    for (const row of rows.filter(({ contender }) => contender === "majority")) {
      expect(row.scores!.accuracy.mean).toBeCloseTo(1 / 12, 1);
    }

    const report = readFileSync(join(out, "report.md"), "utf8");
    const pictures = [...report.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, file]) => file!);
    expect(pictures.length).toBeGreaterThan(5);
    for (const file of pictures) expect(readFileSync(join(out, file), "utf8")).toMatch(/^<svg /);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.slice(out.length + 1))
        .sort(),
    ).toEqual([...pictures, "report.md", "results.csv", "results.json"].sort());
    // Tables 1 and 4 have the whole training part as their pool: one pre-training serves both.
    const networks = summary.cells.filter(({ key }) => /_clgan_s1_/.test(key) && key.startsWith("iscx12"));
    const pretrained = networks
      .map(({ key }) => JSON.parse(readFileSync(join(out, "cells", `${key}.json`), "utf8")) as CellResult)
      .filter(({ unlabelled }) => unlabelled > 100);
    expect(pretrained).toHaveLength(2);
    expect(new Set(pretrained.map(({ config }) => config.pretrained)).size).toBe(1);
    expect(pretrained[0]!.sharedSeconds).toBe(pretrained[1]!.sharedSeconds);
    expect(pretrained.map(({ curves }) => curves.map(({ phase }) => phase))).toEqual([
      ["adversarial", "supervised"],
      ["adversarial", "supervised"],
    ]);
    expect(existsSync(join(out, "pretrainings"))).toBe(false);
    // Checkpoints and models of finished cells are gone.
    expect(existsSync(join(out, "runs")) ? readdirSync(join(out, "runs")) : []).toEqual([]);
    expect(readdirSync(join(out, "cells"))).toHaveLength(summary.cellsDone);
    expect(existsSync(join(out, "lock"))).toBe(false);
  });

  test("killed, then interrupted, then resumed gives the same report", { timeout: 400_000 }, async () => {
    const only = ["table1", "--only", "majority,clgan,clgan-scratch"];
    const whole = join(folder, "whole");
    expect((await reproduce(whole, only)).code).toBe(0);

    const cut = join(folder, "cut");
    const killed = await reproduce(cut, only, { killAfter: /^1\/3 /m });
    expect(killed.code).toBeNull();
    expect(existsSync(join(cut, "results.json"))).toBe(false);
    const refused = await reproduce(cut, only);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("add --resume to go on there"),
    });

    const interrupted = await reproduce(cut, [...only, "--resume"], { interruptAfter: /^2\/3 /m });
    expect(interrupted.code).toBe(130);
    const goOn = /go on with `flowglyph ([^`]+)`/.exec(interrupted.stderr)?.[1];
    expect(goOn).toContain(`--data ${data} -o ${cut}`);
    expect(goOn).toMatch(/^reproduce table1 .*--only majority,clgan,clgan-scratch .*--quick --resume$/);
    expect(summaryOf(cut).cellsDone).toBe(2);
    expect(readFileSync(join(cut, "report.md"), "utf8")).toContain("2 of 3 cells were run");
    // It was in the pre-training that CLGAN's cells of tables 1 and 4 share.
    expect(readdirSync(join(cut, "pretrainings"))).toHaveLength(1);

    const resumed = await runCli(goOn!.split(" "));
    expect(resumed.code).toBe(0);
    expect(timeless(cut)).toBe(timeless(whole));
  });

  test("stops after the time that it is given, and lists what there is to do", {
    timeout: 120_000,
  }, async () => {
    const out = join(folder, "hours");
    const args = ["table3", "table5", "--only", "majority,clgan-scratch"];
    const none = await reproduce(out, [...args, "--max-hours", "0"]);
    expect(none).toMatchObject({ code: 0, stderr: expect.stringContaining("0 of 4 cells are done") });
    expect(none.stderr).toContain("--resume");
    const all = await reproduce(out, [...args, "--resume", "--json"]);
    expect(JSON.parse(all.stdout)).toMatchObject({ cellsDone: 4, cellsAsked: 4 });
    const list = JSON.parse((await reproduce(out, [...args, "--list", "--json"])).stdout) as {
      state: string;
    }[];
    expect(list.map(({ state }) => state)).toEqual(["done", "done", "done", "done"]);
    const text = (await reproduce(out, ["all", "--list"])).stdout;
    expect(text).toMatch(/^done .*majority_s1_/m);
    expect(text).toMatch(/^to do +~\d+ s +\S+_s1_\S+ {2}table2/m);
    // Cells of other images would stand under the same keys.
    const other = await runCli(["reproduce", "table3", "--data", data, "-o", out, "--list"]);
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("computed on others (or with --quick)"),
    });
  });
});

test("a set that is missing, and wrong usage, are told before anything runs", async () => {
  const out = join(folder, "nothing");
  const missing = await runCli(["reproduce", "table1", "--data", join(folder, "no"), "-o", out]);
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain(join(folder, "no", "iscx12/SessionAllLayers"));
  expect(existsSync(out)).toBe(false);
  for (const args of [
    ["table9"],
    ["table1", "--only", "nobody"],
    ["table1", "--seeds", "0"],
    ["table1", "--max-hours", "x"],
  ]) {
    expect((await reproduce(out, args)).code, args.join(" ")).toBe(2);
  }
  const help = await runCli(["reproduce", "--help"]);
  expect(help.stdout).toContain("--max-hours 8");
});
