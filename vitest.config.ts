import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Addons keep per-process state (thread pools, the table seed): a fork per file keeps the files apart.
    pool: "forks",
    maxWorkers: 2,
    // A hang ends here; a machine with other work on it may take minutes for what takes seconds.
    testTimeout: 240_000,
    // What classifiers remember of this machine stays out of the home of whoever runs the tests.
    env: { XDG_CACHE_HOME: fileURLToPath(new URL(".setup/cache", import.meta.url)) },
  },
});
