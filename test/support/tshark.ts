// What tshark says about the TCP streams of a capture: their payload as "Follow TCP Stream" shows it, and its analysis of
// the sequence numbers.
import { spawnSync } from "node:child_process";

export const tsharkIsThere = spawnSync("tshark", ["--version"]).status === 0;

export interface TsharkStream {
  /** The first packet is from `client`. */
  readonly client: string;
  readonly server: string;
  readonly payload: Buffer;
}

function run(capture: string, args: readonly string[]): string {
  const options = ["-n", "-o", "tcp.check_checksum:FALSE", "-o", "ip.defragment:TRUE"];
  const { status, stdout, stderr } = spawnSync("tshark", ["-r", capture, ...options, ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`tshark failed on ${capture}: ${stderr}`);
  return stdout;
}

/** Rows of the chosen fields of the packets that pass `filter`. */
export function tsharkFields(capture: string, filter: string, fields: readonly string[]): string[][] {
  const wanted = fields.flatMap((field) => ["-e", field]);
  return run(capture, ["-Y", filter, "-T", "fields", "-E", "occurrence=l", ...wanted])
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"));
}

/** The streams with numbers 0 to `count` - 1; marks like "[12 bytes missing in capture file]" are left out. */
export function followTcp(capture: string, count: number): TsharkStream[] {
  const streams: TsharkStream[] = [];
  // One run shows many streams, each as a tap of its own.
  for (let first = 0; first < count; first += 64) {
    const numbers = Array.from({ length: Math.min(64, count - first) }, (_, i) => first + i);
    const shown = run(capture, ["-q", ...numbers.flatMap((n) => ["-z", `follow,tcp,raw,${n}`])]);
    const byNumber = new Map<number, TsharkStream>();
    for (const block of shown.split("Follow: tcp,raw\n").slice(1)) {
      const lines = block.split("\n");
      const number = Number(/^Filter: tcp\.stream eq (\d+)$/.exec(lines[0] ?? "")?.[1]);
      const [client, server] = [lines[1], lines[2]].map((line) => (line ?? "").replace(/^Node [01]: /, ""));
      const hex = lines.slice(3).map((line) => line.trim());
      const missing = Buffer.from("bytes missing in capture file]").toString("hex");
      const payload = hex.filter((line) => /^[0-9a-f]+$/.test(line) && !line.includes(missing)).join("");
      byNumber.set(number, {
        client: client ?? "",
        server: server ?? "",
        payload: Buffer.from(payload, "hex"),
      });
    }
    for (const number of numbers) {
      const stream = byNumber.get(number);
      if (stream === undefined) throw new Error(`tshark did not show stream ${number} of ${capture}`);
      streams.push(stream);
    }
  }
  return streams;
}
