// The README's library example, as printed, in a plain Node project that installed the packed tarball.
import { execFile } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { SAMPLES, sampleManifest } from "../support/samples.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { firstBytesWeights, tinyModel } from "../support/tiny-onnx.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** The one JavaScript block of the README. */
function readmeExample(): string {
  const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/^```js\n(.*?)^```$/gms)];
  expect(blocks).toHaveLength(1);
  return blocks[0]![1]!;
}

test("the README's example runs from the packed tarball", { timeout: 300_000 }, async () => {
  const project = tempFolder();
  await run("bash", [join(root, "scripts/pack.sh"), project]);
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "plain", version: "1.0.0", private: true }),
  );
  await run(
    "npm",
    ["install", "./flowglyph-0.1.0.tgz", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
    { cwd: project },
  );

  const { file, sessions } = sampleManifest.classes.scp!.files[0]!;
  const classes = ["first", "second"];
  copyFileSync(join(SAMPLES, file), join(project, "capture.pcap"));
  writeFileSync(join(project, "model.onnx"), tinyModel({ classes, weights: firstBytesWeights(2) }));
  writeFileSync(join(project, "example.mjs"), readmeExample());
  const { stdout } = await run(process.execPath, ["example.mjs"], { cwd: project });
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(sessions.tcp + sessions.udp);
  for (const line of lines) expect(line).toMatch(/^\S+:\d+ (first|second) [01]\.\d{3}$/);

  const cli = await run("npx", ["--no-install", "flowglyph", "inspect", "capture.pcap", "--json"], {
    cwd: project,
  });
  expect(JSON.parse(cli.stdout).sessions).toEqual(sessions);
});
