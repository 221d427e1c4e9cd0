// The pool's own rules, with hosts that do as they are told: what happens when one ends at an exact moment.
import { expect, onTestFinished, test, vi } from "vitest";
import type { HostEvents, HostSetup } from "../../src/inference/host.ts";
import type { RunRequest, ToHost } from "../../src/inference/messages.ts";
import { openPool } from "../../src/inference/pool.ts";

const SETUP: HostSetup = { model: new Uint8Array(), classes: 1, intraOpThreads: 1, device: "cpu" };

/** A host whose runs are answered, or that ends, when the test says so. An image's verdict is its first byte. */
class FakeHost {
  readonly inbox: RunRequest[] = [];
  readonly events: HostEvents;
  ended = false;

  constructor(events: HostEvents) {
    this.events = events;
  }

  send(message: ToHost): void {
    // Structured as the real one does it: asynchronous, and memory that was sent is gone.
    if (message === null) queueMicrotask(() => this.die());
    else
      this.inbox.push({
        ...message,
        images: structuredClone(message.images, { transfer: [message.images.buffer] }),
      });
  }

  keepAlive(): void {}

  abandon(cause: Error): void {
    this.die(cause);
  }

  answer(): void {
    const { images, count } = this.inbox.shift()!;
    const probability = Float32Array.from({ length: count }, (_, row) => images[row * 784]!);
    this.events.message({
      kind: "scores",
      images,
      scores: { probabilities: probability, probability, classIndex: new Uint32Array(count) },
    });
  }

  die(cause?: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.inbox.length = 0;
    this.events.gone(cause);
  }
}

async function fakePool(size: number, batch: number, startsWell = (_host: number) => true) {
  const hosts: FakeHost[] = [];
  const pool = await openPool(
    SETUP,
    { size, batch, isolation: "thread", runSeconds: 8, where: "m.onnx" },
    (_setup, _isolation, events) => {
      const host = new FakeHost(events);
      hosts.push(host);
      const well = startsWell(hosts.length - 1);
      queueMicrotask(() => (well ? events.message({ kind: "ready" }) : host.die(new Error("no memory"))));
      return host;
    },
  );
  const runs: number[] = [];
  const living = () => hosts.filter(({ ended }) => !ended);
  /** Answers all that comes until nothing does. */
  const settle = async () => {
    for (let quiet = 0; quiet < 5; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      for (const host of living()) {
        while (host.inbox.length > 0) {
          runs.push(host.inbox[0]!.count);
          host.answer();
          quiet = 0;
        }
      }
    }
  };
  return { pool, hosts, settle, runs };
}

const image = (value: number, count = 1) => new Uint8Array(784 * count).fill(value);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const first = (scores: { probability: Float32Array }) => scores.probability[0];

test("the batches of a host that ends are run again by another, before what waits", async () => {
  const { pool, hosts, settle } = await fakePool(1, 4);
  const answers = [1, 2, 3, 4].map((value) => pool.classify(image(value, 4), 4));
  // One is computed and one waits in the host's inbox: both are lost with it.
  expect(hosts[0]!.inbox).toHaveLength(2);
  hosts[0]!.die(new Error("killed"));
  await turn();
  expect(hosts).toHaveLength(2);
  expect(hosts[1]!.inbox.map(({ images }) => images[0])).toEqual([1, 2]);
  await settle();
  expect((await Promise.all(answers)).map(first)).toEqual([1, 2, 3, 4]);
  await pool.close();
});

test("a batch at which two hosts end fails and says so; the one behind it does not", async () => {
  const { pool, hosts, settle } = await fakePool(1, 4);
  const poison = pool.classify(image(66, 4), 4);
  const behind = pool.classify(image(2, 4), 4);
  hosts[0]!.die(new Error("it ended with SIGKILL"));
  await turn();
  hosts[1]!.die(new Error("it ended with SIGKILL"));
  await expect(poison).rejects.toMatchObject({
    code: "ERR_INFERENCE",
    message:
      "2 hosts of the classifier, one after the other, ended at the same 4 images: it ended with SIGKILL",
  });
  await settle();
  expect(first(await behind)).toBe(2);
  // And again: the pool itself is well.
  const more = pool.classify(image(3), 1);
  await settle();
  expect(first(await more)).toBe(3);
  await pool.close();
});

test("small requests that wait together run together, and each gets its own", async () => {
  const { pool, hosts, settle, runs } = await fakePool(1, 8);
  const answers = Array.from({ length: 20 }, (_, i) => pool.classify(image(i, 1 + (i % 3)), 1 + (i % 3)));
  await settle();
  const scores = await Promise.all(answers);
  for (const [i, { probability }] of scores.entries())
    expect([...probability]).toEqual(Array(1 + (i % 3)).fill(i));
  // The first two found an idle host; the others filled runs of up to eight images.
  expect(hosts).toHaveLength(1);
  expect(runs.slice(0, 2)).toEqual([1, 2]);
  expect(runs.length).toBeLessThan(9);
  expect(Math.max(...runs)).toBeLessThanOrEqual(8);
  await pool.close();
});

test("what was small company to a host's end runs alone after it", async () => {
  const { pool, hosts, settle } = await fakePool(1, 8);
  const before = [pool.classify(image(1, 8), 8), pool.classify(image(2, 8), 8)];
  const together = [10, 11, 12].map((value) => pool.classify(image(value), 1));
  hosts[0]!.answer();
  hosts[0]!.answer();
  expect(hosts[0]!.inbox.map(({ count }) => count)).toEqual([3]);
  hosts[0]!.die();
  await turn();
  expect(hosts[1]!.inbox.map(({ count }) => count)).toEqual([1, 1]);
  await settle();
  expect((await Promise.all([...before, ...together])).map(first)).toEqual([1, 2, 10, 11, 12]);
  await pool.close();
});

test("hosts that end as soon as they start are given up", async () => {
  const { pool, hosts } = await fakePool(1, 4, (host) => host === 0);
  const answer = pool.classify(image(1), 1);
  hosts[0]!.die(new Error("killed"));
  await expect(answer).rejects.toMatchObject({
    code: "ERR_INFERENCE",
    message: "The hosts of the classifier end as soon as they start: no memory",
  });
  expect(hosts.length).toBeLessThan(8);
  await expect(pool.classify(image(1), 1)).rejects.toMatchObject({ code: "ERR_INFERENCE" });
  await pool.close();
});

test("an abort takes what waits out of the queue, and leaves the rest", async () => {
  const { pool, hosts, settle } = await fakePool(1, 4);
  const controller = new AbortController();
  const kept = [1, 2].map((value) => pool.classify(image(value, 4), 4));
  const dropped = pool.classify(image(3, 4), 4, controller.signal);
  const last = pool.classify(image(4, 4), 4);
  controller.abort();
  await expect(dropped).rejects.toMatchObject({ code: "ERR_ABORTED" });
  const seen: number[] = [];
  for (const { images } of hosts[0]!.inbox) seen.push(images[0]!);
  await settle();
  expect((await Promise.all([...kept, last])).map(first)).toEqual([1, 2, 4]);
  expect(seen).toEqual([1, 2]);
  await pool.close();
});

/** Timers that pass when the test says so. */
function heldTimers(): void {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
}

test("a host that hangs over a batch is replaced and the batch run again; one that answers in time is not", async () => {
  heldTimers();
  const { pool, hosts, settle } = await fakePool(1, 4);
  const answers = [1, 2, 3].map((value) => pool.classify(image(value, 4), 4));
  // Each batch has its own time: the second one begins when the first is answered.
  vi.advanceTimersByTime(6000);
  hosts[0]!.answer();
  vi.advanceTimersByTime(6000);
  expect(hosts).toHaveLength(1);
  vi.advanceTimersByTime(2001);
  await turn();
  expect(hosts[0]!.ended).toBe(true);
  expect(hosts).toHaveLength(2);
  expect(hosts[1]!.inbox.map(({ images }) => images[0])).toEqual([2, 3]);
  await settle();
  expect((await Promise.all(answers)).map(first)).toEqual([1, 2, 3]);
  // Idle is not hanging.
  vi.advanceTimersByTime(100_000);
  expect(hosts[1]!.ended).toBe(false);
  await pool.close();
});

test("a batch over which two hosts hang fails and says so; the one behind it does not", async () => {
  heldTimers();
  const { pool, hosts, settle } = await fakePool(1, 4);
  const poison = pool.classify(image(66, 4), 4);
  const behind = pool.classify(image(2, 4), 4);
  const outcome = expect(poison).rejects.toMatchObject({
    code: "ERR_INFERENCE",
    message: expect.stringMatching(/2 hosts .* at the same 4 images: it gave no answer within 8 s$/),
  });
  for (let round = 0; round < 2; round++) {
    vi.advanceTimersByTime(8001);
    await turn();
  }
  await outcome;
  expect(hosts).toHaveLength(3);
  await settle();
  expect(first(await behind)).toBe(2);
  await pool.close();
});

test("an event loop that was blocked for longer than the limit is not taken for a host that hangs", async () => {
  heldTimers();
  const { pool, hosts, settle } = await fakePool(1, 4);
  const answer = pool.classify(image(5, 4), 4);
  // After a block Node runs a repeating timer once, however often it was due.
  vi.setSystemTime(Date.now() + 60_000);
  vi.advanceTimersToNextTimer();
  expect(hosts[0]!.ended).toBe(false);
  await settle();
  expect(first(await answer)).toBe(5);
  await pool.close();
});

test("closing does not wait for a host that hangs", async () => {
  heldTimers();
  const { pool, hosts } = await fakePool(1, 4);
  const answer = pool.classify(image(1, 4), 4);
  hosts[0]!.send = () => undefined;
  const closing = pool.close();
  vi.advanceTimersByTime(8001);
  await expect(answer).rejects.toMatchObject({ code: "ERR_INFERENCE" });
  await closing;
});

test("closing while busy answers what the hosts are at and gives up what waits", async () => {
  const { pool, hosts } = await fakePool(2, 4);
  const answers = Array.from({ length: 6 }, (_, i) => pool.classify(image(i, 4), 4));
  const outcomes = Promise.allSettled(answers);
  const closing = pool.close();
  for (const host of hosts) while (host.inbox.length > 0) host.answer();
  await closing;
  expect((await outcomes).map(({ status }) => status)).toEqual([
    ...Array(4).fill("fulfilled"),
    ...Array(2).fill("rejected"),
  ]);
  await expect(pool.classify(image(1), 1)).rejects.toThrow("The classifier is closed");
});
