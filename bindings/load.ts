// Loads a native addon of this package: from build/ where it was compiled here, or from prebuilds/ of a packed release.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { FlowglyphError } from "./errors.ts";
import { packageRoot } from "./package-root.ts";

export type AddonName = "flowglyph_capture" | "flowglyph_torch";

/** What every addon of ours exports besides its own functions. */
export interface AddonBase {
  /** The class that native code makes its errors of, per thread. */
  setErrorClass(errorClass: typeof FlowglyphError): void;
}

/**
 * The addon `name` as the type that its binding declares. Each thread loads it for itself; Node shares the library.
 * ERR_ADDON_MISSING where no file is there, or where the one that is there cannot be loaded.
 */
export function loadAddon<Addon extends AddonBase>(name: AddonName): Addon {
  const require = createRequire(import.meta.url);
  const root = packageRoot();
  const tried = [
    `build/Release/${name}.node`,
    `prebuilds/${process.platform}-${process.arch}/${name}.node`,
  ].map((path) => fileURLToPath(new URL(path, root)));
  for (const path of tried) {
    let addon: Addon;
    try {
      addon = require(path) as Addon;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") continue;
      throw new FlowglyphError(
        "ERR_ADDON_MISSING",
        `The native addon ${path} is there but cannot be loaded: ${(cause as Error).message}. ${howToBuild(name, root)}`,
        { cause },
      );
    }
    addon.setErrorClass(FlowglyphError);
    return addon;
  }
  throw new FlowglyphError(
    "ERR_ADDON_MISSING",
    `The native addon ${name} is not built: looked for ${tried.join(" and ")}. ${howToBuild(name, root)}`,
  );
}

/** A clone has a script for all that it needs; an installed package has the command line. */
export function howToBuild(name: AddonName, root: URL = packageRoot()): string {
  return existsSync(new URL("scripts/setup.sh", root))
    ? `Build it with: cd ${fileURLToPath(root)} && npm run setup`
    : `Build it with: npx flowglyph build ${name.replace("flowglyph_", "")} (it says what that needs)`;
}
