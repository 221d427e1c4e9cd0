import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { type SessionBatch, sessionAddress, sessions } from "../../src/capture/index.ts";
import { resolveCaptureOptions } from "../../src/capture/options.ts";
import { verdictStream } from "../../src/inference/captures-to-verdicts.ts";
import { Classifier, type VerdictBatch } from "../../src/inference/index.ts";
import { VERDICT_COLUMNS, verdictRows } from "../../src/results/index.ts";
import { manySessions, pcapFile } from "../support/pcap-builder.ts";
import { tempFile } from "../support/temp-folder.ts";
import { firstBytesWeights, furthest, tinyModel, tinyProbabilities } from "../support/tiny-onnx.ts";

const CLASSES = ["a", "b", "c", "d"];
const WEIGHTS = firstBytesWeights(4, 0.02);

const model = (metadata = {}) => tinyModel({ classes: CLASSES, weights: WEIGHTS, metadata });

async function collect<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

const column = (batch: SessionBatch, name: "startNs" | "initiatorPort" | "images") => [...batch[name]].join();

test.each([1, 3])("with %i workers the verdicts follow the sessions, columns and all", async (workers) => {
  const path = tempFile("many.pcap", manySessions(700));
  await using classifier = await Classifier.load(model(), { workers });
  const verdicts = await collect(classifier.classify(path, { batchSize: 64, ordered: true }));
  const plain = await collect(sessions(path, { batchSize: 64 }));
  expect(verdicts.map(({ count }) => count)).toEqual(plain.map(({ count }) => count));
  verdicts.forEach((batch, i) => {
    for (const name of ["startNs", "initiatorPort", "images"] as const) {
      expect(column(batch, name)).toBe(column(plain[i]!, name));
    }
    expect(sessionAddress(batch, "initiator", 0)).toBe(sessionAddress(plain[i]!, "initiator", 0));
    expect(batch.classes).toEqual(CLASSES);
    const expected = tinyProbabilities(batch.images, WEIGHTS, 4).flat();
    expect(furthest(expected, batch.probabilities)).toBeLessThan(1e-5);
  });
});

test("files are read in batches of many runs, streams in batches of one", async () => {
  const capture = manySessions(1300);
  await using classifier = await Classifier.load(model(), { workers: 1, batch: 100 });
  const counts = async (source: Parameters<typeof classifier.classify>[0]) =>
    (await collect(classifier.classify(source, { ordered: true }))).map(({ count }) => count);
  expect(await counts(tempFile("many.pcap", capture))).toEqual([500, 500, 300]);
  const streamed = await counts(Readable.from([capture]));
  expect(streamed.reduce((sum, count) => sum + count, 0)).toBe(1300);
  expect(Math.max(...streamed)).toBe(100);
});

test("without an order each batch comes as it is, every session once, and columns stay with their images", async () => {
  const path = tempFile("many.pcap", manySessions(700));
  await using classifier = await Classifier.load(model(), { workers: 3, batch: 16 });
  const verdicts = await collect(classifier.classify(path, { batchSize: 32 }));
  const starts = verdicts.flatMap(({ startNs }) => [...startNs]).sort();
  const plain = await collect(sessions(path));
  expect(starts).toEqual(plain.flatMap(({ startNs }) => [...startNs]).sort());
  const imageOf = new Map(
    plain.flatMap((batch) =>
      [...batch.startNs].map(
        (start, row) => [start, batch.images.slice(row * 784, row * 784 + 784)] as const,
      ),
    ),
  );
  for (const batch of verdicts) {
    const images = Uint8Array.from([...batch.startNs].flatMap((start) => [...imageOf.get(start)!]));
    expect(batch.images).toEqual(images);
    expect(furthest(tinyProbabilities(images, WEIGHTS, 4).flat(), batch.probabilities)).toBeLessThan(1e-5);
  }
});

test("as a Node stream: each batch an object, in any pipeline", async () => {
  const path = tempFile("many.pcap", manySessions(300));
  await using classifier = await Classifier.load(model(), { workers: 2, batch: 16 });
  const counts: number[] = [];
  await pipeline(
    classifier.classify(path, { batchSize: 50, ordered: true }).toReadable(),
    async (batches: AsyncIterable<VerdictBatch>) => {
      for await (const batch of batches) counts.push(batch.count);
    },
  );
  expect(counts).toEqual([50, 50, 50, 50, 50, 50]);
});

test("a slow consumer holds the reading up: only a few batches are made ahead of it", async () => {
  const path = tempFile("many.pcap", manySessions(2000));
  await using classifier = await Classifier.load(model(), { workers: 1, batch: 16 });
  let read = 0;
  const stream = classifier
    .classify(path, { batchSize: 10, threads: 1, onProgress: ({ sessions }) => (read = sessions) })
    .toReadable();
  await once(stream, "readable");
  await sleep(300);
  expect(stream.read()).toMatchObject({ count: 10 });
  // Native code reads ahead within a block of the file; what is not asked for is not classified.
  expect(stream.readableLength).toBeLessThanOrEqual(2);
  stream.destroy();
  await once(stream, "close");
  expect(read).toBeGreaterThan(0);
});

test("view, mask and timeouts are the model's", async () => {
  const path = tempFile("one.pcap", manySessions(5));
  await using classifier = await Classifier.load(model({ view: "pcap", mask: "none" }), { workers: 1 });
  const [batch] = await collect(classifier.classify(path));
  expect([...batch!.images.subarray(0, 4)]).toEqual([0xa1, 0xb2, 0xc3, 0xd4]);
  expect(() => classifier.classify(path, { view: "l3" })).toThrow(
    'Expected view to be pcap, as the model has it but received "l3"',
  );
  expect(() => classifier.classify(path, { idleTimeout: 5 })).toThrow("Expected idleTimeout to be 120");
});

test("order, decap and close timeout are the model's too; order matters in view l7 alone, and fewer protocols are fine", async () => {
  const path = tempFile("one.pcap", manySessions(5));
  const extraction = { order: "capture", decap: ["gre"], protocols: ["tcp", "udp"], closeTimeout: 5 };
  await using l7 = await Classifier.load(model({ view: "l7", ...extraction }), { workers: 1 });
  expect(() => l7.classify(path, { order: "stream" })).toThrow(
    'Expected order to be capture, as the model has it but received "stream"',
  );
  expect(() => l7.classify(path, { decap: "all" })).toThrow("Expected decap to be gre");
  expect(() => l7.classify(path, { closeTimeout: 0 })).toThrow("Expected closeTimeout to be 5");
  expect(() => l7.classify(path, { protocols: ["tcp", "sctp"] })).toThrow(
    'Expected protocols to be tcp,udp, as the model has it but received ["tcp","sctp"]',
  );
  const told = { order: "capture", decap: ["gre", "gre"], protocols: ["tcp"] } as const;
  expect((await collect(l7.classify(path, told)))[0]!.count).toBe(5);
  expect(await collect(l7.classify(path, { protocols: ["udp"] }))).toEqual([]);
  await using l3 = await Classifier.load(model({ view: "l3", ...extraction }), { workers: 1 });
  expect((await collect(l3.classify(path, { order: "stream" })))[0]!.count).toBe(5);
});

test("a model of a version without streams and tunnels classifies what that version made", async () => {
  const unsaid = { order: undefined, decap: undefined, protocols: undefined, closeTimeout: undefined };
  await using former = await Classifier.load(model({ view: "l7", ...unsaid }), { workers: 1 });
  expect(former.metadata).toMatchObject({
    order: "capture",
    decap: "none",
    protocols: ["tcp", "udp"],
    closeTimeout: 0,
  });
  await using foreign = await Classifier.load(model({ view: "unknown", ...unsaid }), { workers: 1 });
  expect(foreign.metadata).toMatchObject({ order: "capture", decap: "unknown", closeTimeout: null });
  for (const [field, wrong] of Object.entries({
    order: "time",
    decap: ["vpn"],
    protocols: [],
    closeTimeout: -1,
  }))
    await expect(Classifier.load(model({ [field]: wrong }))).rejects.toThrow(
      `Expected ${field} in the metadata`,
    );
});

test("rows hold the sequence columns where they were asked for, as long as the session", async () => {
  const path = tempFile("one.pcap", manySessions(2, { packets: 3, payloadBytes: 10 }));
  await using classifier = await Classifier.load(model(), { workers: 1 });
  const [batch] = await collect(classifier.classify(path, { sequence: 5 }));
  const [row] = [...verdictRows(batch!)];
  expect(row).toMatchObject({
    end_reason: "endOfInput",
    retransmissions: 1,
    tunnel_depth: 0,
    sequence_count: 3,
    sequence_length: [50, 50, 50],
    sequence_direction: [0, 1, 0],
    sequence_gap_ns: [0, 1000, 1000],
  });
  const [plain] = await collect(classifier.classify(path));
  expect(Object.keys([...verdictRows(plain!)][0]!)).toEqual(VERDICT_COLUMNS);
});

test("a model that does not know its view wants it told", async () => {
  const path = tempFile("one.pcap", manySessions(5));
  const unknown = model({ view: "unknown", mask: "unknown", idleTimeout: null, activeTimeout: null });
  await using classifier = await Classifier.load(unknown, { workers: 1 });
  expect(() => classifier.classify(path)).toThrow("Expected options.view");
  const told = { view: "l7", mask: "none", idleTimeout: 0, activeTimeout: 0 } as const;
  const [batch] = await collect(classifier.classify(path, told));
  expect(batch!.count).toBe(5);
});

test("leaving the loop, an abort and a failing file leave the classifier usable", async () => {
  const path = tempFile("many.pcap", manySessions(500));
  await using classifier = await Classifier.load(model(), { workers: 2 });
  for await (const _ of classifier.classify(path, { batchSize: 10 })) break;

  const controller = new AbortController();
  const aborted = async () => {
    const options = { batchSize: 10, signal: controller.signal };
    for await (const _ of classifier.classify(path, options)) controller.abort();
  };
  await expect(aborted()).rejects.toMatchObject({ code: "ERR_ABORTED" });

  const bad = tempFile("bad.pcap", "this is no capture, however long it is");
  const seen: VerdictBatch[] = [];
  const failing = async () => {
    for await (const batch of classifier.classify([path, bad], { batchSize: 100 })) seen.push(batch);
  };
  await expect(failing()).rejects.toMatchObject({ code: "ERR_CAPTURE_FORMAT" });
  expect(seen.reduce((sum, { count }) => sum + count, 0)).toBe(500);

  const verdicts = await collect(classifier.classify(path));
  expect(verdicts.reduce((sum, { count }) => sum + count, 0)).toBe(500);
});

test("a classifier that is closed meanwhile is an error, not a hang", async () => {
  const path = tempFile("many.pcap", manySessions(500));
  const classifier = await Classifier.load(model(), { workers: 1 });
  const reading = async () => {
    for await (const _ of classifier.classify(path, { batchSize: 10 })) await classifier.close();
  };
  await expect(reading()).rejects.toThrow(/closed/);
});

test("a capture without sessions has no verdicts", async () => {
  await using classifier = await Classifier.load(model(), { workers: 1 });
  expect(await collect(classifier.classify(tempFile("empty.pcap", pcapFile([]))))).toEqual([]);
});

test("reading goes on while the consumer is at a batch, a few batches ahead; who leaves then leaves nothing behind", async () => {
  const files = [tempFile("many.pcap", manySessions(60)), tempFile("bad.pcap", Buffer.from("no capture"))];
  let predicted = 0;
  let ended = 0;
  const stream = verdictStream({
    captures: files,
    options: resolveCaptureOptions({ batchSize: 10 }),
    ordered: true,
    limit: 4,
    predict: async (_images, count) => {
      predicted++;
      const none = new Float32Array(count);
      return { probabilities: none, classIndex: new Uint32Array(count), probability: none, classes: ["a"] };
    },
    begin: () => () => {
      ended++;
    },
  });
  await stream.next();
  await vi.waitFor(() => expect(predicted).toBe(5));
  await sleep(50);
  expect(predicted).toBe(5);
  await stream.next();
  await vi.waitFor(() => expect(predicted).toBe(6));
  // By now the file that is none has been looked at, and has failed.
  await stream.next();
  await sleep(100);
  await stream.return();
  expect(ended).toBe(1);
});
