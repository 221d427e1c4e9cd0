// The packed tarball in a plain Node project: no compiler on the PATH, no install scripts.
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "csv-parse/sync";
import { beforeAll, describe, expect, test } from "vitest";
import { type CleanProject, cleanProject, REPOSITORY } from "../support/clean-project.ts";
import { SAMPLES, sampleManifest } from "../support/samples.ts";
import { firstBytesWeights, tinyModel } from "../support/tiny-onnx.ts";

const run = promisify(execFile);
const { file, sessions } = sampleManifest.classes.scp!.files[0]!;
let project: CleanProject;

beforeAll(async () => {
  project = await cleanProject();
  copyFileSync(join(SAMPLES, file), join(project.folder, "capture.pcap"));
  writeFileSync(
    join(project.folder, "model.onnx"),
    tinyModel({ classes: ["first", "second"], weights: firstBytesWeights(2) }),
  );
}, 900_000);

/** The one JavaScript block of the README. */
function readmeExample(): string {
  const blocks = [...readFileSync(join(REPOSITORY, "README.md"), "utf8").matchAll(/^```js\n(.*?)^```$/gms)];
  expect(blocks).toHaveLength(1);
  return blocks[0]![1]!;
}

describe("the packed tarball", () => {
  test("holds what runs, the native sources, and nothing else", async () => {
    const { stdout } = await run("tar", ["tzf", project.tarball]);
    const files = stdout.trimEnd().split("\n");
    const allowed = [
      /^package\/(package\.json|README\.md|LICENSE|CMakeLists\.txt)$/,
      /^package\/dist\/(src|bindings)\/.*\.(js|d\.ts)$/,
      /^package\/commonjs\/\w+\.(cjs|d\.cts)$/,
      /^package\/native\/.*(\.(cpp|hpp|h|cmake)|CMakeLists\.txt)$/,
      /^package\/prebuilds\/[a-z0-9]+-[a-z0-9]+\/(flowglyph_capture\.node|libhwy\.so\.\d+)$/,
    ];
    expect(files.filter((path) => !allowed.some((pattern) => pattern.test(path)))).toEqual([]);
    for (const needed of [
      "dist/src/cli/main.js",
      "dist/src/index.d.ts",
      `prebuilds/${process.platform}-${process.arch}/flowglyph_capture.node`,
      "native/core/CMakeLists.txt",
      "LICENSE",
    ]) {
      expect(files).toContain(`package/${needed}`);
    }
  });

  test("has no install script, of its own or of what the installation would have to run", async () => {
    const { scripts } = JSON.parse(readFileSync(join(project.package, "package.json"), "utf8"));
    expect(Object.keys(scripts).filter((name) => /install|prepare/.test(name))).toEqual([]);
  });

  test("every file that package.json names is there", async () => {
    const manifest = JSON.parse(readFileSync(join(project.package, "package.json"), "utf8"));
    const named: string[] = [];
    const collect = (value: unknown): void => {
      if (typeof value === "string") named.push(value);
      else for (const item of Object.values(value as object)) collect(item);
    };
    for (const field of ["main", "types", "bin", "exports", "sideEffects"]) collect(manifest[field]);
    expect(named.length).toBeGreaterThan(12);
    const { stdout } = await run("tar", ["tzf", project.tarball]);
    const files = stdout.split("\n");
    for (const path of named) expect(files).toContain(join("package", path));
  });
});

describe("in a project that installed it", () => {
  test("the README's example runs as printed", async () => {
    writeFileSync(join(project.folder, "example.mjs"), readmeExample());
    const { stdout } = await project.run("node", ["example.mjs"]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(sessions.tcp + sessions.udp);
    for (const line of lines) expect(line).toMatch(/^\S+:\d+ (first|second) [01]\.\d{3}$/);
  });

  test("the command line inspects and classifies a capture", async () => {
    const cli = (...args: string[]) => project.run("npx", ["--no-install", "flowglyph", ...args]);
    const inspected = await cli("inspect", "capture.pcap", "--json");
    expect(JSON.parse(inspected.stdout).sessions).toEqual(sessions);
    const classified = await cli("classify", "capture.pcap", "--model", "model.onnx");
    const rows = parse(classified.stdout, { columns: true }) as { class: string }[];
    expect(rows).toHaveLength(sessions.tcp + sessions.udp);
    for (const row of rows) expect(row.class).toMatch(/^(first|second)$/);
  });

  test("CommonJS requires it: the same copy as the ES module, without a warning", async () => {
    writeFileSync(
      join(project.folder, "common.cjs"),
      `const flowglyph = require("flowglyph");
       const training = require("flowglyph/training");
       const reproduce = require("flowglyph/reproduce");
       async function main() {
         const module = await import("flowglyph");
         const { sessions } = await flowglyph.inspect("capture.pcap");
         console.log(JSON.stringify({
           sessions,
           same: module.FlowglyphError === flowglyph.FlowglyphError,
           train: typeof training.train,
           reproduce: Object.keys(reproduce).length > 0,
           version: require("flowglyph/package.json").version,
         }));
       }
       main();`,
    );
    const { stdout, stderr } = await project.run("node", ["common.cjs"]);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({
      sessions,
      same: true,
      train: "function",
      reproduce: true,
      version: "0.1.0",
    });
  });

  const CONSUMER = `
import { type CaptureOptions, FlowglyphError, inspect, type VerdictBatch, verdictRows } from "flowglyph";
import { train } from "flowglyph/training";
import { CONTENDERS } from "flowglyph/reproduce";
const options: CaptureOptions = { view: "l7" };
// @ts-expect-error There is no such view: these types are no any.
const wrong: CaptureOptions = { view: "l8" };
export const packets: Promise<number> = inspect("capture.pcap", options).then((seen) => seen.packets);
export const classes = (batch: VerdictBatch): string[] => [...verdictRows(batch)].map((row) => row.class);
export const error: Error = new FlowglyphError("ERR_IO", "no such file");
export { CONTENDERS, train, wrong };
`;
  test.each([
    ["an ES module", "mts", "node16", "node16"],
    ["an ES module", "mts", "nodenext", "nodenext"],
    ["CommonJS", "cts", "node16", "node16"],
    ["CommonJS", "cts", "nodenext", "nodenext"],
    ["what a bundler takes", "ts", "esnext", "bundler"],
    ["what a bundler takes", "ts", "preserve", "bundler"],
  ])("its types serve %s (.%s), module %s, resolution %s, libraries checked too", async (...row) => {
    const [, ending, module, resolution] = row;
    const source = `consumer.${ending}`;
    writeFileSync(join(project.folder, source), CONSUMER);
    const compiler = join(REPOSITORY, "node_modules/typescript/bin/tsc");
    const types = join(REPOSITORY, "node_modules/@types");
    const { stdout } = await run(
      process.execPath,
      [
        ...[compiler, "--noEmit", "--strict", "--target", "es2023", "--skipLibCheck", "false"],
        ...["--module", module, "--moduleResolution", resolution, "--typeRoots", types, "--types", "node"],
        source,
      ],
      { cwd: project.folder },
    ).catch((error: { stdout: string }) => error);
    expect(stdout).toBe("");
  });
});

describe("where no prebuilt addon fits", () => {
  test("the error names one command, and that says what a build needs", async () => {
    const prebuilds = join(project.package, "prebuilds");
    renameSync(prebuilds, `${prebuilds}.away`);
    try {
      const inspect = project.run("npx", ["--no-install", "flowglyph", "inspect", "capture.pcap"]);
      await expect(inspect).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/Build it with: npx flowglyph build capture \(it says what/),
      });
      const build = project.run("npx", ["--no-install", "flowglyph", "build", "capture"]);
      await expect(build).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /Not found on the PATH: cmake, a C\+\+ compiler .*, ninja or make\. It needs CMake 3\.22 .*Highway.*apt-get install .* g\+\+ libhwy-dev /,
        ),
      });
    } finally {
      renameSync(`${prebuilds}.away`, prebuilds);
    }
  });

  test("the default model trains there; a network says how the torch addon is built", async () => {
    const cli = (...args: string[]) => project.run("npx", ["--no-install", "flowglyph", ...args]);
    for (const name of ["scp", "wireguard"]) {
      mkdirSync(join(project.folder, "captures", name), { recursive: true });
      const sample = sampleManifest.classes[name]!.files[0]!.file;
      copyFileSync(join(SAMPLES, sample), join(project.folder, "captures", name, "a.pcap"));
    }
    await cli("encode", "captures", "-o", "dataset");
    const trained = await cli("train", "dataset", "-o", "run", "--json");
    expect(JSON.parse(trained.stdout)).toMatchObject({
      model: "experts",
      onnxDifference: expect.any(Number),
    });
    await expect(cli("train", "dataset", "-o", "network", "--model", "clgan")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Training needs libtorch.*npx flowglyph build torch/),
    });
    const { stdout } = await cli("build", "--help");
    expect(stdout).toMatch(/torch: It needs .*libtorch.*libtorch-dev libopenblas0-pthread/);
  });
});
