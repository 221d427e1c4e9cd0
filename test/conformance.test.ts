// The conformance corpus (see FLOWGLYPH_DATA): our counts against expected.json, on every capture and link type. Every
// difference is listed here with what we count and why the other reader is wrong, or is a failure; so is a listed difference
// that is gone. Tunnels stay closed and fragments apart for it (`decap: "none"`, view `pcap`), as that reader leaves them;
// what is inside of tunnels is compared with nDPI's flow counts and with a golden list.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type Counts, countsOf, countTunnels, type Expected } from "./conformance/counts.ts";

const DATA = process.env.FLOWGLYPH_DATA ?? join(import.meta.dirname, "../../shared/data");

interface Known extends Partial<Counts> {
  /** Who is right, and how it was found out. */
  readonly why: string;
}

// The reader behind expected.json has no decoder for these layers and calls their records unparsed. Wireshark 4.0 counts
// what we count, record by record; where it can't read the link type, tcpdump does.
const layer = (name: string) => `${name}: unparsed there; Wireshark's sessions are ours`;

const KNOWN_DIFFERENCES: Readonly<Record<string, Known>> = {
  "ndpi/pcap/BGP_Cisco_hdlc_slarp.pcap": { tcp: 1, why: layer("Cisco HDLC in a PPP capture; nDPI's too") },
  "ndpi/pcap/BGP_redist.pcap": { tcp: 2, why: layer("Cisco HDLC, MPLS; nDPI's too") },
  "ndpi/pcap/someip_sd_sample.pcap": { udp: 2, why: layer("PPI; nDPI's too") },
  "ndpi/pcap/fuzz-2021-10-13.pcap": {
    packets: 1,
    why: "file version 0.0: before 2.3 the two lengths of a record stood the other way round, and read so the record is whole",
  },
  "tcpdump/LINKTYPE_PKTAP.pcap": { udp: 1, why: layer("PKTAP") },
  "tcpdump/LINKTYPE_USER2_PKTAP.pcap": { udp: 1, why: layer("PKTAP") },
  "tcpdump/arcnet-rfc1201-arp-icmp-http.pcap": { tcp: 1, udp: 1, why: layer("ARCnet") },
  "tcpdump/bgp-aigp.pcap": { tcp: 1, why: layer("Juniper Ethernet") },
  "tcpdump/ieee802.11_htc.pcap": { udp: 1, why: layer("802.11 with HT control") },
  "tcpdump/ipoib.pcap": { tcp: 6, why: layer("IP over InfiniBand") },
  "tcpdump/ipv4_invalid_total_length_2.pcap": {
    udp: 0,
    why: "IPv4 total length 19 is less than the header's 20: tcpdump and Wireshark stop there too",
  },
  "tcpdump/lspping-fec-ldp.pcap": { tcp: 2, udp: 2, why: layer("MPLS") },
  "tcpdump/lspping-fec-rsvp.pcap": { udp: 2, why: layer("MPLS") },
  "tcpdump/macsec-short-longer.pcap": { udp: 1, why: layer("MACsec without encryption") },
  "tcpdump/macsec-short-shorter.pcap": { udp: 1, why: layer("MACsec without encryption") },
  "tcpdump/mpls-traceroute.pcap": { udp: 9, why: layer("MPLS") },
  "tcpdump/nflog.pcap": { udp: 4, why: layer("NFLOG") },
  "tcpdump/nsh.pcap": { udp: 1, why: layer("NSH") },
  "tcpdump/tok2str-oobr-2.pcap": { udp: 1, why: layer("MPLS") },
  "libpcap/tests/pcapng-invalid-vers-1.pcapng": {
    packets: 0,
    why: "section of version 0: libpcap's own test wants it refused; we skip it with a warning",
  },
  "libpcap/tests/filter/arcnet-rfc1051-arp-icmp-http.pcap": { tcp: 1, udp: 1, why: layer("ARCnet") },
  "libpcap/tests/filter/arcnet-rfc1201-arp-icmp-http.pcap": { tcp: 1, udp: 1, why: layer("ARCnet") },
  "libpcap/tests/filter/brcm-tag.pcap": { udp: 3, why: "a Broadcom switch's tag: unparsed there" },
  "gopacket/pcapgo/tests/be/test901.pcapng": {
    packets: 2,
    udp: 1,
    why: "the section of version 2 is skipped with a warning",
  },
  "pcapplusplus/Tests/Packet++Test/PacketExamples/CiscoHDLC.pcap": { tcp: 1, why: layer("Cisco HDLC") },
  "pcapplusplus/Tests/Packet++Test/PacketExamples/MplsPackets.pcap": { tcp: 1, why: layer("MPLS") },
  "pcapplusplus/Tests/Packet++Test/PacketExamples/ipv4-malformed.pcap": {
    tcp: 0,
    why: "an IPv4 total length of 11 in one packet, an IP version of 5 in the other",
  },
  "zeek/Traces/dns-inverse-query.pcap": { tcp: 1, why: layer("FDDI") },
  "zeek/Traces/llc.pcap": { tcp: 1, why: layer("FDDI") },
  "zeek/Traces/mixed-vlan-mpls.pcap": { tcp: 3, why: layer("MPLS") },
  "zeek/Traces/pbb.pcap": { tcp: 1, why: layer("provider backbone bridging") },
  "zeek/Traces/radiotap.pcap": { udp: 2, why: layer("radiotap") },
  "zeek/Traces/snap-tcp.pcap": { tcp: 1, why: layer("SNAP") },
  "zeek/Traces/vntag_vlan_sandwich_clean.pcap": { tcp: 1, why: layer("VNTAG") },
  "zeek/Traces/wlanmon.pcap": { udp: 2, why: layer("802.11") },
  "npm/x/package/test/malformed.pcap": { error: "ERR_CAPTURE_FORMAT", why: "text, not a capture" },
};

const folder = join(DATA, "conformance");
const present = existsSync(join(folder, "expected.json"));

describe.skipIf(!present)("conformance corpus", () => {
  let all: readonly Expected[] = [];
  beforeAll(() => {
    all = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
  });

  test("packets, sessions and fragments equal those expected of every capture", {
    timeout: 600_000,
  }, async () => {
    const different = new Map<string, Counts>();
    for (const expected of all) {
      const ours = await countsOf(join(folder, expected.path), { decap: "none", view: "pcap" });
      if (!sameCounts(ours, expected)) different.set(expected.path, ours);
    }
    const agreed = all.filter(({ path, two_implementations_agree: two }) => two && !different.has(path));
    console.log(
      [
        `${all.length} captures, ${all.length - different.size} equal, of which ${agreed.length} with two implementations in agreement`,
        ...[...different].map(
          ([path, ours]) =>
            `${path}: ${JSON.stringify(ours)} (${KNOWN_DIFFERENCES[path]?.why ?? "NOT KNOWN"})`,
        ),
      ].join("\n  "),
    );
    expect([...different.keys()].sort()).toEqual(Object.keys(KNOWN_DIFFERENCES).sort());
    for (const expected of all) {
      const ours = different.get(expected.path);
      if (ours === undefined) continue;
      const { why: _, ...known } = KNOWN_DIFFERENCES[expected.path]!;
      if (known.error === undefined)
        expect({ path: expected.path, ...ours }).toEqual({
          path: expected.path,
          ...countsExpected(expected),
          ...known,
        });
      else expect(ours.error).toBe(known.error);
      // Two readers against us: then we are wrong.
      expect(expected.two_implementations_agree ?? false).toBe(false);
      // tcpdump's output confirms how many packets there are, and nothing about sessions.
      if (expected.packets_confirmed_by_tcpdump_out) expect(ours.packets).toBe(expected.packets);
    }
  });

  test("sessions inside of tunnels: the golden list, and nDPI where it opens them", {
    timeout: 600_000,
  }, async () => {
    const ours = await countTunnels(folder, all);
    // `vitest run test/conformance.test.ts -u` writes the list anew. Look at every change before you commit it: tshark -T
    // fields -e ip.src -e ip.dst -e ipv6.src -e ipv6.dst shows the packets inside.
    await expect(`${JSON.stringify(ours, null, 2)}\n`).toMatchFileSnapshot("conformance/tunnels.json");
    const disputed = all.filter(({ path, ndpi }) => {
      const inside = ours[path]?.all;
      return inside && ndpi && (inside.tcp !== ndpi.tcp || inside.udp !== ndpi.udp);
    });
    // nDPI leaves Teredo closed. What is inside of this capture is ICMPv6 and packets without content.
    expect(disputed.map(({ path }) => path)).toEqual(["ndpi/pcap/teredo.pcap"]);
  });
});

function countsExpected({ packets, tcp, udp, frag_tail }: Expected): Counts {
  return { packets, tcp, udp, frag_tail };
}

function sameCounts(ours: Counts, expected: Expected): boolean {
  const want = countsExpected(expected);
  return (
    ours.error === undefined &&
    ours.packets === want.packets &&
    ours.tcp === want.tcp &&
    ours.udp === want.udp &&
    ours.frag_tail === want.frag_tail
  );
}
