// `tcpdump -w - | flowglyph classify -`: verdicts while the pipe stays open, and nothing that waits for it keeps on waiting.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { asyncBufferFromFile, parquetMetadataAsync } from "hyparquet";
import { expect, onTestFinished, test } from "vitest";
import { startCli } from "../support/cli.ts";
import { clientEndpoint, exchange, pcapFile } from "../support/pcap-builder.ts";
import { runForJson } from "../support/run-script.ts";
import { tempFile } from "../support/temp-folder.ts";
import { firstBytesWeights, tinyModel } from "../support/tiny-onnx.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const START = 1_700_000_000_000_000_000n;
const SECOND = 1_000_000_000n;
const SERVER = { address: "192.0.2.1", port: 443 };

const model = () => tempFile("m.onnx", tinyModel({ classes: ["a", "b"], weights: firstBytesWeights(2) }));

/** Session `i` begins 200 s after session i - 1, which its first packet ends. */
const nthSession = (i: number) =>
  pcapFile(exchange(clientEndpoint(i), SERVER, { startNs: START + BigInt(i) * 200n * SECOND }));

test("classify prints the verdict on a session of standard input before more is written", async () => {
  const child = spawn(
    process.execPath,
    [MAIN, "classify", "-", "--model", model(), "--json", "--workers", "2"],
    {
      stdio: ["pipe", "pipe", "ignore"],
    },
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  let printed = "";
  const rows = () => printed.split("\n").filter((line) => line !== "");
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  child.stdin.write(nthSession(0));
  for (let i = 1; i < 5; i++) {
    child.stdin.write(nthSession(i).subarray(24));
    await expect.poll(() => rows().length, { timeout: 15_000 }).toBe(i);
    expect(JSON.parse(rows()[i - 1]!)).toMatchObject({
      initiator_address: clientEndpoint(i - 1).address,
      class: "a",
    });
  }
  child.stdin.end();
  expect(await once(child, "close")).toEqual([0, null]);
  expect(rows()).toHaveLength(5);
});

test("a consumer that leaves classify() is not kept by a silent pipe", async () => {
  const pipe = `${tempFile("c.pcap", "")}.fifo`;
  execFileSync("mkfifo", [pipe]);
  const outcome = await runForJson<{ rows: number; live: number }>(
    `import { openSync, writeSync } from "node:fs";
     import { captureAddon } from "./dist/bindings/capture/addon.js";
     import { Classifier } from "flowglyph";
     const pipe = openSync(data.pipe, "r+");
     writeSync(pipe, Buffer.from(data.bytes, "base64"));
     const classifier = await Classifier.load(data.model, { workers: 2 });
     let rows = 0;
     for await (const batch of classifier.classify(data.pipe)) { rows += batch.count; break; }
     await classifier.close();
     console.log(JSON.stringify({ rows, live: captureAddon().liveHandles() }));`,
    {
      pipe,
      model: model(),
      bytes: Buffer.concat([nthSession(0), nthSession(1).subarray(24)]).toString("base64"),
    },
  );
  expect(outcome).toEqual({ rows: 1, live: 0 });
});

/** Until then a busy machine may still be starting it. */
const firstRow = (child: ReturnType<typeof startCli>) =>
  expect.poll(() => child.printed.stdout, { timeout: 30_000 }).toContain("\n");

test("the first Ctrl-C ends a live input: what was read is classified and written, open sessions as well", async () => {
  const output = `${tempFile("m", "")}.parquet`;
  const child = startCli(["classify", "-", "--model", model(), "--workers", "1", "-o", output]);
  child.write(nthSession(0));
  child.write(nthSession(1).subarray(24));
  // Opened for the first verdict, and not yet whole.
  await expect.poll(() => existsSync(`${output}.partial`), { timeout: 30_000 }).toBe(true);
  expect(existsSync(output)).toBe(false);
  child.interrupt();
  const { code, stderr } = await child.ended;
  expect(stderr).toContain("Ending the input (Ctrl-C again to stop).");
  expect(stderr).toContain("2 sessions");
  expect(code).toBe(0);
  expect((await parquetMetadataAsync(await asyncBufferFromFile(output))).num_rows).toBe(2n);
});

test("what the writer of a pipe says last, when Ctrl-C reaches it as well, is still read", async () => {
  const child = startCli(["classify", "-", "--model", model(), "--workers", "1", "--json"]);
  child.write(nthSession(0));
  child.write(nthSession(1).subarray(24));
  await firstRow(child);
  child.interrupt();
  await expect.poll(() => child.printed.stderr).toContain("Ending the input");
  child.write(nthSession(2).subarray(24));
  child.end();
  const { code, stdout } = await child.ended;
  expect(code).toBe(0);
  expect(stdout.trimEnd().split("\n")).toHaveLength(3);
});

test("the second Ctrl-C stops", async () => {
  const child = startCli(["classify", "-", "--model", model(), "--workers", "1", "--json"]);
  child.write(nthSession(0));
  child.write(nthSession(1).subarray(24));
  await firstRow(child);
  child.interrupt();
  await expect.poll(() => child.printed.stderr).toContain("Ending the input");
  child.interrupt();
  const { code, stderr } = await child.ended;
  expect(stderr).toContain("Stopping (Ctrl-C again to stop at once).");
  expect(code).toBe(130);
});
