import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inspect } from "../../src/capture/index.ts";
import {
  ethernetFrame,
  exchange,
  ipPacket,
  LINKTYPE,
  manySessions,
  pcapFile,
  tcpPacket,
} from "../support/pcap-builder.ts";
import { tempFile } from "../support/temp-folder.ts";

const CLIENT = { address: "10.0.0.1", port: 50000 };
const SERVER = { address: "192.0.2.7", port: 443 };
const START = 1_700_000_000_000_000_000n;

test("every record is in a session or counted by its reason", async () => {
  const records = [
    ...exchange(CLIENT, SERVER, { packets: 3 }),
    ...exchange(CLIENT, { ...SERVER, port: 53 }, { packets: 2, protocol: "udp" }),
    { timeNs: START, bytes: ethernetFrame(ipPacket(CLIENT.address, SERVER.address, 1, new Uint8Array(8))) },
    { timeNs: START, bytes: new Uint8Array(60).fill(0xff) },
  ];
  const summary = await inspect(tempFile("mixed.pcap", pcapFile(records)));
  expect(summary).toMatchObject({
    packets: 7,
    sessionPackets: 5,
    sessions: { tcp: 1, udp: 1 },
    linktypes: [1],
    truncated: false,
    warnings: [],
    evictedSessions: 0,
  });
  expect(Object.values(summary.skipped).reduce((a, b) => a + b)).toBe(2);
});

test("the total is the sum over the files, and each file is told", async () => {
  const raw = pcapFile([{ timeNs: START, bytes: tcpPacket(CLIENT, SERVER, new Uint8Array(3)) }], {
    linktype: LINKTYPE.rawIp,
  });
  const paths = [tempFile("a.pcap", manySessions(5)), tempFile("b.pcap", raw)];
  const summary = await inspect(paths);
  expect(summary).toMatchObject({ packets: 21, sessions: { tcp: 6, udp: 0 }, linktypes: [1, 101] });
  expect(summary.files.map(({ file, packets }) => [file, packets])).toEqual([
    [paths[0], 20],
    [paths[1], 1],
  ]);
});

test("a truncated file gives what is whole, and a warning with the byte offset", async () => {
  const whole = manySessions(2, { packets: 2, payloadBytes: 20 });
  const record = 16 + 14 + 40 + 20;
  const path = tempFile("cut.pcap", whole.subarray(0, whole.length - 7));
  const summary = await inspect(path);
  expect(summary).toMatchObject({ packets: 3, truncated: true });
  expect(summary.warnings).toHaveLength(1);
  expect(summary.warnings[0]).toContain(path);
  expect(summary.warnings[0]).toContain(`byte offset ${24 + 3 * record}`);
});

test("progress is over all files", async () => {
  const bytes = manySessions(100);
  const paths = [tempFile("a.pcap", bytes), tempFile("b.pcap", bytes)];
  let last: unknown;
  await inspect(paths, { onProgress: (progress) => (last = progress) });
  expect(last).toEqual({
    bytesRead: 2 * bytes.length,
    totalBytes: 2 * bytes.length,
    packets: 800,
    sessions: 200,
  });
});

const facetime = join(process.env.FLOWGLYPH_DATA ?? "../shared/data", "raw/ustc/Facetime.pcap");
test.skipIf(!existsSync(facetime))("Facetime.pcap has 6000 packets in 6000 sessions", async () => {
  const summary = await inspect(facetime, { idleTimeout: 0, activeTimeout: 0 });
  expect(summary).toMatchObject({ packets: 6000, sessions: { tcp: 0, udp: 6000 }, linktypes: [1] });
});
