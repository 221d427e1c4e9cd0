// Builds a native addon from the sources in the package, with nothing but CMake, a compiler and headers from npm: for where
// no prebuilt one fits, and for the torch addon, which is bound to one libtorch.
import { spawn } from "node:child_process";
import { accessSync, constants, createWriteStream } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { FlowglyphError } from "../bindings/errors.ts";
import { packageRoot } from "../bindings/package-root.ts";
import { makeFolder } from "./output-path.ts";

export const BUILDABLE_ADDONS = ["capture", "torch"] as const;
export type BuildableAddon = (typeof BUILDABLE_ADDONS)[number];

interface Needs {
  /** Besides CMake and a compiler. */
  readonly words: string;
  readonly debian: readonly string[];
}

const TOOLS: Needs = {
  words: "CMake 3.22 or newer, Ninja or Make, and a C++20 compiler (GCC 11, Clang 14 or newer)",
  debian: ["cmake", "ninja-build", "g++"],
};
const NEEDS: Readonly<Record<BuildableAddon, Needs>> = {
  capture: {
    words: "Highway, zlib, liblzma and libzstd with their headers",
    debian: ["libhwy-dev", "zlib1g-dev", "liblzma-dev", "libzstd-dev"],
  },
  torch: {
    words:
      "a libtorch: Debian's, the one inside `pip install torch`, or an unpacked one whose folder FLOWGLYPH_TORCH names",
    debian: ["libtorch-dev", "libopenblas0-pthread"],
  },
};

/** What a build of the addon needs, and the one command that installs it on Debian and Ubuntu. */
export function buildNeeds(addon: BuildableAddon): string {
  const { words, debian } = NEEDS[addon];
  return (
    `It needs ${TOOLS.words}; and ${words}. ` +
    `On Debian and Ubuntu, as root: apt-get install -y --no-install-recommends ${[...TOOLS.debian, ...debian].join(" ")}`
  );
}

export interface BuildAddonOptions {
  /** Told what is being done, a line each; and the end of the log of what failed. */
  readonly onStage?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds an addon into the package's build/Release, where it goes before a prebuilt one; its path.
 * @throws FlowglyphError ERR_ADDON_MISSING, with what the build needs; ERR_IO; ERR_ABORTED
 */
export async function buildAddon(addon: BuildableAddon, options: BuildAddonOptions = {}): Promise<string> {
  const root = fileURLToPath(packageRoot());
  const missing = missingTools();
  if (missing.length > 0) throw failure(addon, `Not found on the PATH: ${missing.join(", ")}.`);
  const folder = join(root, "build", addon);
  await makeFolder(folder);
  const log = join(folder, "build.log");
  const output = createWriteStream(log);
  const lines: string[] = [];
  const run = async (stage: string, args: readonly string[]): Promise<void> => {
    options.onStage?.(stage);
    const code = await runTool("cmake", args, options.signal, (text) => {
      output.write(text);
      lines.push(...text.split("\n").filter((line) => line.trim() !== ""));
      lines.splice(0, lines.length - 15);
    });
    if (code !== 0) {
      for (const line of lines) options.onStage?.(`  ${line}`);
      throw failure(addon, `It ended with an error (whole log: ${log}).`);
    }
  };
  try {
    await run(`Configuring the ${addon} addon`, [
      "-S",
      root,
      "-B",
      folder,
      ...(onPath("ninja") ? ["-G", "Ninja"] : []),
      "-DCMAKE_BUILD_TYPE=Release",
      `-DCMAKE_JS_INC=${headerFolders().join(";")}`,
      `-DFLOWGLYPH_ADDON_FOLDER=${join(root, "build", "Release")}`,
      `-DFLOWGLYPH_CAPTURE=${addon === "capture" ? "ON" : "OFF"}`,
      `-DFLOWGLYPH_TORCH=${addon === "torch" ? "ON" : "OFF"}`,
    ]);
    await run(`Building the ${addon} addon (a minute or two)`, [
      "--build",
      folder,
      "--parallel",
      "--target",
      `flowglyph_${addon}`,
    ]);
  } finally {
    output.end();
    await finished(output).catch(() => undefined);
  }
  return join(root, "build", "Release", `flowglyph_${addon}.node`);
}

function failure(addon: BuildableAddon, what: string): FlowglyphError {
  return new FlowglyphError(
    "ERR_ADDON_MISSING",
    `Cannot build the ${addon} addon. ${what} ${buildNeeds(addon)}`,
  );
}

function missingTools(): string[] {
  const compiler = process.env.CXX !== undefined || ["c++", "g++", "clang++"].some(onPath);
  const maker = ["ninja", "make"].some(onPath);
  return [
    ...(onPath("cmake") ? [] : ["cmake"]),
    ...(compiler ? [] : ["a C++ compiler (c++, g++ or clang++)"]),
    ...(maker ? [] : ["ninja or make"]),
  ];
}

function onPath(tool: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Node-API's headers and node-addon-api's: both are packages of headers alone. */
function headerFolders(): string[] {
  const require = createRequire(import.meta.url);
  const packageFolder = (name: string) => dirname(require.resolve(`${name}/package.json`));
  return [join(packageFolder("node-api-headers"), "include"), packageFolder("node-addon-api")];
}

function runTool(
  tool: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
  onText: (text: string) => void,
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { stdio: ["ignore", "pipe", "pipe"], signal });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", onText);
    child.on("error", (cause) => {
      reject(
        signal?.aborted
          ? new FlowglyphError("ERR_ABORTED", "Building was aborted", { cause })
          : new FlowglyphError("ERR_ADDON_MISSING", `Cannot run ${tool}: ${cause.message}`, { cause }),
      );
    });
    child.on("close", resolve);
  });
}
