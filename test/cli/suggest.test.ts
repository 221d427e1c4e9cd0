// Suggest -> fill in -> train, through the command line, on captures with 5-tuples and on IDX files by row number.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import { describe, expect, test } from "vitest";
import { countClasses, manifestOf } from "../../src/dataset/dataset.ts";
import { writeIdxFolder } from "../../src/dataset/index.ts";
import { runCli } from "../support/cli.ts";
import { SAMPLES } from "../support/samples.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { tinyDataset } from "../training/tiny-dataset.ts";

type Row = Record<string, string>;
const read = (path: string) => parse(readFileSync(path, "utf8"), { columns: true }) as Row[];

/** Does what a person does: writes classes into the file. */
function fill(path: string, classOf: (row: Row) => string): Row[] {
  const rows = read(path).map((row) => ({ ...row, class: classOf(row) }));
  writeFileSync(path, stringify(rows, { header: true }));
  return rows;
}

describe("suggest, fill in, train", () => {
  test("on captures: by session, twice, and the file also labels the captures themselves", async () => {
    const folder = tempFolder();
    const [dataset, first, second] = ["dataset", "first.csv", "second.csv"].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    const files = ["scp", "wireguard", "ssh-interactive"].flatMap((name) =>
      [1, 2, 3].map((i) => join(SAMPLES, name, `${name}-0${i}.pcap`)),
    );
    expect(await runCli(["encode", ...files, "-o", dataset])).toMatchObject({ code: 0 });
    const asked = await runCli(["suggest", dataset, "-n", "15", "-o", first]);
    expect(asked).toMatchObject({ code: 0, stdout: "" });
    expect(asked.stderr).toContain("by typical; written to");
    const unfilled = await runCli(["train", dataset, "-o", join(folder, "run0"), "--label-file", first]);
    expect(unfilled.stderr).toMatch(/first.csv:2: expected a class/);

    const classOf = (row: Row) => row.capture!.replace(/-0\d.pcap$/, "");
    const labelled = fill(first, classOf);
    expect(new Set(labelled.map((row) => row.class)).size).toBe(3);
    const train = (run: string, ...labels: string[]) =>
      runCli(["train", dataset, "-o", run, "--model", "trees", "--no-baselines", "--json", ...labels]);
    const run1 = join(folder, "run1");
    const trained = await train(run1, "--label-file", first);
    expect(trained).toMatchObject({ code: 0 });
    const { labelled: learned, validation, test: tested } = JSON.parse(trained.stdout);
    expect(learned + validation + tested).toBe(15);

    const again = await runCli(["suggest", run1, dataset, "-n", "10", "-o", second]);
    expect(again.stderr).toContain("by badge");
    const more = fill(second, classOf);
    expect(more).toHaveLength(10);
    const known = new Set(labelled.map((row) => row.row));
    expect(more.filter((row) => known.has(row.row))).toEqual([]);
    const both = await train(join(folder, "run2"), "--label-file", first, "--label-file", second);
    const second2 = JSON.parse(both.stdout);
    expect(second2.labelled + second2.validation + second2.test).toBe(25);

    const evaluated = await runCli([
      "evaluate",
      run1,
      dataset,
      "--label-file",
      first,
      "--no-baselines",
      "--json",
    ]);
    expect(JSON.parse(evaluated.stdout).images).toBe(tested);
    const other = join(folder, "dataset2");
    const encoded = await runCli(["encode", ...files, "-o", other, "--labels", first, "--json"]);
    const { images, unlabelled } = JSON.parse(encoded.stdout);
    expect(images - unlabelled).toBeGreaterThanOrEqual(15);
  });

  test("on IDX files: by row number, and not for another dataset", async () => {
    const folder = tempFolder();
    const whole = tinyDataset();
    const labels = new Int32Array(whole.count).fill(-1);
    const bare = {
      ...whole,
      labels,
      manifest: { ...whole.manifest, ...countClasses(labels, whole.classes) },
    };
    const idx = join(folder, "idx");
    await writeIdxFolder({ ...bare, manifest: manifestOf(bare) }, idx);
    const file = join(folder, "next.csv");
    expect(await runCli(["suggest", idx, "-n", "18", "-o", file])).toMatchObject({ code: 0 });
    fill(file, (row) => whole.classes[whole.labels[Number(row.row)]!]!);
    const run = join(folder, "run");
    const trained = await runCli([
      "train",
      idx,
      "-o",
      run,
      "--model",
      "trees",
      "--label-file",
      file,
      "--no-baselines",
      "--json",
    ]);
    expect(trained).toMatchObject({ code: 0 });
    expect(JSON.parse(trained.stdout)).toMatchObject({ unlabelled: 72 });
    const json = await runCli(["suggest", run, idx, "-n", "5", "--json"]);
    const rows = json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows).toHaveLength(5);
    expect(rows.every(({ best_class: best }) => whole.classes.includes(best))).toBe(true);
    const known = new Set(read(file).map((row) => Number(row.row)));
    expect(rows.filter(({ row }) => known.has(row))).toEqual([]);

    const otherWhole = tinyDataset(90, 5);
    const other = join(folder, "other");
    await writeIdxFolder({ ...otherWhole, manifest: manifestOf(otherWhole) }, other);
    const refused = await runCli(["train", other, "-o", join(folder, "no"), "--label-file", file]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/next.csv:2: .* another image/);
  });
});

test("wrong usage is told", async () => {
  const none = await runCli(["suggest", join(tempFolder(), "none"), "-n", "5"]);
  expect(none).toMatchObject({ code: 1, stdout: "" });
  const txt = await runCli(["suggest", "x", "-o", "next.txt"]);
  expect(txt).toMatchObject({ code: 2 });
  expect(txt.stderr).toContain(".csv");
});
