// Where images come from, and where cells are kept.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { writeIdxFolder } from "../../src/dataset/idx.ts";
import { checkSets, loadSet } from "../../src/reproduce/image-sets.ts";
import { lockFolder, readCells, saveCell } from "../../src/reproduce/store.ts";
import { fixture, repeated } from "../dataset/fixtures.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { finishedCell, table3Grid } from "./results.ts";

const CLASSES = Array.from({ length: 20 }, (_, i) => String(i));

/** As the published sets are: numbers for classes, no manifest. */
async function publish(folder: string, testShare: number): Promise<void> {
  const labels = repeated(...CLASSES.map((_, c): [number, number] => [c, 10]));
  const testRows = labels.map((_, row) => row).filter((row) => row % 10 < 10 * testShare);
  mkdirSync(folder, { recursive: true });
  await writeIdxFolder(fixture({ labels, classes: CLASSES, testRows }), folder);
  for (const name of ["manifest.json", "classes.json"]) rmSync(join(folder, name));
}

describe("image sets", () => {
  it("that are missing are named by the paths that are expected", async () => {
    const data = tempFolder();
    await publish(join(data, "iscx12/SessionL7"), 0.5);
    const missing = checkSets(data, ["iscx12/SessionL7", "ustc20/SessionL7", "iscx12/SessionAllLayers"]);
    await expect(missing).rejects.toThrow(
      expect.objectContaining({
        code: "ERR_IO",
        message: expect.stringContaining(
          `in ${join(data, "ustc20/SessionL7")}, ${join(data, "iscx12/SessionAllLayers")} but found none`,
        ),
      }) as Error,
    );
    await expect(checkSets(join(data, "no"), ["iscx12/SessionL7"])).rejects.toThrow(/there is no .*no$/);
    await expect(checkSets(data, ["iscx12/SessionL7"])).resolves.toBeUndefined();
  });

  it("have the view, mask and class names of the published images", async () => {
    const data = tempFolder();
    await publish(join(data, "ustc20/SessionL7"), 0.2);
    const { dataset, notes } = await loadSet(data, "ustc20/SessionL7");
    expect(dataset.manifest).toMatchObject({ view: "l7", mask: "none", order: "capture" });
    expect([dataset.classes[0], dataset.classes[19]]).toEqual(["BitTorrent", "Zeus"]);
    expect([dataset.count, dataset.testRows!.length]).toEqual([200, 40]);
    expect(notes).toEqual([]);
  });

  it("with a test part alone are split at random, and say so", async () => {
    const data = tempFolder();
    await publish(join(data, "ustc20/SessionL7"), 1);
    expect(readdirSync(join(data, "ustc20/SessionL7")).some((name) => name.startsWith("train"))).toBe(false);
    const { dataset, notes } = await loadSet(data, "ustc20/SessionL7");
    expect([dataset.count, dataset.testRows]).toEqual([200, undefined]);
    expect(notes).toEqual(["only the t10k part is there: split at random"]);
  });

  it("can be cut down, each class alike and the same every time", async () => {
    const data = tempFolder();
    await publish(join(data, "ustc20/SessionL7"), 0.5);
    const load = () => loadSet(data, "ustc20/SessionL7", { train: 3, test: 2 });
    const { dataset } = await load();
    expect([dataset.count, dataset.testRows!.length]).toEqual([100, 40]);
    for (const [c] of CLASSES.entries())
      expect([...dataset.labels].filter((label) => label === c)).toHaveLength(5);
    expect((await load()).dataset.images).toEqual(dataset.images);
  });
});

describe("the output folder", () => {
  it.skipIf(process.platform !== "linux")(
    "opens where the process was killed and nobody fetched it",
    async () => {
      // The shell's child ends, and the program that takes the shell's place never asks after it.
      const parent = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 20"]);
      onTestFinished(() => void parent.kill());
      const [text] = (await once(parent.stdout, "data")) as [Buffer];
      const zombie = text.toString().trim();
      await expect.poll(() => readFileSync(`/proc/${zombie}/stat`, "utf8")).toContain(") Z ");
      const out = tempFolder();
      writeFileSync(join(out, "lock"), `${zombie} ${hostname()}`);
      await (await lockFolder(out))();
    },
  );

  const cell = table3Grid(1).cells[0]!;

  it("gives back the cells that were saved", async () => {
    const out = tempFolder();
    expect(await readCells(join(out, "none"))).toEqual(new Map());
    await saveCell(out, finishedCell(cell, 0.5));
    expect(await readCells(out)).toEqual(new Map([[cell.key, finishedCell(cell, 0.5)]]));
    expect(readdirSync(join(out, "cells"))).toEqual([`${cell.key}.json`]);
  });

  it("refuses files that are no cells", async () => {
    const out = tempFolder();
    mkdirSync(join(out, "cells"));
    writeFileSync(join(out, "cells", "x.json"), '{"formatVersion":1,"key":"y"}');
    await expect(readCells(out)).rejects.toThrow(/x\.json: it is no result of a cell/);
    writeFileSync(join(out, "cells", "x.json"), "{");
    await expect(readCells(out)).rejects.toThrow(expect.objectContaining({ code: "ERR_IO" }) as Error);
  });

  it("is one process's at a time; a lock whose process is gone is taken over", async () => {
    const out = tempFolder();
    const unlock = await lockFolder(out);
    await expect(lockFolder(out)).rejects.toThrow(
      new RegExp(`Process ${process.pid} on ${hostname()} is writing`),
    );
    await unlock();
    // No process has this number: it is above the kernel's largest.
    writeFileSync(join(out, "lock"), `4194999 ${hostname()}`);
    await (await lockFolder(out))();
    writeFileSync(join(out, "lock"), "1 another-machine");
    await expect(lockFolder(out)).rejects.toThrow(/on another-machine/);
  });
});
