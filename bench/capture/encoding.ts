// Encoding alone, ours against memcpy and against the TypeScript's encoder: interleaved, each measures itself.
import { join } from "node:path";
import type { Capture } from "./captures.ts";
import type { CompareOptions } from "./compare.ts";
import { measure, median } from "./measure.ts";
import type { Places } from "./peers.ts";
import { type Goal, table } from "./report.ts";

export interface EncodingRow {
  readonly capture: string;
  readonly kernel: string;
  /** Bytes of images a second. */
  readonly flowglyph: number;
  readonly scalar: number;
  readonly memcpyOfPieces: number;
  readonly memcpy: number;
  readonly typescript: number;
}

interface Native {
  readonly kernel: string;
  readonly imageBytes: number;
  readonly encode: number;
  readonly memcpyPieces: number;
  readonly memcpy: number;
  readonly scalar: number;
}

const PAGES = ["small", "mixed", "full"];

export function encodingRows(
  captures: readonly Capture[],
  { native, scripts }: Places,
  { tool, rounds, say }: CompareOptions,
): { rows: EncodingRow[]; goals: Goal[] } {
  const rows: EncodingRow[] = [];
  const goals: Goal[] = [];
  for (const { name, path } of captures.filter((capture) => PAGES.includes(capture.name))) {
    say(`encoding alone, ${name}`);
    const ours: Native[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; ++round) {
      ours.push(JSON.parse(measure(tool, [join(native, "flowglyph_encode_bench"), path]).output));
      const script = join(scripts, "encode-typescript.js");
      const twin = JSON.parse(measure(tool, [process.execPath, script, path]).output);
      if (twin.imageBytes !== ours[0]!.imageBytes)
        throw new Error(
          `Expected ${ours[0]!.imageBytes} image bytes of ${name} but TypeScript wrote ${twin.imageBytes}`,
        );
      theirs.push(twin.encode);
    }
    const of = (key: "encode" | "memcpyPieces" | "memcpy" | "scalar") => median(ours.map((run) => run[key]));
    const row: EncodingRow = {
      capture: name,
      kernel: ours[0]!.kernel,
      flowglyph: of("encode"),
      scalar: of("scalar"),
      memcpyOfPieces: of("memcpyPieces"),
      memcpy: of("memcpy"),
      typescript: median(theirs),
    };
    rows.push(row);
    goals.push({ goal: `encoding over memcpy, ${name}`, wanted: 0.8, reached: row.flowglyph / row.memcpy });
    goals.push({
      goal: `encoding over TypeScript's, ${name}`,
      wanted: 10,
      reached: row.flowglyph / row.typescript,
    });
  }
  return { rows, goals };
}

export function encodingTable(rows: readonly EncodingRow[]): string {
  const gigabytes = (rate: number) => (rate / 1e9).toFixed(2);
  return table([
    [
      "GB/s of images",
      "flowglyph",
      "its scalar twin",
      "memcpy of each piece",
      "memcpy",
      "tuned TypeScript",
      "of memcpy",
      "over TypeScript",
    ],
    ...rows.map((row) => [
      row.capture,
      gigabytes(row.flowglyph),
      gigabytes(row.scalar),
      gigabytes(row.memcpyOfPieces),
      gigabytes(row.memcpy),
      gigabytes(row.typescript),
      (row.flowglyph / row.memcpy).toFixed(2),
      (row.flowglyph / row.typescript).toFixed(1),
    ]),
  ]);
}
