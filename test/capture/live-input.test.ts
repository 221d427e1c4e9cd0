// Pipes that stay open: sessions come out soon after they end, in batches of what there is.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { packageRoot } from "../../bindings/package-root.ts";
import { type CaptureProgress, sessions } from "../../src/capture/index.ts";
import { clientEndpoint, exchange, pcapFile } from "../support/pcap-builder.ts";
import { tempFile } from "../support/temp-folder.ts";

const START = 1_700_000_000_000_000_000n;
const SECOND = 1_000_000_000n;
const SERVER = { address: "192.0.2.1", port: 443 };
const PCAP_HEADER_BYTES = 24;

/** Session `i` begins 200 s after session i - 1, which its first packet ends. */
const nthSession = (i: number) =>
  pcapFile(
    exchange(clientEndpoint(i), SERVER, { startNs: START + BigInt(i) * 200n * SECOND, payloadBytes: 300 }),
  );
const records = (file: Uint8Array) => file.subarray(PCAP_HEADER_BYTES);

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A script that reads standard input, a pipe that stays open until the test ends it, and the lines that it prints. */
function reader(script: string) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: fileURLToPath(packageRoot()),
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  return { child, lines: linesOf(child) };
}

async function* linesOf(child: ChildProcess & { stdout: NodeJS.ReadableStream }): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
}

const PRINT_ROWS = `
  import { sessionAddress, sessions } from "flowglyph";
  for await (const batch of sessions("-")) {
    for (let i = 0; i < batch.count; i++) console.log(sessionAddress(batch, "initiator", i), batch.initiatorPackets[i]);
  }
  console.log("end");`;

test("a session that ended in standard input comes out before the next one is written", async () => {
  const { child, lines } = reader(PRINT_ROWS);
  child.stdin.write(nthSession(0));
  for (let i = 1; i < 4; i++) {
    child.stdin.write(records(nthSession(i)));
    expect((await lines.next()).value).toBe(`${clientEndpoint(i - 1).address} 2`);
  }
  child.stdin.end();
  expect((await lines.next()).value).toBe(`${clientEndpoint(3).address} 2`);
  expect((await lines.next()).value).toBe("end");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("a record cut by silence is whole when its rest has come", async () => {
  const { child, lines } = reader(PRINT_ROWS);
  const second = records(nthSession(1));
  child.stdin.write(nthSession(0));
  child.stdin.write(second.subarray(0, 400));
  expect((await lines.next()).value).toBe(`${clientEndpoint(0).address} 2`);
  child.stdin.end(second.subarray(400));
  expect((await lines.next()).value).toBe(`${clientEndpoint(1).address} 2`);
  expect((await lines.next()).value).toBe("end");
});

test("a named pipe is waited for until somebody writes, and silence is no progress", async () => {
  const pipe = `${tempFile("c.pcap", "")}.fifo`;
  execFileSync("mkfifo", [pipe]);
  const progress: CaptureProgress[] = [];
  const batches = sessions(pipe, { onProgress: (now) => progress.push(now) });
  const first = batches.next();
  await expect(Promise.race([first, new Promise((done) => setTimeout(done, 700, "waits"))])).resolves.toBe(
    "waits",
  );
  expect(progress.length).toBeLessThanOrEqual(1);
  const writer = createWriteStream(pipe);
  writer.write(nthSession(0));
  writer.write(records(nthSession(1)));
  expect((await first).value?.count).toBe(1);
  writer.end();
  expect((await batches.next()).value?.count).toBe(1);
  expect((await batches.next()).done).toBe(true);
  expect(progress.at(-1)).toMatchObject({ packets: 8, sessions: 2, totalBytes: 0 });
});

test("abort ends a reader that waits for a named pipe that nobody opens", async () => {
  const pipe = `${tempFile("c.pcap", "")}.fifo`;
  execFileSync("mkfifo", [pipe]);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 100);
  const started = performance.now();
  await expect(sessions(pipe, { signal: controller.signal }).next()).rejects.toMatchObject({
    code: "ERR_ABORTED",
  });
  expect(performance.now() - started).toBeLessThan(5000);
});
