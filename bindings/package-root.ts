// Where the package is: the folder of flowglyph's package.json, found from this file upwards, because the same code runs
// as bindings/*.ts (tests) and as dist/bindings/*.js (everything else).
import { existsSync, readFileSync } from "node:fs";

let root: URL | undefined;

/** The package's root folder as a file URL that ends with a slash. */
export function packageRoot(): URL {
  if (root !== undefined) return root;
  for (let folder = new URL(".", import.meta.url); ; folder = new URL("..", folder)) {
    const file = new URL("package.json", folder);
    if (
      existsSync(file) &&
      (JSON.parse(readFileSync(file, "utf8")) as { name?: string }).name === "flowglyph"
    ) {
      root = folder;
      return folder;
    }
    if (folder.pathname === "/") throw new Error(`no package.json of flowglyph above ${import.meta.url}`);
  }
}
