// One pass of the library as a user calls it: batches with images and columns, looked at no further than their counts.
//   node pass-library.js CAPTURE [OPTIONS AS JSON]
import { type CaptureOptions, sessions } from "../../src/capture/index.ts";
import type { CaptureSummary } from "../../src/capture/summary.ts";

const options = JSON.parse(process.argv[3] ?? "{}") as CaptureOptions;
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
