import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Addons keep per-process state (thread pools, the table seed): a fork per file keeps the files apart.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
