// Streams against an independent reader: the front of each TCP stream as tshark follows it, and its analysis of the
// sequence numbers. Where there is no tshark (Debian: tshark) these tests say that they were skipped.
import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { sessionAddress, sessions } from "../../src/capture/index.ts";
import { type CaptureRecord, ethernetFrame, pcapFile, tcpPacket } from "../support/pcap-builder.ts";
import { tempFile } from "../support/temp-folder.ts";
import { followTcp, tsharkFields, tsharkIsThere } from "../support/tshark.ts";

const CAPTURES = path.join(import.meta.dirname, "..", "captures");
const withTshark = test.skipIf(!tsharkIsThere);
if (!tsharkIsThere) process.stderr.write("skipped: no tshark to compare TCP streams with\n");

interface Stream {
  readonly name: string;
  /** The first 784 bytes of payload at the most, both directions. */
  readonly front: string;
  readonly retransmissions: number;
  readonly outOfOrder: number;
  readonly gaps: number;
}

async function ours(capture: string): Promise<Stream[]> {
  const streams: Stream[] = [];
  const options = { view: "l7", mask: "none", order: "stream", protocols: ["tcp"] } as const;
  for await (const batch of sessions(capture, { ...options, idleTimeout: 0, activeTimeout: 0 })) {
    for (let i = 0; i < batch.count; i++) {
      const end = (side: "initiator" | "responder", port: number) => {
        const address = sessionAddress(batch, side, i);
        return batch.ipVersion[i] === 6 ? `[${address}]:${port}` : `${address}:${port}`;
      };
      const image = batch.images.subarray(i * 784, i * 784 + batch.imageBytes[i]!);
      streams.push({
        name: `${end("initiator", batch.initiatorPort[i]!)} > ${end("responder", batch.responderPort[i]!)}`,
        front: Buffer.from(image).toString("hex"),
        retransmissions: batch.retransmissions[i]!,
        outOfOrder: batch.outOfOrder[i]!,
        gaps: batch.gaps[i]!,
      });
    }
  }
  return streams;
}

function theirs(capture: string): Stream[] {
  const analysis = ["retransmission", "out_of_order", "lost_segment"].map((name) => `tcp.analysis.${name}`);
  const packets = tsharkFields(capture, "tcp", ["tcp.stream", ...analysis]);
  const count = Math.max(-1, ...packets.map(([stream]) => Number(stream))) + 1;
  return followTcp(capture, count).map(({ client, server, payload }, i) => {
    const mine = packets.filter(([stream]) => Number(stream) === i);
    const flagged = (column: number) => mine.filter((packet) => packet[column] !== "").length;
    return {
      name: `${client} > ${server}`,
      front: payload.subarray(0, 784).toString("hex"),
      retransmissions: flagged(1),
      outOfOrder: flagged(2),
      gaps: flagged(3),
    };
  });
}

const byName = (a: Stream, b: Stream) => (a.name < b.name ? -1 : 1);

withTshark(
  "the fronts of real streams, and what was sent again, are as tshark sees them",
  { timeout: 300_000 },
  async () => {
    let compared = 0;
    for (const name of readdirSync(CAPTURES, { withFileTypes: true })) {
      if (!name.isDirectory()) continue;
      const [capture] = readdirSync(path.join(CAPTURES, name.name)).sort();
      if (capture === undefined) continue;
      const file = path.join(CAPTURES, name.name, capture);
      const streams = await ours(file);
      if (streams.length === 0) continue; // UDP alone
      expect(streams.sort(byName), capture).toEqual(theirs(file).sort(byName));
      compared += streams.length;
    }
    expect(compared).toBeGreaterThan(90);
  },
);

const CLIENT = { address: "10.0.0.1", port: 50000 };
const SERVER = { address: "192.0.2.7", port: 443 };
const [SYN, ACK, FIN] = [0x02, 0x10, 0x01];

/** Segments as [direction, sequence, text, acknowledgement, flags], half a second apart: no tool takes them for turned around. */
type Segment = readonly [0 | 1, number, string, number?, number?];
function capture(segments: readonly Segment[]): Uint8Array {
  const records: CaptureRecord[] = segments.map(
    ([direction, sequence, text, acknowledgement = 0, flags = ACK], i) => {
      const [from, to] = direction === 0 ? [CLIENT, SERVER] : [SERVER, CLIENT];
      const packet = tcpPacket(from, to, Buffer.from(text), { sequence, acknowledgement, flags });
      return { timeNs: 1_700_000_000_000_000_000n + BigInt(i) * 500_000_000n, bytes: ethernetFrame(packet) };
    },
  );
  return pcapFile(records);
}

const OPENING: readonly Segment[] = [
  [0, 0xfffffff0, "", 0, SYN],
  [1, 999, "", 0xfffffff1, SYN | ACK],
  [0, 0xfffffff1, "", 1000],
];
// The numbers of the client wrap behind 15 bytes.
const TROUBLE: Readonly<Record<string, readonly Segment[]>> = {
  "a repetition": [
    [0, 0xfffffff1, "0123456789", 1000],
    [0, 0xfffffff1, "0123456789", 1000],
    [1, 1000, "answer", 0xfffffffb],
  ],
  "a repetition with more": [
    [0, 0xfffffff1, "0123456789", 1000],
    [0, 0xfffffff1, "0123456789abcdef", 1000],
    [1, 1000, "answer", 1],
  ],
  "turned around, over the wrap": [
    [0, 0xfffffffb, "abcdefghij", 1000],
    [0, 5, "KLMNO", 1000],
    [0, 0xfffffff1, "0123456789", 1000],
    [1, 1000, "answer", 10],
  ],
  "lost by the capture, and acknowledged": [
    [0, 0xfffffff1, "0123456789", 1000],
    [1, 1000, "answer", 0xfffffffb],
    [0, 5, "KLMNO", 1006],
    [1, 1006, "second answer", 10],
    [0, 10, "PQRST", 1019, FIN | ACK],
    [1, 1019, "", 16, FIN | ACK],
  ],
  "an acknowledgement that tells of what is missing": [
    [0, 0xfffffff1, "0123456789", 1000],
    [1, 1000, "answer", 0xfffffffb],
    [0, 5, "", 1006],
    [1, 1006, "second answer", 5],
    [0, 5, "KLMNO", 1019],
    [1, 1019, "", 10], // tshark keeps to itself what nobody acknowledges
  ],
};

withTshark.each(Object.entries(TROUBLE))(
  "the front of a stream with %s is as tshark follows it",
  async (_, segments) => {
    const file = tempFile("trouble.pcap", capture([...OPENING, ...segments]));
    const fronts = (streams: readonly Stream[]) =>
      streams.map(({ name, front }) => [name, Buffer.from(front, "hex").toString()]);
    expect(fronts(await ours(file))).toEqual(fronts(theirs(file)));
  },
);
