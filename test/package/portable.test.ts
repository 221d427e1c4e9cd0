// What the packed native code asks of a system: read from its dynamic section and symbol table, not from this machine.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { REPOSITORY } from "../support/clean-project.ts";

const run = promisify(execFile);
const folder = join(REPOSITORY, "prebuilds", `${process.platform}-${process.arch}`);
let libraries: string[];

beforeAll(async () => {
  const destination = mkdtempSync(join(tmpdir(), "flowglyph-pack-"));
  await run("bash", [join(REPOSITORY, "scripts/pack.sh"), destination]);
  rmSync(destination, { recursive: true });
  libraries = readdirSync(folder);
}, 300_000);

async function objdump(option: string, library: string): Promise<string> {
  return (await run("objdump", [option, join(folder, library)], { maxBuffer: 2 ** 26 })).stdout;
}

test("it needs no library but those that Node itself needs, and Highway, which comes with it", async () => {
  expect(libraries).toContain("flowglyph_capture.node");
  const nodes = /^(libc|libm|libdl|libpthread|libgcc_s|libstdc\+\+)\.so\.\d+$|^ld-linux/;
  for (const library of libraries) {
    const needed = [...(await objdump("-p", library)).matchAll(/NEEDED\s+(\S+)/g)].map(([, name]) => name!);
    expect(needed).toContain("libc.so.6");
    expect(needed.filter((name) => !nodes.test(name) && !libraries.includes(name))).toEqual([]);
  }
});

// Node 20's own binaries ask for glibc 2.28 and GLIBCXX_3.4.21 (Debian 10, Ubuntu 18.10, RHEL 8 have them).
test.each([
  ["GLIBC", "2.28"],
  ["GLIBCXX", "3.4.21"],
  ["GCC", "4.8.0"],
])("no symbol of %s is newer than %s", async (family, newest) => {
  const newer = (version: string) => {
    const [a, b] = [version, newest].map((text) => text.split(".").map(Number));
    const at = a!.findIndex((part, i) => part !== (b![i] ?? 0));
    return at >= 0 && a![at]! > (b![at] ?? 0);
  };
  for (const library of libraries) {
    const symbols = (await objdump("-T", library)).split("\n");
    expect(symbols.some((line) => line.includes("GLIBC_"))).toBe(true);
    const versions = symbols.flatMap((line) => {
      const version = new RegExp(`\\b${family}_([0-9.]+)\\b`).exec(line)?.[1];
      return version !== undefined && newer(version) ? [line] : [];
    });
    expect(versions).toEqual([]);
  }
});

test("it is compiled for any processor of its kind: no flag asks for more", () => {
  const cache = readFileSync(join(REPOSITORY, "build/CMakeCache.txt"), "utf8");
  const flags = cache.match(/^CMAKE_CXX_FLAGS(_RELEASE)?:.*$/gm)!.join("\n");
  expect(flags).not.toMatch(/-march|-mcpu|-mtune|-mavx|-msse/);
  const rules = readFileSync(join(REPOSITORY, "build/compile_commands.json"), "utf8");
  expect(rules).toContain("image_kernel.cpp");
  expect(rules).not.toMatch(/ -m(arch|cpu|avx|sse|bmi|fma)/);
});
