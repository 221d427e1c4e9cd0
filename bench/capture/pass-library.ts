// One pass of the library as a user calls it: batches with images and columns, looked at no further than their counts.
//   node pass-library.js CAPTURE [OPTIONS AS JSON]
import { type CaptureOptions, sessions } from "../../src/capture/index.ts";
import { CAPTURE_DEFAULTS } from "../../src/capture/options.ts";
import type { CaptureSummary } from "../../src/capture/summary.ts";

const given = Object.entries(JSON.parse(process.argv[3] ?? "{}") as object);
const options = Object.fromEntries(given.filter(([name]) => name in CAPTURE_DEFAULTS)) as CaptureOptions;
let summary: CaptureSummary | undefined;
let rows = 0;
for await (const batch of sessions(process.argv[2]!, {
  ...options,
  onSummary: (all) => {
    summary = all;
  },
})) {
  rows += batch.count;
}
console.log(JSON.stringify({ packets: summary?.packets, sessions: rows, evicted: summary?.evictedSessions }));
