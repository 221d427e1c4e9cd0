// The service under load, with everything that clients do wrong: in a process of its own, as it is run.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { type ClientRequest, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { startCli } from "../support/cli.ts";
import { manySessions } from "../support/pcap-builder.ts";
import { tempFile } from "../support/temp-folder.ts";
import { firstBytesWeights, tinyModel } from "../support/tiny-onnx.ts";

const PCAP = "application/vnd.tcpdump.pcap";
const capture = manySessions(300, { packets: 3, payloadBytes: 50 });

async function startService(...args: string[]) {
  const model = tempFile("m.onnx", tinyModel({ classes: ["a", "b"], weights: firstBytesWeights(2) }));
  const child = startCli(["serve", "--model", model, "--port", "0", "--workers", "1", ...args]);
  await expect.poll(() => child.printed.stderr, { timeout: 40_000 }).toMatch(/listening on http:\S+\n/);
  const url = /listening on (\S+)/.exec(child.printed.stderr)![1]!;
  return { ...child, url };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

/** Sends by `send`, and reads the whole answer. */
function post(
  url: string,
  send: (body: ClientRequest) => void,
  headers: Record<string, string | number> = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const body = request(`${url}/classify`, {
      method: "POST",
      headers: { "content-type": PCAP, ...headers },
    });
    body.on("error", reject);
    body.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response
        .on("error", reject)
        .on("end", () =>
          resolve({ status: response.statusCode!, text, retryAfter: response.headers["retry-after"] }),
        );
    });
    send(body);
  });
}

const whole = (bytes: Uint8Array) => (body: ClientRequest) => void body.end(bytes);
/** In pieces, with pauses: an upload over a slow line. */
const slowly = (bytes: Uint8Array) => async (body: ClientRequest) => {
  for (let at = 0; at < bytes.length; at += 9000) {
    body.write(bytes.subarray(at, at + 9000));
    await sleep(5);
  }
  body.end();
};

const linesOf = ({ text }: Answer) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

function expectWhole(answer: Answer, classes = /^[ab]$/): void {
  expect(answer.status).toBe(200);
  const lines = linesOf(answer);
  expect(lines).toHaveLength(301);
  expect(lines[0]).toMatchObject({ capture: "body", class: expect.stringMatching(classes) });
  expect(lines.at(-1)).toMatchObject({ summary: { packets: 900, sessions: { tcp: 300 }, warnings: [] } });
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((row) => row.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

test("50 uploads at a time, good, slow, half-sent, oversized, malformed and aborted: each gets what is right, nothing leaks", async () => {
  const { url, signal, ended } = await startService(
    "--max-jobs",
    "60",
    "--max-body",
    "1MiB",
    "--max-seconds",
    "15",
  );
  const rssBefore = await metric(url, "process_resident_memory_bytes");
  const large = manySessions(9000, { packets: 3, payloadBytes: 50 });
  const kinds: ((i: number) => Promise<void>)[] = [
    async () => expectWhole(await post(url, whole(capture))),
    async () => expectWhole(await post(url, slowly(capture))),
    async () =>
      expectWhole(await post(url, whole(gzipSync(capture)), { "content-type": "application/gzip" })),
    async () => {
      // It says how large it is.
      const { status, text } = await post(url, (body) => void body.flushHeaders(), {
        "content-length": 2 ** 21,
      });
      expect([status, JSON.parse(text).code]).toEqual([413, "ERR_TOO_LARGE"]);
    },
    async () => {
      // It does not: what came before is answered, and the last line says that it is not all.
      const answer = await post(url, slowly(large)).catch((error: Error) => error);
      if (answer instanceof Error) throw answer;
      if (answer.status === 200)
        expect(linesOf(answer).at(-1)).toMatchObject({ error: { code: "ERR_TOO_LARGE" } });
      else expect(answer.status).toBe(413);
    },
    async () => {
      const { status, text } = await post(url, whole(Buffer.from("this is no capture, however long it is")));
      expect([status, JSON.parse(text).code]).toEqual([422, "ERR_CAPTURE_FORMAT"]);
      expect(JSON.parse(text).message).toContain("body: expected a pcap");
    },
    async () => {
      const { status } = await post(url, whole(capture), { "content-type": "application/json" });
      expect(status).toBe(415);
    },
    async () => {
      // Half-sent, and then silence.
      const answer = await post(url, (body) => void body.write(capture.subarray(0, 10)));
      expect([answer.status, JSON.parse(answer.text).code]).toEqual([408, "ERR_TIMEOUT"]);
    },
    async () => {
      // Cut off in the middle of a record, and ended as if that were all.
      const answer = await post(url, whole(capture.subarray(0, capture.length - 20)));
      expect(answer.status).toBe(200);
      expect(linesOf(answer).at(-1).summary).toMatchObject({ packets: 899, truncated: true });
    },
    async () => {
      // Gone in mid-upload.
      const answer = post(url, (body) => {
        body.write(capture.subarray(0, 20_000));
        setTimeout(() => body.destroy(), 50);
      });
      await expect(answer).rejects.toThrow();
    },
  ];
  for (let round = 0; round < 2; round++) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => kinds[i % kinds.length]!(i)));
  }
  await expect.poll(() => metric(url, "flowglyph_jobs"), { timeout: 15_000 }).toBe(0);
  expect(await metric(url, 'flowglyph_requests_total{status="422"}')).toBe(10);
  expect((await metric(url, "process_resident_memory_bytes")) - rssBefore).toBeLessThan(200 * 2 ** 20);
  expectWhole(await post(url, whole(capture)));
  const health = await fetch(`${url}/healthz`);
  expect(await health.json()).toEqual({ status: "ok", jobs: 0, classes: ["a", "b"] });
  signal("SIGTERM");
  expect((await ended).code).toBe(0);
}, 180_000);

test("more captures at a time than it takes are told to come again", async () => {
  const { url } = await startService("--max-jobs", "1");
  let first: ClientRequest | undefined;
  const slow = post(url, (body) => {
    first = body;
    body.write(capture.subarray(0, 30_000));
  });
  await expect.poll(() => metric(url, "flowglyph_jobs"), { timeout: 15_000 }).toBe(1);
  const { status, retryAfter } = await post(url, whole(capture));
  expect([status, retryAfter]).toEqual([503, "1"]);
  first!.end(capture.subarray(30_000));
  expectWhole(await slow);
});

test("SIGTERM lets the captures that were begun come to their ends, takes no others, and exits 0", async () => {
  const { url, signal, ended, printed } = await startService();
  let upload: ClientRequest | undefined;
  const answer = post(url, (body) => {
    upload = body;
    body.write(capture.subarray(0, 30_000));
  });
  await expect.poll(() => metric(url, "flowglyph_jobs"), { timeout: 15_000 }).toBe(1);
  signal("SIGTERM");
  await expect.poll(() => printed.stderr).toContain("stopping");
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  upload!.end(capture.subarray(30_000));
  expectWhole(await answer);
  expect((await ended).code).toBe(0);
});

test("verdicts come back while the capture is still being sent, with --early before its sessions end", async () => {
  const { url } = await startService("--early", "2");
  const body = request(`${url}/classify`, { method: "POST", headers: { "content-type": PCAP } });
  body.write(capture.subarray(0, 30_000));
  const [response] = await once(body, "response");
  const [piece] = await once(response, "data");
  const [line] = String(piece).split("\n");
  expect(JSON.parse(line!)).toMatchObject({
    end_reason: "early",
    initiator_packets: 1,
    responder_packets: 1,
  });
  body.end(capture.subarray(30_000));
  response.resume();
  await once(response, "end");
});

test("what the model is not sure of is unknown where that was asked for, and hosts may be processes", async () => {
  const { url, pid } = await startService("--unknown-below", "1", "--isolation", "process");
  expect(
    execFileSync("pgrep", ["--parent", String(pid), "--full", "host-main"], { encoding: "utf8" }),
  ).toMatch(/^\d+\n$/);
  const answer = await post(url, whole(capture));
  expectWhole(answer, /^unknown$/);
  expect(await metric(url, 'flowglyph_sessions_total{class="unknown"}')).toBe(300);
});

test("an error that the model cannot promise ends the start with a clear message", async () => {
  const model = tempFile("m.onnx", tinyModel({ classes: ["a", "b"], weights: firstBytesWeights(2) }));
  const { code, stderr } = await startCli([
    ...["serve", "--model", model, "--port", "0", "--workers", "1", "--unknown-error", "5%"],
  ]).ended;
  expect(code).toBe(2);
  expect(stderr).toContain("cannot promise an error");
});

test("a port that is taken is one clear message", async () => {
  const { url } = await startService();
  const port = new URL(url).port;
  const model = tempFile("m.onnx", tinyModel({ classes: ["a", "b"], weights: firstBytesWeights(2) }));
  const { code, stderr } = await startCli(["serve", "--model", model, "--port", port, "--workers", "1"])
    .ended;
  expect(code).toBe(1);
  expect(stderr).toContain(`Cannot listen on 127.0.0.1:${port}`);
});
