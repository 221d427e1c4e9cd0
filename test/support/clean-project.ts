// A plain Node project that has installed the packed tarball, on a PATH with Node, npm and a shell and nothing else: no
// compiler, no CMake, no install scripts.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll } from "vitest";
import { packageRoot } from "../../bindings/package-root.ts";

const execute = promisify(execFile);
export const REPOSITORY = fileURLToPath(packageRoot());

export interface CleanProject {
  readonly folder: string;
  /** The installed package. */
  readonly package: string;
  readonly tarball: string;
  /** Runs a program of the bare PATH in the project. */
  run(program: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }>;
}

/** To be called in a file's `beforeAll`; the project lives as long as the file's tests. */
export async function cleanProject(): Promise<CleanProject> {
  const folder = mkdtempSync(join(tmpdir(), "flowglyph-package-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const tarballs = join(folder, "tarball");
  await execute("bash", [join(REPOSITORY, "scripts/pack.sh"), tarballs]);
  const path = join(folder, "bin");
  mkdirSync(path);
  for (const program of ["npm", "npx", "sh", "env"]) symlinkSync(await which(program), join(path, program));
  symlinkSync(realpathSync(process.execPath), join(path, "node"));

  const project = join(folder, "project");
  mkdirSync(project);
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "plain", version: "1.0.0", private: true }),
  );
  const run: CleanProject["run"] = (program, args) =>
    execute(join(path, program), args, { cwd: project, env: { ...process.env, PATH: path } });
  const tarball = join(tarballs, "flowglyph-0.1.0.tgz");
  await run("npm", ["install", tarball, "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]);
  return { folder: project, package: join(project, "node_modules/flowglyph"), tarball, run };
}

async function which(program: string): Promise<string> {
  const { stdout } = await execute("sh", ["-c", 'command -v "$1"', "sh", program]);
  return realpathSync(stdout.trim());
}
