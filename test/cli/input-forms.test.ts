// Every form of input, through the library and through the command line.
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { inspect, sessions } from "../../src/capture/index.ts";
import { runCli, startCli } from "../support/cli.ts";
import { THREE_SESSIONS_XZ, THREE_SESSIONS_ZSTD, threeSessions } from "../support/compressed-samples.ts";
import {
  type CaptureRecord,
  clientEndpoint,
  exchange,
  manySessions,
  pcapFile,
} from "../support/pcap-builder.ts";
import { tempFile, tempFolder } from "../support/temp-folder.ts";
import { firstBytesWeights, tinyModel } from "../support/tiny-onnx.ts";

const SERVER = { address: "192.0.2.1", port: 443 };
const START = 1_700_000_000_000_000_000n;

/** A capture file, what names it, and how many sessions are in what is named. */
interface Form {
  readonly name: string;
  readonly inputs: () => string[];
  readonly sessions: number;
}

function folder(): string {
  const path = tempFolder();
  mkdirSync(join(path, "b"));
  writeFileSync(join(path, "a.pcap"), threeSessions());
  writeFileSync(join(path, "b/b.pcap.gz"), gzipSync(manySessions(5)));
  writeFileSync(join(path, "b/notes.txt"), "no capture");
  return path;
}

const FORMS: readonly Form[] = [
  { name: "a file", inputs: () => [tempFile("a.pcap", threeSessions())], sessions: 3 },
  {
    name: "several files",
    inputs: () => [1, 2].map((n) => tempFile(`${n}.pcap`, threeSessions())),
    sessions: 6,
  },
  { name: "a folder", inputs: () => [folder()], sessions: 8 },
  { name: "a pattern", inputs: () => [join(folder(), "**/*.pcap*")], sessions: 8 },
  // By content: the names say nothing.
  { name: "gzip", inputs: () => [tempFile("a", gzipSync(threeSessions()))], sessions: 3 },
  { name: "zstd", inputs: () => [tempFile("a.pcap", THREE_SESSIONS_ZSTD)], sessions: 3 },
  { name: "xz", inputs: () => [tempFile("a.bin", THREE_SESSIONS_XZ)], sessions: 3 },
];

describe.each(FORMS)("$name", ({ inputs, sessions: expected }) => {
  test("through the library, read and mapped", async () => {
    const given = inputs();
    for (const inputMethod of ["read", "map"] as const) {
      let count = 0;
      for await (const batch of sessions(given, { inputMethod })) count += batch.count;
      expect(count, inputMethod).toBe(expected);
    }
    expect((await inspect(given)).sessions).toEqual({ tcp: expected, udp: 0 });
  });

  test("through the command line", async () => {
    const { code, stdout, stderr } = await runCli(["inspect", ...inputs(), "--json"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(JSON.parse(stdout).sessions).toEqual({ tcp: expected, udp: 0 });
  });
});

test.each([
  ["plain", threeSessions()],
  ["gzip", gzipSync(threeSessions())],
  ["zstd", THREE_SESSIONS_ZSTD],
  ["xz", THREE_SESSIONS_XZ],
])("standard input, %s", async (_, input) => {
  const { code, stdout } = await runCli(["inspect", "-", "--json"], { input });
  expect(code).toBe(0);
  expect(JSON.parse(stdout).sessions).toEqual({ tcp: 3, udp: 0 });
  const script = `
    import { sessions } from "flowglyph";
    let count = 0;
    for await (const batch of sessions("-")) count += batch.count;
    console.log(count);`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    input,
    encoding: "utf8",
  });
  expect(child.stdout).toBe("3\n");
});

describe("merge", () => {
  // One session whose two directions were captured in two files.
  const both = exchange(clientEndpoint(1), SERVER, { packets: 6 });
  const side = (which: number) => pcapFile(both.filter((_, i) => i % 2 === which));
  const files = () => [tempFile("in.pcap", side(1)), tempFile("out.pcap", side(0))];

  test("makes one session of a session in two files, in the order of time", async () => {
    const read = async (merge: boolean) => {
      const rows = [];
      for await (const { count, initiatorPackets, responderPackets, initiatorPort } of sessions(files(), {
        merge,
      }))
        for (let i = 0; i < count; i++)
          rows.push([initiatorPort[i], initiatorPackets[i], responderPackets[i]]);
      return rows;
    };
    expect(await read(true)).toEqual([[clientEndpoint(1).port, 3, 3]]);
    expect(await read(false)).toHaveLength(2);
  });

  test("inspect counts merged captures as one", async () => {
    const { stdout } = await runCli(["inspect", ...files(), "--merge", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ packets: 6, sessions: { tcp: 1, udp: 0 }, files: [] });
    const apart = await runCli(["inspect", ...files(), "--json"]);
    expect(JSON.parse(apart.stdout)).toMatchObject({ packets: 6, sessions: { tcp: 2, udp: 0 } });
  });
});

describe("follow", () => {
  const nth = (i: number): CaptureRecord[] =>
    exchange(clientEndpoint(i), SERVER, { startNs: START + BigInt(i) * 200_000_000_000n });
  const records = (i: number) => pcapFile(nth(i)).subarray(24);

  test("what is appended is read, and finishSignal ends the file with the sessions that are open", async () => {
    const path = tempFile("growing.pcap", pcapFile(nth(0)));
    const finish = new AbortController();
    const batches = sessions(path, { follow: true, finishSignal: finish.signal });
    const next = async () => {
      const { value, done } = await batches.next();
      return done ? "end" : [...value!.initiatorPort].map((port, i) => [port, value!.endReason[i]]);
    };
    const first = next();
    appendFileSync(path, records(1));
    expect(await first).toEqual([[clientEndpoint(0).port, 1]]);
    const second = next();
    // Cut in the middle of a record: the rest is waited for.
    appendFileSync(path, records(2).subarray(0, 100));
    await sleep(300);
    appendFileSync(path, records(2).subarray(100));
    expect(await second).toEqual([[clientEndpoint(1).port, 1]]);
    const third = next();
    finish.abort();
    expect(await third).toEqual([[clientEndpoint(2).port, 0]]);
    expect(await next()).toBe("end");
  });

  test("a finishSignal that was aborted before counts what is there", async () => {
    const path = tempFile("growing.pcap", pcapFile([...nth(0), ...nth(1)]));
    const summary = await inspect(path, { follow: true, finishSignal: AbortSignal.abort() });
    expect(summary).toMatchObject({ packets: 8, sessions: { tcp: 2, udp: 0 } });
  });

  test("the command line ends it at the first Ctrl-C, and has classified what was read", async () => {
    const path = tempFile("growing.pcap", pcapFile(nth(0)));
    const model = tempFile("m.onnx", tinyModel({ classes: ["a", "b"], weights: firstBytesWeights(2) }));
    const child = startCli(["classify", path, "--follow", "--model", model, "--workers", "1", "--json"]);
    appendFileSync(path, records(1));
    // The first session's row: from then on it waits for more.
    await expect.poll(() => child.printed.stdout, { timeout: 30_000 }).toContain("\n");
    child.interrupt();
    const { code, stdout, stderr } = await child.ended;
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
    expect(stderr).toContain("Ending the input (Ctrl-C again to stop).");
  });
});
