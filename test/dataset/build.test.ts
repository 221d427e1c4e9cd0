import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { inspect } from "../../src/capture/index.ts";
import { buildDataset } from "../../src/dataset/build.ts";
import { subset } from "../../src/dataset/dataset.ts";
import { openDataset } from "../../src/dataset/open.ts";
import { makeSplit } from "../../src/dataset/split.ts";
import { IMAGE_BYTES } from "../../src/dataset/types.ts";
import {
  type CaptureRecord,
  clientEndpoint,
  exchange,
  manySessions,
  pcapFile,
} from "../support/pcap-builder.ts";
import { tempFolder } from "../support/temp-folder.ts";

const START = 1_700_000_000_000_000_000n;
const SERVER = { address: "192.0.2.1", port: 443 };
const SERVER6 = { address: "2001:db8::1", port: 853 };

// Sessions of one payload size differ in addresses alone: the mask `identity` makes them duplicates.
const sessionOf = (client: number, payloadBytes: number, startNs = START): CaptureRecord[] =>
  exchange(clientEndpoint(client), SERVER, { payloadBytes, startNs });

let root: string;
let out: string;
beforeEach(async () => {
  const folder = tempFolder();
  [root, out] = [join(folder, "captures"), join(folder, "dataset")];
  const captures: Record<string, CaptureRecord[]> = {
    "chat/a.pcap": [...sessionOf(1, 10), ...sessionOf(2, 20), ...sessionOf(3, 10)],
    "chat/b.pcap": [...sessionOf(4, 30)],
    "mail/c.pcap": [...sessionOf(5, 40), ...sessionOf(6, 20)],
    "mail/deep/d.pcap": exchange({ address: "2001:db8::9", port: 999 }, SERVER6, {
      protocol: "udp",
      startNs: START + 5n,
    }),
  };
  for (const [name, records] of Object.entries(captures)) {
    await mkdir(join(root, name, ".."), { recursive: true });
    await writeFile(join(root, name), pcapFile(records, { nanoseconds: true }));
  }
});

describe("captures to a dataset", () => {
  it("leaves out and counts sessions without a byte in the view, but keeps payloads of zeros", async () => {
    await mkdir(join(root, "silent"));
    const records = [
      ...exchange(clientEndpoint(11), SERVER, { payloadBytes: 0, startNs: START }),
      ...exchange(clientEndpoint(12), SERVER, { payloadBytes: 0, startNs: START }),
    ];
    await writeFile(join(root, "silent", "e.pcap"), pcapFile(records, { nanoseconds: true }));
    const l7 = await buildDataset(root, { out, view: "l7" });
    expect(l7.manifest).toMatchObject({
      classes: ["chat", "mail"],
      emptySessions: 2,
      conflictingDuplicates: 2,
    });
    expect(l7.warnings).toEqual(['class "silent" has no image and was left out']);
    const l3 = await buildDataset(root, { out, view: "l3" });
    expect(l3.manifest).toMatchObject({ classes: ["chat", "mail", "silent"], emptySessions: 0 });
  });

  it("records all that decides the images, and keeps the sequences that were asked for", async () => {
    const { manifest } = await buildDataset(root, {
      out,
      view: "l7",
      order: "capture",
      decap: ["vxlan", "gre"],
      protocols: [17, "tcp", 41],
      closeTimeout: 0,
      memoryBytes: 2 ** 28,
      sequence: 3,
    });
    const extraction = {
      view: "l7",
      mask: "identity",
      order: "capture",
      decap: ["gre", "vxlan"],
      protocols: ["tcp", "udp", 41],
      idleTimeout: 120,
      activeTimeout: 1800,
      closeTimeout: 0,
      sequence: 3,
      memoryBytes: 2 ** 28,
      merge: false,
    };
    expect(manifest).toMatchObject(extraction);
    const dataset = await openDataset(out);
    expect(dataset.manifest).toEqual(manifest);
    const { columns, count } = dataset;
    expect(columns!.sequenceLength!.length).toBe(3 * count);
    expect([...columns!.sequenceDirection!.subarray(0, 3)]).toEqual([0, 1, 0]);
    expect([...columns!.sequenceCount!]).toEqual(new Array(count).fill(3));
    expect(columns!.initiatorTcpFlags!.length).toBe(count);
    const half = subset(dataset, [1]);
    expect([...half.columns!.sequenceGapNs!]).toEqual([...columns!.sequenceGapNs!.subarray(3, 6)]);
  });

  it("reads the manifest of a version that had no streams and tunnels as what that version did", async () => {
    await buildDataset(root, { out, view: "l7" });
    const path = join(out, "manifest.json");
    const {
      order: _,
      decap: __,
      protocols: ___,
      closeTimeout: ____,
      ...former
    } = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify(former));
    expect((await openDataset(out)).manifest).toMatchObject({
      order: "capture",
      decap: "none",
      protocols: ["tcp", "udp"],
      closeTimeout: 0,
    });
    for (const wrong of [{ order: "time" }, { decap: ["vpn"] }, { protocols: "tcp" }, { closeTimeout: -1 }]) {
      await writeFile(path, JSON.stringify({ ...former, ...wrong }));
      await expect(openDataset(out)).rejects.toThrow(`expected ${Object.keys(wrong)[0]} to be`);
    }
  });

  it("labels by folder, removes duplicates after masking, keeps the columns", async () => {
    const { manifest, warnings } = await buildDataset(root, { out });
    expect(warnings).toEqual([]);
    expect(manifest).toMatchObject({
      view: "l3",
      mask: "identity",
      idleTimeout: 120,
      activeTimeout: 1800,
      classes: ["chat", "mail"],
      counts: { chat: 3, mail: 2 },
      images: 5,
      duplicatesRemoved: 2,
      // Client 2 in chat and client 6 in mail have one image: both are counted.
      conflictingDuplicates: 2,
      unlabelled: 0,
      captures: ["chat/a.pcap", "chat/b.pcap", "mail/c.pcap", "mail/deep/d.pcap"].map(
        (name) => `captures/${name}`,
      ),
    });
    expect((await readdir(out)).sort()).toEqual(["manifest.json", "sessions.arrow"]);
    const dataset = await openDataset(out);
    expect(dataset.manifest).toEqual(manifest);
    expect(dataset.groupNames).toEqual(manifest.captures);
    const columns = dataset.columns!;
    const row = columns.initiatorAddress.indexOf("2001:db8::9");
    expect(row).toBeGreaterThanOrEqual(0);
    expect({
      class: dataset.classes[dataset.labels[row]!],
      capture: dataset.groupNames[dataset.groups![row]!],
      start: columns.startNs[row],
      responder: [columns.responderAddress[row], columns.responderPort[row]],
      initiatorPort: columns.initiatorPort[row],
      protocol: columns.protocol[row],
      packets: [columns.initiatorPackets[row], columns.responderPackets[row]],
      // 40 bytes IPv6, 8 UDP, 32 payload, two packets each way.
      bytes: [columns.initiatorBytes[row], columns.responderBytes[row]],
    }).toEqual({
      class: "mail",
      capture: "captures/mail/deep/d.pcap",
      start: START + 5n,
      responder: ["2001:db8::1", 853],
      initiatorPort: 999,
      protocol: 17,
      packets: [2, 2],
      bytes: [160n, 160n],
    });
    expect(dataset.images.length).toBe(5 * IMAGE_BYTES);
    expect(makeSplit(dataset, { kind: "group" }).testGroups.length).toBeGreaterThan(0);
  });

  it("keeps what only a mask makes equal when nothing is masked", async () => {
    const { manifest } = await buildDataset(root, { out, mask: "none", view: "pcap" });
    expect([manifest.images, manifest.duplicatesRemoved, manifest.conflictingDuplicates]).toEqual([7, 0, 0]);
    expect([manifest.view, manifest.mask]).toEqual(["pcap", "none"]);
  });

  it("labels by file, and says which rules and classes met nothing", async () => {
    const labels = join(root, "..", "labels.csv");
    const client = clientEndpoint(5);
    await writeFile(
      labels,
      `capture,initiator_address,class\na.pcap,,Web\n,${client.address},One\nnone.pcap,,Ghost\n`,
    );
    const { manifest, warnings } = await buildDataset([root], { out, labels });
    expect(manifest.counts).toEqual({ One: 1, Web: 2 });
    expect(manifest.unlabelled).toBe(2);
    expect(warnings).toEqual([
      `${labels}: line 4 (class "Ghost") fits no session`,
      'class "Ghost" has no image and was left out',
    ]);
    // Client 6 has no label of its own; its duplicate, client 2, has: no conflict.
    expect(manifest.conflictingDuplicates).toBe(0);
  });

  it("takes over the label of a later duplicate where the first has none", async () => {
    const labels = join(root, "..", "labels.csv");
    await writeFile(labels, `capture,class\nc.pcap,Mail\n`);
    const { manifest } = await buildDataset([root], { out, labels });
    expect(manifest.counts).toEqual({ Mail: 2 }); // client 5, and client 2 through client 6
  });

  it("fills many blocks and record batches", async () => {
    const many = join(root, "..", "many.pcap");
    await writeFile(many, manySessions(40_000, { packets: 1 }));
    const { manifest } = await buildDataset(many, { out, mask: "none" });
    expect([manifest.images, manifest.unlabelled, manifest.duplicatesRemoved]).toEqual([40_000, 40_000, 0]);
    const dataset = await openDataset(out);
    // The source address of the IP header (offset 12) of rows in every block.
    for (const row of [0, 16_383, 16_384, 39_999]) {
      const image = dataset.images.subarray(row * IMAGE_BYTES, (row + 1) * IMAGE_BYTES);
      expect([...image.subarray(12, 16)].join(".")).toBe(dataset.columns!.initiatorAddress[row]);
    }
  });
});

describe("what was not taken", () => {
  it("is in the manifest by reason, with the files that are damaged or no captures", async () => {
    const arp = { timeNs: START, bytes: new Uint8Array(60).fill(0xff) };
    await writeFile(join(root, "chat", "b.pcap"), pcapFile([arp, ...sessionOf(4, 30), arp]));
    await writeFile(join(root, "mail", "empty.pcap"), "");
    const whole = pcapFile(sessionOf(7, 50));
    await writeFile(join(root, "mail", "z.pcap"), whole.subarray(0, whole.length - 3));
    const { manifest, warnings } = await buildDataset(root, { out });
    const summary = await inspect(root);
    expect(manifest).toMatchObject({
      packets: summary.packets,
      sessionPackets: summary.sessionPackets,
      skipped: { notIp: 2 },
    });
    expect(manifest.packets! - manifest.sessionPackets!).toBe(2);
    expect(manifest.captureWarnings).toEqual([
      expect.stringMatching(/mail\/empty\.pcap: left out: .*an empty file/),
      expect.stringMatching(/mail\/z\.pcap: truncated at byte offset \d+/),
    ]);
    expect(warnings).toEqual(manifest.captureWarnings);
    expect((await openDataset(out)).manifest).toEqual(manifest);
  });

  it("is said where no session has a label", async () => {
    const { warnings } = await buildDataset(join(root, "chat", "a.pcap"), { out });
    expect(warnings).toEqual([expect.stringContaining("no session has a label")]);
  });
});

describe("formats and folders", () => {
  it("names the capture files from the dataset's folder", async () => {
    const { manifest } = await buildDataset(root, { out });
    expect(manifest.capturePaths!.map((path) => join(out, path))).toEqual(
      manifest.captures.map((name) => join(root, "..", name)),
    );
  });

  it("leaves the dataset that is there as it was when the new one cannot be written", async () => {
    await buildDataset(root, { out });
    const before = await readFile(join(out, "sessions.arrow"));
    const many = join(root, "..", "many.pcap");
    await writeFile(many, manySessions(300, { packets: 1 }));
    const labels = join(root, "..", "labels.csv");
    const { columns } = await (async () => {
      const folder = join(root, "..", "many");
      await buildDataset(many, { out: folder, mask: "none" });
      return openDataset(folder);
    })();
    const rules = columns!.initiatorAddress.map(
      (address, i) => `${address},${columns!.initiatorPort[i]},class ${i}`,
    );
    await writeFile(labels, `initiator_address,initiator_port,class\n${rules.join("\n")}\n`);
    // 300 classes do not fit in IDX labels, which is found out when all is read.
    await expect(buildDataset(many, { out, mask: "none", labels, format: "idx" })).rejects.toThrow(
      /at most 256/,
    );
    expect((await readdir(out)).sort()).toEqual(["manifest.json", "sessions.arrow"]);
    expect((await readFile(join(out, "sessions.arrow"))).equals(before)).toBe(true);
  });

  it("replaces what a killed run left half written", async () => {
    await mkdir(join(out, "new.partial"), { recursive: true });
    await writeFile(join(out, "new.partial", "sessions.arrow"), "half");
    await buildDataset(root, { out });
    expect((await readdir(out)).sort()).toEqual(["manifest.json", "sessions.arrow"]);
  });

  it("writes IDX that opens to the same images", async () => {
    const arrow = join(out, "..", "arrow");
    await buildDataset(root, { out: arrow });
    await buildDataset(root, { out, format: "idx" });
    const [a, b] = [await openDataset(arrow), await openDataset(out)];
    expect(Buffer.compare(a.images, b.images)).toBe(0);
    expect(b.labels).toEqual(a.labels);
    expect(b.manifest).toEqual(a.manifest);
  });

  it("replaces a dataset of its own in another format, and nothing else", async () => {
    await buildDataset(root, { out, format: "idx" });
    await buildDataset(root, { out, format: "npz" });
    expect((await readdir(out)).sort()).toEqual(["dataset.npz", "manifest.json"]);
    await writeFile(join(out, "thesis.txt"), "precious");
    await expect(buildDataset(root, { out })).rejects.toThrow(/holds thesis.txt/);
    expect(await readFile(join(out, "thesis.txt"), "utf8")).toBe("precious");
  });

  it("refuses captures without a session, and leaves no folder", async () => {
    const empty = join(root, "..", "empty.pcap");
    await writeFile(empty, pcapFile([]));
    await expect(buildDataset(empty, { out })).rejects.toMatchObject({ code: "ERR_CAPTURE_FORMAT" });
    expect(existsSync(out)).toBe(false);
  });

  it("stops when it is aborted", async () => {
    await expect(buildDataset(root, { out, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "ERR_ABORTED",
    });
  });

  it("refuses bad options", async () => {
    await expect(buildDataset(root, { out: "" })).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    await expect(buildDataset(root, { out, format: "csv" as "idx" })).rejects.toThrow(
      /one of arrow, idx, npz/,
    );
    await expect(buildDataset(root, { out, labels: join(root, "no.csv") })).rejects.toMatchObject({
      code: "ERR_IO",
    });
  });
});
