// The loader finds addons from the package's root: a copy of it in a package of its own shows what it does there.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { packageRoot } from "../../bindings/package-root.ts";
import { tempFolder } from "../support/temp-folder.ts";

type Loader = typeof import("../../bindings/load.ts");

const root = fileURLToPath(packageRoot());
const built = join(root, "build/Release/flowglyph_capture.node");

async function packageCopy(): Promise<{ folder: string; load: Loader["loadAddon"] }> {
  const folder = tempFolder();
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "flowglyph", type: "module" }));
  mkdirSync(join(folder, "dist/bindings"), { recursive: true });
  for (const name of ["load.js", "errors.js", "package-root.js"]) {
    const code = readFileSync(join(root, "dist/bindings", name), "utf8");
    writeFileSync(join(folder, "dist/bindings", name), code.replace(/^\/\/# sourceMappingURL.*$/m, ""));
  }
  const { loadAddon } = (await import(pathToFileURL(join(folder, "dist/bindings/load.js")).href)) as Loader;
  return { folder, load: loadAddon };
}

function put(folder: string, path: string, from: string | Uint8Array): void {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  if (typeof from === "string") copyFileSync(from, join(folder, path));
  else writeFileSync(join(folder, path), from);
}

test("an addon that is nowhere is one error that names the places and the command", async () => {
  const { folder, load } = await packageCopy();
  const prebuilt = `prebuilds/${process.platform}-${process.arch}/flowglyph_capture.node`;
  expect(() => load("flowglyph_capture")).toThrow(
    expect.objectContaining({
      code: "ERR_ADDON_MISSING",
      message: `The native addon flowglyph_capture is not built: looked for ${join(folder, "build/Release/flowglyph_capture.node")} and ${join(folder, prebuilt)}. Build it with: npx flowglyph build capture (it says what that needs)`,
    }),
  );
});

test("an addon that is there and broken is not passed over in silence", async () => {
  const { folder, load } = await packageCopy();
  put(folder, "build/Release/flowglyph_capture.node", new Uint8Array(100));
  put(folder, `prebuilds/${process.platform}-${process.arch}/flowglyph_capture.node`, built);
  expect(() => load("flowglyph_capture")).toThrow(
    expect.objectContaining({
      code: "ERR_ADDON_MISSING",
      message: expect.stringContaining("is there but cannot be loaded"),
    }),
  );
});

test("a prebuilt addon is taken where nothing was built", async () => {
  const { folder, load } = await packageCopy();
  put(folder, `prebuilds/${process.platform}-${process.arch}/flowglyph_capture.node`, built);
  expect(load("flowglyph_capture")).toHaveProperty("open");
});
