// The conformance corpus (see FLOWGLYPH_DATA): our counts against expected.json, capture by capture. Every difference is either
// listed here with the reason why the other reader is wrong, or a failure; so is a listed difference that is gone.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inspect } from "../src/capture/index.ts";

const DATA = process.env.FLOWGLYPH_DATA ?? join(import.meta.dirname, "../../shared/data");

interface Expected {
  readonly path: string;
  readonly linktypes: readonly number[];
  readonly packets: number;
  readonly tcp: number;
  readonly udp: number;
  readonly frag_tail: number;
  readonly two_implementations_agree?: boolean;
}

/** The rows of native/core/linktype.cpp. */
const OUR_LINKTYPES = new Set([0, 1, 12, 14, 101, 108, 113, 228, 229, 276]);

const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  "ndpi/pcap/fuzz-2021-10-13.pcap":
    "file version 0.0: before 2.3 the two lengths of a record stood the other way round, and read so the record is whole",
  "tcpdump/ipv4_invalid_total_length_2.pcap":
    "IPv4 total length 19 is less than the header's 20: tcpdump and Wireshark stop there too",
  "pcapplusplus/Tests/Packet++Test/PacketExamples/ipv4-malformed.pcap":
    "an IPv4 total length of 11 in one packet, an IP version of 5 in the other",
  "libpcap/tests/pcapng-invalid-vers-1.pcapng":
    "section of version 0: libpcap's own test wants it refused; we skip it with a warning",
  "gopacket/pcapgo/tests/be/test901.pcapng": "the section of version 2 is skipped with a warning",
  "npm/x/package/test/malformed.pcap": "text, not a capture",
};

const folder = join(DATA, "conformance");
const present = existsSync(join(folder, "expected.json"));

describe.skipIf(!present)("conformance corpus", () => {
  const all: readonly Expected[] = present
    ? JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"))
    : [];

  test("session counts equal those of every capture of our link types", { timeout: 300_000 }, async () => {
    const different = new Map<string, string>();
    const left: string[] = [];
    let agreed = 0;
    let compared = 0;
    for (const expected of all) {
      const foreign = expected.linktypes.filter((linktype) => !OUR_LINKTYPES.has(linktype));
      if (foreign.length > 0) {
        if (expected.two_implementations_agree)
          left.push(`${expected.path}: link type ${foreign.join(", ")}, no row yet`);
        continue;
      }
      compared += 1;
      const difference = await compare(expected);
      if (difference) different.set(expected.path, difference);
      else if (expected.two_implementations_agree) agreed += 1;
    }
    const lines = [...different].map(
      ([path, text]) => `${path}: ${text} (${KNOWN_DIFFERENCES[path] ?? "NOT KNOWN"})`,
    );
    console.log(
      [
        `${compared} captures compared, ${compared - different.size} equal, of which ${agreed} with two implementations in agreement`,
        ...lines,
        ...left,
      ].join("\n  "),
    );
    expect([...different.keys()].sort()).toEqual(Object.keys(KNOWN_DIFFERENCES).sort());
    const disputed = all.filter(
      ({ path, two_implementations_agree }) => two_implementations_agree && different.has(path),
    );
    expect(disputed).toEqual([]);
  });

  async function compare(expected: Expected): Promise<string | undefined> {
    try {
      const { packets, sessions, skipped } = await inspect(join(folder, expected.path), {
        idleTimeout: 0,
        activeTimeout: 0,
      });
      const ours = { packets, ...sessions, frag_tail: skipped.fragmentTail ?? 0 };
      const differing = (Object.keys(ours) as (keyof typeof ours)[]).filter(
        (name) => ours[name] !== expected[name],
      );
      return differing.map((name) => `${name} expected ${expected[name]}, received ${ours[name]}`).join("; ");
    } catch (error) {
      return String(error);
    }
  }
});
