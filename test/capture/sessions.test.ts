import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import {
  type CaptureOptions,
  type CaptureSummary,
  type SessionBatch,
  sessionAddress,
  sessions,
} from "../../src/capture/index.ts";
import {
  clientEndpoint,
  ethernetFrame,
  exchange,
  join,
  manySessions,
  pcapFile,
  tcpPacket,
  udpPacket,
} from "../support/pcap-builder.ts";
import { tempFile } from "../support/temp-folder.ts";

const START = 1_700_000_000_000_000_000n;
const CLIENT = { address: "10.0.0.1", port: 50000 };
const SERVER = { address: "192.0.2.7", port: 443 };
const CLIENT6 = { address: "2001:db8::1", port: 40000 };
const SERVER6 = { address: "2001:db8::53", port: 853 };

async function collect(paths: string | string[], options?: CaptureOptions): Promise<SessionBatch[]> {
  const batches: SessionBatch[] = [];
  for await (const batch of sessions(paths, options)) batches.push(batch);
  return batches;
}

test("the columns of a TCP and a UDP session hold what the packets say", async () => {
  const tcp = exchange(CLIENT, SERVER, { startNs: START, packets: 5, payloadBytes: 10 });
  const udp = exchange(CLIENT6, SERVER6, {
    startNs: START + 10_000_000n,
    packets: 2,
    protocol: "udp",
    payloadBytes: 7,
  });
  const path = tempFile("two.pcap", pcapFile([...tcp, ...udp]));
  const [batch, ...rest] = await collect(path);
  expect(rest).toEqual([]);
  expect(batch!.count).toBe(2);
  expect(batch!.captures).toEqual([path]);
  const rows = [0, 1].map((row) => ({
    from: `${sessionAddress(batch!, "initiator", row)} ${batch!.initiatorPort[row]}`,
    to: `${sessionAddress(batch!, "responder", row)} ${batch!.responderPort[row]}`,
    protocol: batch!.protocol[row],
    start: batch!.startNs[row],
    end: batch!.endNs[row],
    packets: [batch!.initiatorPackets[row], batch!.responderPackets[row]],
    bytes: [batch!.initiatorBytes[row], batch!.responderBytes[row]],
    group: batch!.captureGroup[row],
    reason: batch!.endReason[row],
    imageBytes: batch!.imageBytes[row],
  }));
  expect(rows).toContainEqual({
    from: "10.0.0.1 50000",
    to: "192.0.2.7 443",
    protocol: 6,
    start: START,
    end: START + 4_000_000n,
    packets: [3, 2],
    bytes: [150n, 100n], // 20 IP + 20 TCP + 10
    group: 0,
    reason: 0,
    imageBytes: 250,
  });
  expect(rows).toContainEqual({
    from: "2001:db8::1 40000",
    to: "2001:db8::53 853",
    protocol: 17,
    start: START + 10_000_000n,
    end: START + 11_000_000n,
    packets: [1, 1],
    bytes: [55n, 55n], // 40 IP + 8 UDP + 7
    group: 0,
    reason: 0,
    imageBytes: 110,
  });
});

test("the images of each view are those bytes of the packets, zero padded", async () => {
  const packets = [
    tcpPacket(CLIENT, SERVER, Uint8Array.of(1, 2, 3)),
    tcpPacket(SERVER, CLIENT, Uint8Array.of(4, 5)),
  ];
  const records = packets.map((packet, i) => ({
    timeNs: START + BigInt(i) * 1000n,
    bytes: ethernetFrame(packet),
  }));
  const path = tempFile("one.pcap", pcapFile(records));
  const padded = (bytes: Uint8Array) => join(bytes, new Uint8Array(784 - bytes.length));
  const expected = {
    pcap: padded(pcapFile(records, { bigEndian: true })),
    l3: padded(join(...packets)),
    l7: padded(Uint8Array.of(1, 2, 3, 4, 5)),
  };
  for (const view of ["pcap", "l3", "l7"] as const) {
    const [batch] = await collect(path, { view, mask: "none" });
    expect(Buffer.compare(batch!.images, expected[view]), view).toBe(0);
  }
});

test("the default mask leaves no address and no port in the image", async () => {
  const [batch] = await collect(tempFile("one.pcap", pcapFile(exchange(CLIENT, SERVER, { packets: 1 }))));
  const image = batch!.images;
  expect([...image.subarray(12, 24)]).toEqual(new Array(12).fill(0)); // addresses and ports
  expect(image[0]).toBe(0x45);
  expect(image[9]).toBe(6);
});

test.each([1, 7, 64, 1000])("batches of %i hold every session once, in the same order", async (batchSize) => {
  const path = tempFile("many.pcap", manySessions(150));
  const batches = await collect(path, { batchSize });
  expect(batches.map((batch) => batch.count).slice(0, -1)).toEqual(
    new Array(Math.ceil(150 / batchSize) - 1).fill(batchSize),
  );
  const clients = batches.flatMap((batch) =>
    Array.from({ length: batch.count }, (_, row) => sessionAddress(batch, "initiator", row)),
  );
  expect(clients).toEqual(Array.from({ length: 150 }, (_, i) => clientEndpoint(i).address));
  const [whole] = await collect(path);
  const images = Buffer.concat(batches.map((batch) => batch.images));
  expect(Buffer.compare(images, whole!.images)).toBe(0);
});

test("all columns of a batch lie in one buffer of its own", async () => {
  const batches = await collect(tempFile("many.pcap", manySessions(30)), { batchSize: 10 });
  const buffers = batches.map((batch) => batch.images.buffer);
  expect(new Set(buffers).size).toBe(3);
  for (const batch of batches) {
    for (const column of Object.values(batch)) {
      if (ArrayBuffer.isView(column)) expect(column.buffer).toBe(batch.images.buffer);
    }
  }
});

test("captureGroup names the file, and no session spans two", async () => {
  const bytes = pcapFile(exchange(CLIENT, SERVER));
  const paths = [tempFile("a.pcap", bytes), tempFile("b.pcap", bytes)];
  const [batch] = await collect(paths);
  expect([...batch!.captureGroup]).toEqual([0, 1]);
  expect(batch!.captures).toEqual(paths);
});

test("a pause longer than the idle timeout makes two sessions, and 0 means never", async () => {
  const again = exchange(CLIENT, SERVER, { startNs: START + 61_000_000_000n });
  const path = tempFile("pause.pcap", pcapFile([...exchange(CLIENT, SERVER, { startNs: START }), ...again]));
  const count = async (options: CaptureOptions) =>
    (await collect(path, options)).reduce((n, b) => n + b.count, 0);
  expect(await count({ idleTimeout: 60 })).toBe(2);
  expect(await count({ idleTimeout: 62 })).toBe(1);
  expect(await count({ idleTimeout: 0 })).toBe(1);
  expect(await count({ idleTimeout: 0, activeTimeout: 30.5 })).toBe(2);
});

test("progress grows to the whole input", async () => {
  const bytes = manySessions(8000, { packets: 1, payloadBytes: 1400 });
  const seen: { bytesRead: number; totalBytes: number; packets: number; sessions: number }[] = [];
  await collect(tempFile("many.pcap", bytes), { onProgress: (progress) => seen.push(progress) });
  expect(seen.length).toBeGreaterThan(1);
  for (let i = 1; i < seen.length; i++)
    expect(seen[i]!.bytesRead).toBeGreaterThanOrEqual(seen[i - 1]!.bytesRead);
  expect(seen.at(-1)).toEqual({
    bytesRead: bytes.length,
    totalBytes: bytes.length,
    packets: 8000,
    sessions: 8000,
  });
});

test("the summary tells what was skipped and warns of a truncated file", async () => {
  const whole = manySessions(3);
  const summaries: CaptureSummary[] = [];
  const path = tempFile("cut.pcap", whole.subarray(0, whole.length - 1));
  await collect([path, path], { batchSize: 2, onSummary: (summary) => summaries.push(summary) });
  expect(summaries).toHaveLength(1);
  expect(summaries[0]).toMatchObject({
    packets: 22,
    sessionPackets: 22,
    sessions: { tcp: 6, udp: 0 },
    truncated: true,
  });
  expect(summaries[0]!.warnings).toHaveLength(2);
});

test("an error thrown by onProgress reaches the consumer", async () => {
  const path = tempFile("many.pcap", manySessions(10));
  const fail = () => {
    throw new Error("from the callback");
  };
  await expect(collect(path, { onProgress: fail })).rejects.toThrow("from the callback");
});

test("an aborted signal ends the reading with ERR_ABORTED and its reason", async () => {
  const path = tempFile("many.pcap", manySessions(5000));
  const reason = new Error("enough");
  await expect(collect(path, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
    code: "ERR_ABORTED",
    cause: reason,
  });
  const controller = new AbortController();
  let batches = 0;
  const reading = async () => {
    for await (const _ of sessions(path, { batchSize: 10, signal: controller.signal })) {
      batches++;
      controller.abort(reason);
    }
  };
  await expect(reading()).rejects.toMatchObject({ code: "ERR_ABORTED", cause: reason });
  expect(batches).toBe(1);
});

test("abort ends a reader that waits for standard input", async () => {
  const script = `
    import { sessions } from "flowglyph";
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    try { for await (const _ of sessions("-", { signal: controller.signal })); }
    catch (error) { console.log(error.code); }`;
  // Its standard input stays open and silent.
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [output] = (await once(child.stdout, "data")) as [Buffer];
  expect(output.toString()).toBe("ERR_ABORTED\n");
  const [code] = (await once(child, "exit")) as [number];
  expect(code).toBe(0);
});

test("standard input is read as a capture", () => {
  const script = `
    import { sessions } from "flowglyph";
    let count = 0;
    for await (const batch of sessions("-")) count += batch.count;
    console.log(count);`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    input: manySessions(123),
    encoding: "utf8",
  });
  expect(child.stdout).toBe("123\n");
});

test("a file that is no capture is ERR_CAPTURE_FORMAT with its path", async () => {
  const path = tempFile("text.pcap", "this is not a capture at all");
  await expect(collect(path)).rejects.toMatchObject({
    name: "FlowglyphError",
    code: "ERR_CAPTURE_FORMAT",
    message: expect.stringContaining(path),
  });
});

test("sessions before a file that fails are delivered first", async () => {
  const good = tempFile("good.pcap", manySessions(25));
  const bad = tempFile("bad.pcap", "this is not a capture at all");
  const counts: number[] = [];
  const reading = async () => {
    for await (const batch of sessions([good, bad], { batchSize: 10 })) counts.push(batch.count);
  };
  await expect(reading()).rejects.toMatchObject({ code: "ERR_CAPTURE_FORMAT" });
  expect(counts).toEqual([10, 10, 5]);
});

test("a capture without a session gives no batch", async () => {
  expect(await collect(tempFile("empty.pcap", pcapFile([])))).toEqual([]);
});

test("the memory cap ends the oldest sessions early and loses none of their packets", async () => {
  const open = Array.from({ length: 4000 }, (_, i) => ({
    timeNs: START + BigInt(i),
    bytes: ethernetFrame(udpPacket(clientEndpoint(i), SERVER, new Uint8Array(600))),
  }));
  const path = tempFile("wide.pcap", pcapFile(open));
  const batches = await collect(path, { memoryBytes: 1 << 20, idleTimeout: 0, activeTimeout: 0 });
  const reasons = batches.flatMap((batch) => [...batch.endReason]);
  expect(reasons.filter((reason) => reason === 3).length).toBeGreaterThan(100);
  expect(batches.reduce((sum, batch) => sum + batch.initiatorPackets.reduce((a, b) => a + b), 0)).toBe(4000);
});
