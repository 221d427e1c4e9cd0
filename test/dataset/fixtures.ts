// Small seeded datasets for tests.
import { newManifest } from "../../src/dataset/dataset.ts";
import { randomBelow, seededRandom } from "../../src/dataset/random.ts";
import { type Dataset, END_REASONS, IMAGE_BYTES } from "../../src/dataset/types.ts";

export interface FixtureOptions {
  readonly labels: readonly number[];
  readonly groups?: readonly number[];
  readonly classes?: readonly string[];
  readonly testRows?: readonly number[];
  readonly seed?: number;
  /** Steps of the sequence columns, which are left out otherwise. */
  readonly sequence?: number;
}

/** Random images; byte 0 is the label so that a class can be learned. */
export function fixture(options: FixtureOptions): Dataset {
  const labels = Int32Array.from(options.labels);
  const count = labels.length;
  const random = seededRandom(options.seed ?? 7);
  const noise = Uint8Array.from({ length: 65_536 }, () => randomBelow(random, 256));
  const images = new Uint8Array(count * IMAGE_BYTES);
  // Each row another stretch of the noise.
  for (let row = 0; row < count; row++) {
    const from = randomBelow(random, noise.length - IMAGE_BYTES);
    images.set(noise.subarray(from, from + IMAGE_BYTES), row * IMAGE_BYTES);
    new DataView(images.buffer).setUint32(row * IMAGE_BYTES + 4, row);
  }
  for (let row = 0; row < count; row++) images[row * IMAGE_BYTES] = labels[row]!;
  const classes =
    options.classes ?? Array.from({ length: Math.max(...options.labels) + 1 }, (_, i) => `class${i}`);
  const groups = options.groups && Uint32Array.from(options.groups);
  return {
    count,
    images,
    labels,
    classes,
    groups,
    groupNames: groups ? Array.from({ length: Math.max(...groups) + 1 }, (_, i) => `capture${i}.pcap`) : [],
    columns: {
      startNs: BigInt64Array.from({ length: count }, (_, i) => 1_700_000_000_000_000_001n + BigInt(i)),
      endNs: BigInt64Array.from({ length: count }, (_, i) => 1_700_000_001_000_000_003n + BigInt(i)),
      initiatorAddress: Array.from({ length: count }, (_, i) => `10.0.0.${i % 200}`),
      responderAddress: Array.from({ length: count }, (_, i) => (i % 2 ? "2001:db8::1" : "192.0.2.1")),
      initiatorPort: Uint16Array.from({ length: count }, (_, i) => 40_000 + i),
      responderPort: new Uint16Array(count).fill(443),
      protocol: Uint8Array.from({ length: count }, (_, i) => (i % 3 ? 6 : 17)),
      initiatorPackets: Uint32Array.from({ length: count }, (_, i) => i + 1),
      responderPackets: Uint32Array.from({ length: count }, (_, i) => i),
      initiatorBytes: BigUint64Array.from({ length: count }, (_, i) => BigInt(i) * 5_000_000_000n),
      responderBytes: BigUint64Array.from({ length: count }, (_, i) => BigInt(i)),
      endReason: Uint8Array.from({ length: count }, (_, i) => i % END_REASONS.length),
      retransmissions: Uint32Array.from({ length: count }, (_, i) => i * 3),
      outOfOrder: Uint32Array.from({ length: count }, (_, i) => i * 5),
      gaps: Uint32Array.from({ length: count }, (_, i) => i * 7),
      gapBytes: Uint32Array.from({ length: count }, (_, i) => 2 ** 32 - 1 - i),
      initiatorTcpFlags: Uint8Array.from({ length: count }, (_, i) => i * 11),
      responderTcpFlags: Uint8Array.from({ length: count }, (_, i) => i * 13),
      tunnelDepth: Uint8Array.from({ length: count }, (_, i) => i % 9),
      ...(options.sequence && {
        sequenceCount: Uint16Array.from({ length: count }, (_, i) => i % options.sequence!),
        sequenceLength: Uint16Array.from({ length: count * options.sequence }, (_, i) => 65_535 - i),
        sequenceDirection: Uint8Array.from({ length: count * options.sequence }, (_, i) => i % 2),
        sequenceGapNs: BigInt64Array.from({ length: count * options.sequence }, (_, i) => BigInt(i) << 32n),
      }),
    },
    testRows: options.testRows && Uint32Array.from(options.testRows),
    manifest: newManifest({ source: "fixture" }),
  };
}

/** n copies of each value: repeated([0, 3], [1, 2]) = [0, 0, 0, 1, 1]. */
export function repeated(...runs: readonly (readonly [value: number, times: number])[]): number[] {
  return runs.flatMap(([value, times]) => new Array<number>(times).fill(value));
}
