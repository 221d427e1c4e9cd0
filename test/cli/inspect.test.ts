import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";
import { ethernetFrame, ipPacket, join, pcapFile, tcpPacket, udpPacket } from "../support/pcap-builder.ts";
import { SAMPLES, sampleManifest } from "../support/samples.ts";
import { tempFile } from "../support/temp-folder.ts";

const files = Object.values(sampleManifest.classes).flatMap((entry) => entry.files);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("inspect", () => {
  test("counts the sample captures as the independent counter does, file by file and in total", async () => {
    const { code, stdout } = await runCli([
      "inspect",
      SAMPLES,
      "--idle-timeout",
      "0",
      "--active-timeout",
      "0",
      "--json",
    ]);
    expect(code).toBe(0);
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({
      packets: sum(files.map((file) => file.packets)),
      sessions: {
        tcp: sum(files.map((file) => file.sessions.tcp)),
        udp: sum(files.map((file) => file.sessions.udp)),
      },
      linktypes: [1],
      skipped: {},
      truncated: false,
    });
    for (const { file, packets, sessions } of files) {
      expect(summary.files.find((entry: { file: string }) => entry.file.endsWith(file))).toMatchObject({
        packets,
        sessions,
      });
    }
  });

  test("reads standard input", async () => {
    const { file, packets, sessions } = files[0]!;
    const input = readFileSync(`${SAMPLES}/${file}`);
    const { code, stdout } = await runCli(["inspect", "-", "--json"], { input });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ packets, sessions });
  });

  test("tells of a truncated capture with the byte offset, and still counts what is whole", async () => {
    const whole = readFileSync(`${SAMPLES}/${files[0]!.file}`);
    const path = tempFile("cut.pcap", whole.subarray(0, whole.length - 5));
    const { code, stdout, stderr } = await runCli(["inspect", path, "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ truncated: true, packets: files[0]!.packets - 1 });
    expect(stderr).toMatch(/cut\.pcap.*truncated.*\d+/);
  });

  test("prints for people what it saw, layer by layer", async () => {
    const { stdout } = await runCli(["inspect", SAMPLES]);
    for (const line of [
      /^packets +26,766 +\d+\.\d MiB read$/m,
      /^ {2}in sessions +26,766 +100\.0 %$/m,
      /^link types\n {2}ETHERNET \(1\) +26,766 +100\.0 %$/m,
      /^link and network layers\n {2}IPv4 +\d+,\d+ +\d+\.\d %\n {2}IPv6 /m,
      /^transports\n {2}TCP .*\n {2}UDP /m,
      /^how they ended\n/m,
      /^TCP streams\n {2}segments sent again +\d+$/m,
      /^memory\n {2}sessions open at one time +\d+$/m,
    ])
      expect(stdout).toMatch(line);
    expect(stdout).not.toMatch(/tunnels|fragments|skipped|truncated|undefined|NaN/);
  });

  test("layers add up: VXLAN and GRE around TCP, ICMP beside it, a VLAN, a link type without IP", async () => {
    const client = { address: "10.0.0.1", port: 40_000 };
    const server = { address: "192.0.2.7", port: 443 };
    const inner = tcpPacket(client, server, new Uint8Array(20));
    const vxlan = udpPacket(
      { address: "172.16.0.1", port: 50_000 },
      { address: "172.16.0.2", port: 4789 },
      join([8, 0, 0, 0, 0, 0, 42, 0], ethernetFrame(inner)),
    );
    const gre = ipPacket("172.16.0.1", "172.16.0.2", 47, join([0, 0, 8, 0], inner));
    const tagged = join(ethernetFrame(inner).subarray(0, 12), [0x81, 0, 0, 7, 8, 0], inner);
    const icmp = ipPacket(client.address, server.address, 1, new Uint8Array(8));
    const timeNs = 1_700_000_000_000_000_000n;
    const records = [vxlan, gre, icmp].map((packet) => ({ timeNs, bytes: ethernetFrame(packet) }));
    const path = tempFile("layers.pcap", pcapFile([...records, { timeNs, bytes: tagged }]));
    const usb = tempFile("usb.pcap", pcapFile([{ timeNs, bytes: new Uint8Array(64) }], { linktype: 189 }));
    const json = JSON.parse((await runCli(["inspect", path, usb, "--json"])).stdout);
    expect(json).toMatchObject({
      packets: 5,
      sessionPackets: 3,
      skipped: { otherTransport: 1, linktypeWithoutIp: 1 },
      sessions: { tcp: 1, udp: 0 },
      linktypes: [1, 189],
      linktypeRecords: [
        { linktype: 1, records: 4 },
        { linktype: 189, records: 1 },
      ],
      layers: { vlan: 1, ipv4: 4, gre: 1, vxlan: 1, tcp: 3, icmp: 1 },
      fragments: { datagrams: 0, incomplete: 0, evicted: 0, overlapping: 0, duplicates: 0 },
      ended: { endOfInput: 1, idleTimeout: 0, activeTimeout: 0, evicted: 0, fin: 0, rst: 0, early: 0 },
      peakSessions: 1,
      evictedSessions: 0,
      shortenedSessions: 0,
    });
    const text = (await runCli(["inspect", path, usb, "--decap", "none", "--protocols", "all"])).stdout;
    expect(text).toMatch(/^sessions +4$/m);
    expect(text).toMatch(/^ {2}GRE +1 +25\.0 %$/m);
    expect(text).toMatch(/^ {2}USB_LINUX \(189\) +1 +20\.0 %$/m);
    expect(text).toMatch(/^skipped\n {2}link type without IP +1 +20\.0 %$/m);
  });
});

describe("wrong usage", () => {
  test.each([
    [["inspect"], 2, "missing required argument 'capture'"],
    [["inspect", "x", "--idle-timeout", "-1"], 2, "Expected seconds, 0 or more"],
    [["inspect", "x", "--decap", "vpn"], 2, "--decap"],
    [["inspect", "x", "--protocols", "tcp,300"], 2, "or numbers from 0 to 255"],
    [["inspect", "x", "--memory", "lots"], 2, "--memory"],
    [["inspect", "x", "--threads", "0"], 2, '"auto" or an integer from 1 to 64'],
    [["inspect", "x", "--sequence", "5"], 2, "unknown option '--sequence'"],
    [["inspect", "x", "--input-method", "mmap"], 2, "read, map"],
    [["encode", "x", "-o", "y", "--sequence", "1025"], 2, "an integer from 0 to 1024"],
    [["encode", "x", "-o", "y", "--order", "time"], 2, "stream, capture"],
    [
      ["classify", "x", "--model", "y", "--sequence", "5"],
      2,
      "Expected --sequence to be with --json or --output",
    ],
    [["classify", "x", "--model", "y", "--sequence", "5", "-o", "v.csv"], 2, "which can hold sequences"],
    [["inspect", "x", "--bogus"], 2, "unknown option '--bogus'"],
    [["bogus"], 2, "unknown command 'bogus'"],
    [["encode", "x", "-o", "y", "--view", "l4"], 2, "pcap, l3, l7"],
    [["train", "x", "-o", "y", "--labels", "ten"], 2, "a percentage such as"],
    [["train", "x"], 2, "-o, --output"],
    [["inspect", "does-not-exist.pcap"], 1, "Cannot read does-not-exist.pcap"],
    [["inspect", "package.json"], 1, "package.json: expected a pcap"],
    [["evaluate", "does-not-exist.onnx", SAMPLES], 1, "does-not-exist.onnx: no such file"],
    [["evaluate", "package.json", SAMPLES], 1, "expected a dataset"],
    [["evaluate", "package.json", SAMPLES, "--curves", "none/c.json"], 1, "the folder none does not exist"],
    [["classify", SAMPLES, "--model", "does-not-exist.onnx"], 1, "no such file"],
    [["classify", SAMPLES, "--model", "src"], 1, "Expected a run folder with model.onnx but src has none"],
    [["classify", SAMPLES, "--model", "x", "-o", "none/v.csv"], 1, "the folder none does not exist"],
    [["classify", SAMPLES, "--model", "package.json"], 1, "package.json"],
  ])("%j exits with %i and says why in one message", async (args, status, message) => {
    const { code, stdout, stderr } = await runCli(args as string[]);
    expect(code).toBe(status);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at "); // no stack
  });

  test.each([["--help"], ["help"], ["train", "--help"], ["--version"]])(
    "%j exits with 0",
    async (...args) => {
      const { code, stdout } = await runCli(args.flat());
      expect(code).toBe(0);
      expect(stdout).not.toBe("");
    },
  );

  test.each(["inspect", "encode", "train", "evaluate", "classify", "models"])(
    "%s --help has examples",
    async (verb) => {
      expect((await runCli([verb, "--help"])).stdout).toMatch(
        new RegExp(`Examples:\\n +\\$ flowglyph ${verb}`),
      );
    },
  );
});

test("file names cannot move the cursor or break a message into lines", async () => {
  const { stderr } = await runCli(["inspect", tempFile("a\u001b[31m\n.pcap", "no capture at all, really")]);
  expect(stderr).toContain("a\\x1b[31m\\n.pcap: expected a pcap");
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

test.skipIf(!existsSync("/dev/full"))("a full disk behind standard output is told of", () => {
  const main = new URL("../../dist/src/cli/main.js", import.meta.url).pathname;
  const command = `"${process.execPath}" "${main}" inspect "${SAMPLES}" 2>&1 > /dev/full; echo "exit $?"`;
  expect(execFileSync("bash", ["-c", command], { encoding: "utf8" })).toBe(
    "flowglyph: Cannot write standard output: no space left on the device\nexit 1\n",
  );
});

test("a reader that closes early is no failure", () => {
  const main = new URL("../../dist/src/cli/main.js", import.meta.url).pathname;
  const command = `set -o pipefail; "${process.execPath}" "${main}" inspect "${SAMPLES}" --json | head -c 10`;
  expect(execFileSync("bash", ["-c", command], { encoding: "utf8" })).toHaveLength(10);
});
