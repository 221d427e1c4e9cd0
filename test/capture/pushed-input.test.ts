import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { captureAddon } from "../../bindings/capture/addon.ts";
import { type CaptureSummary, sessions } from "../../src/capture/index.ts";
import { manySessions } from "../support/pcap-builder.ts";
import { tempFile } from "../support/temp-folder.ts";

const capture = manySessions(2000, { packets: 3, payloadBytes: 100 });

async function* pieces(bytes: Uint8Array, size: number, pause?: () => Promise<unknown>) {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
    await pause?.();
  }
}

async function collect<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

const starts = (batches: readonly { startNs: BigInt64Array }[]) =>
  batches.flatMap(({ startNs }) => [...startNs]);
const images = (batches: readonly { images: Uint8Array }[]) =>
  Buffer.concat(batches.map((batch) => batch.images));

test.each([
  ["a generator of small pieces", () => pieces(capture, 777)],
  ["a generator that takes its time", () => pieces(capture, 200_000, () => sleep(5))],
  ["a Node stream", () => Readable.from(pieces(capture, 65_536))],
  [
    "a web stream",
    () => new Blob([capture as Uint8Array<ArrayBuffer>]).stream() as AsyncIterable<Uint8Array>,
  ],
])("the sessions of %s are those of the file", async (_, source) => {
  const plain = await collect(sessions(tempFile("c.pcap", capture)));
  let summary: CaptureSummary | undefined;
  const got = await collect(
    sessions(source(), { name: "upload", batchSize: 100, onSummary: (read) => (summary = read) }),
  );
  expect(starts(got)).toEqual(starts(plain));
  expect(images(got).equals(images(plain))).toBe(true);
  expect(got[0]!.captures).toEqual(["upload"]);
  expect(summary).toMatchObject({ packets: 6000, bytesRead: capture.length, warnings: [] });
  expect(captureAddon().liveHandles()).toBe(0);
});

test("a stream is not read faster than its sessions are taken", async () => {
  let taken = 0;
  async function* endless() {
    yield capture.subarray(0, 24);
    for (;;) {
      taken += capture.length - 24;
      yield capture.subarray(24);
      await sleep(0);
    }
  }
  // With an idle timeout of nothing all sessions of a piece end with the next.
  const iterator = sessions(endless(), { batchSize: 10, idleTimeout: 0.001 });
  await iterator.next();
  await sleep(300);
  const before = taken;
  await sleep(300);
  expect(taken).toBe(before);
  // A megabyte in the queue, and what one step reads.
  expect(taken).toBeLessThan(16 * 2 ** 20);
  await iterator.return();
});

test("what goes wrong with a stream is told after its sessions: a failure, no capture, text, an abort, a cut", async () => {
  async function* failing() {
    yield capture;
    throw new Error("the line is dead");
  }
  await expect(collect(sessions(failing()))).rejects.toMatchObject({
    code: "ERR_IO",
    message: "Cannot read on in stream: the line is dead",
    cause: { message: "the line is dead" },
  });
  await expect(collect(sessions(pieces(Buffer.from("this is no capture"), 5)))).rejects.toMatchObject({
    code: "ERR_CAPTURE_FORMAT",
    message: expect.stringMatching(/^stream: expected a pcap/),
  });
  await expect(collect(sessions(Readable.from(["text"]) as never))).rejects.toMatchObject({
    code: "ERR_ARGUMENT",
  });
  const signal = AbortSignal.timeout(50);
  const silent = new Readable({ read() {} });
  silent.push(capture.subarray(0, 1000));
  await expect(collect(sessions(silent, { signal }))).rejects.toMatchObject({ code: "ERR_ABORTED" });
  expect(silent.destroyed).toBe(true);
  let summary: CaptureSummary | undefined;
  await collect(
    sessions(pieces(capture.subarray(0, capture.length - 5), 1000), {
      onSummary: (read) => (summary = read),
    }),
  );
  expect(summary).toMatchObject({ packets: 5999, truncated: true });
  expect(captureAddon().liveHandles()).toBe(0);
});

test("finishSignal ends a stream where it is: what came is delivered", async () => {
  const silent = new Readable({ read() {} });
  silent.push(capture);
  const finish = new AbortController();
  setTimeout(() => finish.abort(), 200);
  const got = await collect(sessions(silent, { finishSignal: finish.signal }));
  expect(starts(got)).toHaveLength(2000);
});

test("early: a row a session, before its end, and the same image where that is full", async () => {
  const path = tempFile("c.pcap", manySessions(50, { packets: 9, payloadBytes: 300 }));
  const whole = await collect(sessions(path));
  const full = await collect(sessions(path, { early: true }));
  expect(images(full).equals(images(whole))).toBe(true);
  expect(full.flatMap(({ endReason }) => [...endReason])).toEqual(Array(50).fill(6));
  expect(full[0]!.initiatorPackets[0]! + full[0]!.responderPackets[0]!).toBe(3);
  const two = await collect(sessions(path, { early: 2 }));
  expect(two.flatMap(({ imageBytes }) => [...imageBytes])).toEqual(Array(50).fill(2 * 340));
  const never = await collect(sessions(path, { early: 100, view: "l7", idleTimeout: 1 }));
  expect(starts(never)).toHaveLength(50);
  expect(() => sessions(path, { early: 0 })).toThrow("Expected early to be true, false or");
});
