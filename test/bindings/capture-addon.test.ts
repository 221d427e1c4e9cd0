// The native functions by themselves: what src/capture never does to them must be refused, not crash.
import { expect, test } from "vitest";
import { type CaptureHandle, captureAddon, type OpenOptions } from "../../bindings/capture/addon.ts";
import { BATCH_COLUMNS } from "../../bindings/capture/batch.ts";
import { FlowglyphError } from "../../bindings/errors.ts";
import { END_REASONS, LAYERS, PROTOCOLS, SKIP_REASONS, TUNNELS } from "../../src/capture/index.ts";
import { manySessions } from "../support/pcap-builder.ts";
import { tempFile } from "../support/temp-folder.ts";

const addon = captureAddon();
const OPTIONS: OpenOptions = {
  view: 1,
  mask: 1,
  order: 0,
  idleTimeoutNs: 0n,
  activeTimeoutNs: 0n,
  closeTimeoutNs: 0n,
  memoryBytes: 2 ** 26,
  threads: 1,
  decap: 0,
  protocols: [6, 17],
  sequence: 0,
  merge: false,
  follow: false,
  inputMethod: 0,
  batchSize: 100,
  countOnly: false,
};
const BUDGET = 2 ** 20;

const capture = (sessions = 250) => tempFile("c.pcap", manySessions(sessions));

test.each<[unknown, unknown]>([
  [undefined, undefined],
  ["a.pcap", OPTIONS],
  [[1], OPTIONS],
  [["a\0b"], OPTIONS],
  [["a"], null],
  [["a"], {}],
  [["a"], { ...OPTIONS, view: 3 }],
  [["a"], { ...OPTIONS, mask: -1 }],
  [["a"], { ...OPTIONS, view: "l3" }],
  [["a"], { ...OPTIONS, idleTimeoutNs: 5 }],
  [["a"], { ...OPTIONS, idleTimeoutNs: -1n }],
  [["a"], { ...OPTIONS, activeTimeoutNs: 2n ** 63n }],
  [["a"], { ...OPTIONS, batchSize: 0 }],
  [["a"], { ...OPTIONS, batchSize: 2 ** 21 }],
  [["a"], { ...OPTIONS, batchSize: Number.NaN }],
  [["a"], { ...OPTIONS, order: 2 }],
  [["a"], { ...OPTIONS, closeTimeoutNs: 5 }],
  [["a"], { ...OPTIONS, threads: 0 }],
  [["a"], { ...OPTIONS, threads: 65 }],
  [["a"], { ...OPTIONS, decap: 2 ** addon.names().tunnels.length }],
  [["a"], { ...OPTIONS, protocols: "tcp" }],
  [["a"], { ...OPTIONS, protocols: ["tcp"] }],
  [["a"], { ...OPTIONS, protocols: [256] }],
  [["a"], { ...OPTIONS, sequence: -1 }],
  [["a"], { ...OPTIONS, sequence: 1025 }],
  [["a"], { ...OPTIONS, sequence: 1024, batchSize: 2 ** 18 }],
  [["a"], { ...OPTIONS, inputMethod: 2 }],
  [["a"], { ...OPTIONS, memoryBytes: Number.POSITIVE_INFINITY }],
])("open(%o, %o) is refused", (paths, options) => {
  expect(() => addon.open(paths as string[], options as OpenOptions)).toThrow(FlowglyphError);
});

test("something that is no handle is refused by every function", () => {
  for (const wrong of [undefined, {}, 5, "handle", new ArrayBuffer(8)]) {
    const handle = wrong as unknown as CaptureHandle;
    for (const call of [addon.next, addon.summary, addon.abort, addon.finish, addon.close]) {
      expect(() => call(handle, BUDGET)).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
    }
  }
});

test("a step while another runs is refused, and the running one is not disturbed", async () => {
  const handle = addon.open([capture()], OPTIONS);
  const running = addon.next(handle, BUDGET);
  expect(() => addon.next(handle, BUDGET)).toThrow("The capture is busy");
  expect(() => addon.summary(handle)).toThrow("The capture is busy");
  expect((await running).count).toBe(100);
  await addon.close(handle);
});

test.each([0, -1, 1.5, Number.NaN, 2 ** 31])("a budget of %d is refused", async (budget) => {
  const handle = addon.open([capture(1)], OPTIONS);
  expect(() => addon.next(handle, budget)).toThrow("Expected budgetBytes");
  await addon.close(handle);
});

test("a batch fills over as many steps as it takes", async () => {
  const handle = addon.open([capture()], OPTIONS);
  const counts: number[] = [];
  let steps = 0;
  for (let done = false; !done; steps++) {
    const step = await addon.next(handle, 1);
    done = step.done;
    expect(step.buffer !== undefined).toBe(step.count > 0);
    if (step.count > 0) counts.push(step.count);
  }
  expect(counts).toEqual([100, 100, 50]);
  expect(steps).toBeGreaterThan(3);
  await addon.close(handle);
});

test("closing twice, at once and in turn, is closing", async () => {
  const before = addon.liveHandles();
  const handle = addon.open([capture(1)], OPTIONS);
  expect(addon.liveHandles()).toBe(before + 1);
  await Promise.all([addon.close(handle), addon.close(handle)]);
  await addon.close(handle);
  expect(addon.liveHandles()).toBe(before);
  expect(() => addon.next(handle, BUDGET)).toThrow("The capture is closed");
  expect(() => addon.summary(handle)).toThrow("The capture is closed");
});

test("closing while a step runs aborts it and frees its memory", async () => {
  const before = addon.liveHandles();
  const handle = addon.open([capture(3000)], { ...OPTIONS, batchSize: 5000 });
  const running = addon.next(handle, BUDGET);
  const closed = addon.close(handle);
  await expect(running).rejects.toMatchObject({ code: "ERR_ABORTED", name: "FlowglyphError" });
  await closed;
  expect(addon.liveHandles()).toBe(before);
});

test("after abort every step is ERR_ABORTED", async () => {
  const handle = addon.open([capture()], OPTIONS);
  addon.abort(handle);
  addon.abort(handle);
  for (let i = 0; i < 2; i++) {
    await expect(addon.next(handle, BUDGET)).rejects.toMatchObject({ code: "ERR_ABORTED" });
  }
  await addon.close(handle);
  expect(() => addon.abort(handle)).not.toThrow();
});

test("finish on a file that is no live input, at any time, changes nothing", async () => {
  const handle = addon.open([capture()], OPTIONS);
  addon.finish(handle);
  const running = addon.next(handle, BUDGET);
  addon.finish(handle);
  expect((await running).count).toBe(100);
  const counts = [];
  for (let done = false; !done; ) {
    const step = await addon.next(handle, BUDGET);
    done = step.done;
    counts.push(step.count);
  }
  expect(counts.reduce((a, b) => a + b)).toBe(150);
  await addon.close(handle);
  expect(() => addon.finish(handle)).not.toThrow();
});

test.each([0, 1, 37, 1024])(
  "with sequences of %i steps the columns lie apart, each on a multiple of 64 bytes",
  (sequence) => {
    const columns = addon.layout(100, sequence);
    let end = 0;
    for (const { name, type, width, offset } of columns) {
      expect(offset % 64, name).toBe(0);
      expect(offset, name).toBe(Math.ceil(end / 64) * 64);
      end = offset + 100 * width * (Number(type.slice(1)) / 8);
      if (name.startsWith("sequence") && name !== "sequenceCount") expect(width).toBe(sequence);
    }
    expect(columns[0]).toEqual({ name: "images", type: "u8", width: 784, offset: 0 });
    expect(new Set(columns.map(({ name }) => name)).size).toBe(columns.length);
  },
);

test("the lists of the bindings and of src/capture are the addon's own", () => {
  const columns = addon.layout(1, 1).map(({ name, type }) => [name, type]);
  expect(columns).toEqual(Object.entries(BATCH_COLUMNS));
  const { linktypes, ...names } = addon.names();
  expect(linktypes).toMatchObject({ 1: "ETHERNET", 101: "RAW" });
  expect(names).toEqual({
    endReasons: END_REASONS,
    layers: LAYERS,
    skipReasons: SKIP_REASONS,
    tunnels: TUNNELS,
    protocols: PROTOCOLS,
  });
});
