// What the columns of TCP streams, tunnels and sequences say, from packets made in code; and that no option that changes how
// captures are read changes what is read of them.
import { describe, expect, test } from "vitest";
import { type CaptureOptions, END_REASONS, type SessionBatch, sessions } from "../../src/capture/index.ts";
import {
  ethernetFrame,
  exchange,
  ipPacket,
  join,
  pcapFile,
  type TcpOptions,
  tcpPacket,
} from "../support/pcap-builder.ts";
import { SAMPLES } from "../support/samples.ts";
import { tempFile } from "../support/temp-folder.ts";

const START = 1_700_000_000_000_000_000n;
const CLIENT = { address: "10.0.0.1", port: 50_000 };
const SERVER = { address: "192.0.2.7", port: 443 };
const [FIN, SYN, RST, PSH, ACK] = [1, 2, 4, 8, 16];

interface Segment extends TcpOptions {
  readonly from: "client" | "server";
  readonly payload?: readonly number[];
  /** Milliseconds since the first. */
  readonly at?: number;
}

const connection = (segments: readonly Segment[]) =>
  pcapFile(
    segments.map(({ from, payload = [], at = 0, ...options }) => {
      const [source, target] = from === "client" ? [CLIENT, SERVER] : [SERVER, CLIENT];
      const packet = tcpPacket(source, target, Uint8Array.from(payload), options);
      return { timeNs: START + BigInt(at) * 1_000_000n, bytes: ethernetFrame(packet) };
    }),
  );

async function collect(bytes: Uint8Array, options?: CaptureOptions): Promise<SessionBatch> {
  const batches: SessionBatch[] = [];
  for await (const batch of sessions(tempFile("c.pcap", bytes), options)) batches.push(batch);
  expect(batches).toHaveLength(1);
  return batches[0]!;
}

// 1 2 3 | 4 5 6 | 7 8 9 | ... | 20, as sent; 7 8 9 comes before 4 5 6, 1 2 3 comes twice, and 10 to 19 never.
const SEGMENTS: readonly Segment[] = [
  { from: "client", flags: SYN, sequence: 99 },
  { from: "server", flags: SYN | ACK, sequence: 500, at: 1 },
  { from: "client", flags: ACK | PSH, sequence: 100, payload: [1, 2, 3], at: 2 },
  { from: "client", flags: ACK, sequence: 106, payload: [7, 8, 9], at: 3 },
  { from: "client", flags: ACK, sequence: 103, payload: [4, 5, 6], at: 5 },
  { from: "client", flags: ACK, sequence: 100, payload: [1, 2, 3], at: 6 },
  { from: "server", flags: ACK, sequence: 501, payload: [77], at: 8 },
  { from: "client", flags: ACK, sequence: 119, payload: [20], at: 9 },
];

describe("TCP streams", () => {
  test("segments sent again, out of order and missing are counted; flags are gathered each way", async () => {
    const batch = await collect(connection(SEGMENTS));
    const row = Object.fromEntries(
      (
        [
          "retransmissions",
          "outOfOrder",
          "gaps",
          "gapBytes",
          "initiatorTcpFlags",
          "responderTcpFlags",
        ] as const
      ).map((name) => [name, batch[name][0]]),
    );
    expect(row).toEqual({
      retransmissions: 1,
      outOfOrder: 1,
      gaps: 1,
      gapBytes: 10,
      initiatorTcpFlags: SYN | ACK | PSH,
      responderTcpFlags: SYN | ACK,
    });
  });

  test("view l7 holds the payload in its stream's order, or as captured", async () => {
    const bytes = connection(SEGMENTS.slice(0, 7));
    const payload = async (order: "stream" | "capture") => {
      const batch = await collect(bytes, { view: "l7", order });
      return [...batch.images.subarray(0, batch.imageBytes[0])];
    };
    expect(await payload("stream")).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 77]);
    expect(await payload("capture")).toEqual([1, 2, 3, 7, 8, 9, 4, 5, 6, 1, 2, 3, 77]);
  });

  test.each([
    ["fin", [FIN | ACK, FIN | ACK]],
    ["rst", [RST]],
    ["endOfInput", [FIN | ACK]],
  ] as const)("a connection ends by %s", async (reason, flags) => {
    const closing = flags.map(
      (flag, i): Segment => ({
        from: i === 0 ? "client" : "server",
        flags: flag,
        sequence: i === 0 ? 103 : 501,
      }),
    );
    const batch = await collect(connection([...SEGMENTS.slice(0, 3), ...closing]));
    expect(END_REASONS[batch.endReason[0]!]).toBe(reason);
  });
});

test("sequences hold lengths, directions and gaps of the first packets, zeros behind them", async () => {
  const batch = await collect(connection(SEGMENTS.slice(0, 5)), { sequence: 7 });
  expect(batch.sequence).toBe(7);
  expect([...batch.sequenceCount]).toEqual([5]);
  expect([...batch.sequenceLength]).toEqual([40, 40, 43, 43, 43, 0, 0]);
  expect([...batch.sequenceDirection]).toEqual([0, 1, 0, 0, 0, 0, 0]);
  expect([...batch.sequenceGapNs].map(Number)).toEqual([0, 1e6, 1e6, 1e6, 2e6, 0, 0]);
  const [cut, none] = await Promise.all(
    [2, 0].map((sequence) => collect(connection(SEGMENTS), { sequence })),
  );
  expect([...cut!.sequenceLength, ...cut!.sequenceCount]).toEqual([40, 40, 2]);
  expect([none!.sequence, none!.sequenceLength.length, none!.sequenceGapNs.length]).toEqual([0, 0, 0]);
});

test("decap tells which outer headers are removed, protocols what becomes a session", async () => {
  const inner = tcpPacket(CLIENT, SERVER, Uint8Array.of(1));
  const gre = ipPacket("172.16.0.1", "172.16.0.2", 47, join([0, 0, 8, 0], inner));
  const bytes = pcapFile([{ timeNs: START, bytes: ethernetFrame(gre) }]);
  const seen = async (options: CaptureOptions) => {
    const batch = await collect(bytes, options);
    return [batch.protocol[0], batch.tunnelDepth[0], batch.initiatorPort[0]];
  };
  expect(await seen({})).toEqual([6, 1, CLIENT.port]);
  expect(await seen({ decap: ["gre"] })).toEqual([6, 1, CLIENT.port]);
  expect(await seen({ decap: ["vxlan"], protocols: ["gre"] })).toEqual([47, 0, 0]);
  expect(await seen({ decap: "none", protocols: "all" })).toEqual([47, 0, 0]);
});

test("an idle session of a closed connection ends by the close timeout, and 0 leaves it to the idle timeout", async () => {
  const closed: Segment[] = [...SEGMENTS.slice(0, 3), { from: "client", flags: RST, sequence: 103, at: 10 }];
  const later: Segment = { from: "client", flags: ACK, sequence: 700, at: 20_000 };
  const count = async (closeTimeout: number) =>
    (await collect(connection([...closed, later]), { closeTimeout })).count;
  expect(await count(5)).toBe(2);
  expect(await count(0)).toBe(1);
});

test.each<CaptureOptions>([
  { threads: 2 },
  { threads: 4, batchSize: 77 },
  { threads: "auto", inputMethod: "map" },
  { threads: 3, inputMethod: "map" },
])("%o gives the same bytes as one thread that reads", async (options) => {
  const read = async (how: CaptureOptions) => {
    const parts: Record<string, Uint8Array[]> = {};
    for await (const batch of sessions(SAMPLES, { sequence: 8, view: "l7", ...how })) {
      for (const [name, values] of Object.entries(batch)) {
        if (!ArrayBuffer.isView(values)) continue;
        parts[name] ??= [];
        parts[name].push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      }
    }
    return Object.fromEntries(Object.entries(parts).map(([name, all]) => [name, Buffer.concat(all)]));
  };
  const [expected, received] = [await read({ threads: 1 }), await read(options)];
  for (const [name, bytes] of Object.entries(expected))
    expect(received[name]!.equals(bytes), name).toBe(true);
  expect(expected.images!.length).toBe(775 * 784);
});

test("sessions of a flood are all counted when they are evicted", async () => {
  const flood = Array.from({ length: 30_000 }, (_, i) =>
    exchange({ address: `10.${i >> 14}.${(i >> 7) & 127}.${i & 127}`, port: 1024 }, SERVER, { packets: 1 }),
  ).flat();
  const path = tempFile("flood.pcap", pcapFile(flood));
  let count = 0;
  let summary: { evictedSessions: number; sessions: { tcp: number }; peakSessions: number } | undefined;
  for await (const batch of sessions(path, {
    memoryBytes: 4 << 20,
    onSummary: (read) => {
      summary = read;
    },
  }))
    count += batch.count;
  expect(count).toBe(30_000);
  expect(summary!.sessions.tcp).toBe(30_000);
  expect(summary!.evictedSessions).toBeGreaterThan(1000);
  expect(summary!.peakSessions).toBeLessThan(30_000);
});
