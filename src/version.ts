// The version that goes into manifests, models and --version: package.json's, read once.
import { readFileSync } from "node:fs";
import { packageRoot } from "../bindings/package-root.ts";

let version: string | undefined;

/** The version of the installed flowglyph package. */
export function toolVersion(): string {
  version ??= (
    JSON.parse(readFileSync(new URL("package.json", packageRoot()), "utf8")) as { version: string }
  ).version;
  return version;
}
