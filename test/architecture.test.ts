// Imports follow the arrows of the design: read from the import and include lines, not from what happens to be loaded.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

interface Import {
  /** Path from the root, or a package's name. */
  readonly target: string;
  /** Erased when compiled. */
  readonly typeOnly: boolean;
}

/** Static imports, re-exports, dynamic imports and `new URL("./x.ts", import.meta.url)` (worker threads). */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
  const patterns = [
    /^\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']/gm,
    /()\bimport\(\s*["']([^"']+)["']/g,
    /()\bnew URL\(\s*["']([^"']+\.[jt]s)["']/g,
  ];
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, type, name]) => ({
      target: name!.startsWith(".") ? relative(ROOT, resolve(ROOT, dirname(file), name!)) : name!,
      typeOnly: type !== undefined && type !== "",
    })),
  );
}

const sources = [...filesBelow("src", /\.ts$/), ...filesBelow("bindings", /\.ts$/)];
const imports = new Map(sources.map((file) => [file, importsOf(file)]));

/** Every import that breaks a rule, as "file -> target". */
function offending(folder: string, forbidden: RegExp): string[] {
  return sources
    .filter((file) => file.startsWith(`${folder}/`))
    .flatMap((file) =>
      imports
        .get(file)!
        .filter(({ target }) => forbidden.test(target))
        .map(({ target }) => `${file} -> ${target}`),
    );
}

/** All that is loaded at run time when `entry` is imported, each with the file that imports it. */
function loadedBy(entry: string): Map<string, string> {
  const reached = new Map([[entry, ""]]);
  for (const [file] of reached) {
    for (const { target, typeOnly } of imports.get(file) ?? []) {
      if (!typeOnly && !reached.has(target)) reached.set(target, file);
    }
  }
  return reached;
}

describe("the reader of import lines", () => {
  it("finds imports of each kind, resolved", () => {
    expect(imports.get("src/dataset/open.ts")!.map(({ target }) => target)).toEqual(
      expect.arrayContaining(["node:fs/promises", "bindings/errors.ts", "src/dataset/arrow.ts"]),
    );
    expect(imports.get("src/dataset/open.ts")).toContainEqual({
      target: "src/dataset/types.ts",
      typeOnly: true,
    });
    const unresolved = [...imports].flatMap(([file, list]) =>
      list
        .filter(({ target }) => /^(src|bindings)\/.*\.ts$/.test(target) && !imports.has(target))
        .map(({ target }) => `${file} -> ${target}`),
    );
    expect(unresolved).toEqual([]);
  });
});

describe("imports follow the arrows", () => {
  const TORCH = /^(bindings\/torch|src\/(nn|models|training))\//;

  it.each(["capture", "dataset", "inference", "evaluation", "results"])(
    "src/%s knows nothing of torch",
    (stage) => {
      expect(offending(`src/${stage}`, TORCH)).toEqual([]);
    },
  );

  it("nothing that classifying loads leads to torch", () => {
    for (const stage of ["capture", "dataset", "inference", "evaluation", "results"]) {
      for (const file of sources.filter((path) => path.startsWith(`src/${stage}/`))) {
        const reached = loadedBy(file);
        const wrong = [...reached]
          .filter(([target]) => TORCH.test(target))
          .map(([target, from]) => `${from} -> ${target}`);
        expect(wrong, file).toEqual([]);
      }
    }
  });

  it("the library's main entry loads no torch: training has an entry of its own", () => {
    const wrong = [...loadedBy("src/index.ts")].filter(([target]) => TORCH.test(target));
    expect(wrong).toEqual([]);
  });

  it("bindings import nothing from src", () => {
    expect(offending("bindings", /^src\//)).toEqual([]);
  });

  it("capture depends on no other stage, dataset on capture alone", () => {
    expect(offending("src/capture", /^src\/(?!capture\/)[a-z-]+\//)).toEqual([]);
    expect(offending("src/dataset", /^src\/(?!dataset\/|capture\/)[a-z-]+\//)).toEqual([]);
  });

  it("only the command line imports the command line", () => {
    const others = sources.filter((file) => !file.startsWith("src/cli/"));
    const wrong = others.filter((file) =>
      imports.get(file)!.some(({ target }) => target.startsWith("src/cli/")),
    );
    expect(wrong).toEqual([]);
  });

  it("reading captures and datasets loads no onnxruntime-node", () => {
    for (const entry of ["src/capture/index.ts", "src/dataset/index.ts"]) {
      expect(loadedBy(entry).get("onnxruntime-node"), entry).toBeUndefined();
    }
    expect(loadedBy("src/inference/index.ts").size).toBeGreaterThan(5);
  });

  it("the plotting library is reproduce's figures' alone, loaded when they are drawn", () => {
    const wrong = ["src", "bindings"].flatMap((folder) => offending(folder, /^vega/));
    expect(wrong.filter((line) => !line.startsWith("src/reproduce/figures/"))).toEqual([]);
    const atOnce = [...imports].filter(([file]) => !file.startsWith("src/reproduce/figures/"));
    for (const [file] of atOnce) {
      const text = readFileSync(join(ROOT, file), "utf8");
      expect(/^\s*import [^"]*figures\/index/m.test(text), file).toBe(false);
    }
  });

  it("peers of the benchmarks are never in the product", () => {
    for (const folder of ["src", "bindings"])
      expect(offending(folder, /^(pcap-parser|@tensorflow\/)/)).toEqual([]);
  });
});

describe("native/core", () => {
  it("never includes Node-API, V8, libtorch or what lies above it", () => {
    const files = filesBelow("native/core", /\.(hpp|cpp|h|cc)$/);
    expect(files.length).toBeGreaterThan(0);
    const wrong = files.flatMap((file) =>
      [...readFileSync(join(ROOT, file), "utf8").matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)]
        .map(([, name]) => name!)
        .filter((name) => /napi|node_api|^node\.h|^v8|^uv\.h|torch|ATen|c10|\.\.\//.test(name))
        .map((name) => `${file} -> ${name}`),
    );
    expect(wrong).toEqual([]);
  });
});
