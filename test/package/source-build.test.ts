// The capture addon built from the sources in the tarball, by the one command that is for it.
import { execFile } from "node:child_process";
import { existsSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { REPOSITORY } from "../support/clean-project.ts";
import { SAMPLES, sampleManifest } from "../support/samples.ts";
import { tempFolder } from "../support/temp-folder.ts";

const run = promisify(execFile);

test("a package without a prebuilt addon builds one and uses it", { timeout: 1_800_000 }, async () => {
  const folder = tempFolder();
  await run("bash", [join(REPOSITORY, "scripts/pack.sh"), folder]);
  await run("tar", ["xzf", join(folder, "flowglyph-0.1.0.tgz"), "-C", folder]);
  symlinkSync(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
  const installed = join(folder, "package");
  rmSync(join(installed, "prebuilds"), { recursive: true });
  const cli = (...args: string[]) =>
    run(process.execPath, [join(installed, "dist/src/cli/main.js"), ...args]);

  const addon = join(installed, "build/Release/flowglyph_capture.node");
  expect((await cli("build", "capture")).stdout).toBe(`${addon}\n`);
  expect(existsSync(addon)).toBe(true);
  const { file, sessions } = sampleManifest.classes.scp!.files[0]!;
  const inspected = await cli("inspect", join(SAMPLES, file), "--json");
  expect(JSON.parse(inspected.stdout).sessions).toEqual(sessions);

  // What the compiler does not like is told, with the end of the log and what a build needs.
  writeFileSync(join(installed, "native/capture/addon.cpp"), "#error nothing to see here\n");
  await expect(cli("build", "capture")).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /nothing to see here[\s\S]*\n.*Cannot build the capture addon\..*build\.log.* It needs CMake/,
    ),
  });
});
