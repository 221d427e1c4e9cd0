import { describe, expect, it } from "vitest";
import { addressKey } from "../../src/dataset/address-key.ts";
import { folderClasses, parseLabels, ruleLabeller, type SessionKey } from "../../src/dataset/labels.ts";

const session = (text: string): SessionKey => {
  const [protocol, initiator, initiatorPort, responder, responderPort] = text.split(" ");
  return {
    protocol: Number(protocol),
    initiator: addressKey(initiator!)!,
    initiatorPort: Number(initiatorPort),
    responder: addressKey(responder!)!,
    responderPort: Number(responderPort),
  };
};
const WEB = session("6 10.0.0.1 50000 192.0.2.7 443");
const DNS = session("17 2001:db8::1 5353 2001:db8::53 53");

function classOf(csv: string, capture: string, key: SessionKey): string | undefined {
  const labeller = ruleLabeller(parseLabels(csv, "labels.csv"), [capture]);
  return labeller.classes[labeller.labelOf(0, () => key)];
}

describe("folder name = class", () => {
  it("takes the first folder below the input, however deep the capture lies", () => {
    expect(
      folderClasses([
        { path: "/in/chat/a.pcap", root: "/in" },
        { path: "/in/mail/monday/b.pcap", root: "/in" },
        { path: "/in/c.pcap", root: "/in" },
      ]),
    ).toEqual(["chat", "mail", undefined]);
  });
  it("takes the input's own name when the captures lie in it, and none for a file that was named", () => {
    expect(
      folderClasses([
        { path: "/in/chat/a.pcap", root: "/in/chat" },
        { path: "/in/mail/b.pcap", root: "/in/mail/" },
        { path: "/in/x.pcap", root: undefined },
      ]),
    ).toEqual(["chat", "mail", undefined]);
  });
});

describe("label files", () => {
  it("label whole captures, by path or its last parts", () => {
    const csv = "capture,class\nday1/a.pcap,Chat\nb.pcap,Mail\n";
    expect(classOf(csv, "data/day1/a.pcap", WEB)).toBe("Chat");
    expect(classOf(csv, "data/day2/a.pcap", WEB)).toBeUndefined();
    expect(classOf(csv, "b.pcap", WEB)).toBe("Mail");
    expect(classOf(csv, "xb.pcap", WEB)).toBeUndefined();
  });

  const header = "protocol,initiator_address,initiator_port,responder_address,responder_port,class\n";
  it("label 5-tuples in either direction", () => {
    for (const rule of ["tcp,10.0.0.1,50000,192.0.2.7,443,Web", "6,192.0.2.7,443,10.0.0.1,50000,Web"]) {
      expect(classOf(header + rule, "a.pcap", WEB)).toBe("Web");
      expect(classOf(header + rule, "a.pcap", { ...WEB, protocol: 17 })).toBeUndefined();
      expect(classOf(header + rule, "a.pcap", { ...WEB, responderPort: 444 })).toBeUndefined();
    }
    expect(classOf(`${header}UDP,2001:DB8:0:0::53,53,2001:db8::0:1,5353,Dns`, "a.pcap", DNS)).toBe("Dns");
  });

  it("take an empty cell for anything, and keep the two ends apart", () => {
    expect(classOf(`${header},,,,443,Web`, "a.pcap", WEB)).toBe("Web");
    expect(classOf(`${header},,443,,,Web`, "a.pcap", WEB)).toBe("Web");
    // The address of one end with the port of the other is no match.
    expect(classOf(`${header},10.0.0.1,443,,,Web`, "a.pcap", WEB)).toBeUndefined();
  });

  it("may be separated by semicolons or tabs, as spreadsheets of many languages write them", () => {
    for (const delimiter of [";", "\t"]) {
      const csv = `\ufeffcapture,class\r\nb.pcap,"Mail, new"\r\n`.replaceAll(/,(?! )/g, delimiter);
      expect(classOf(csv, "b.pcap", WEB)).toBe("Mail, new");
    }
  });
  it("let the first fitting rule win, exact or not", () => {
    const exact = "tcp,10.0.0.1,50000,192.0.2.7,443,Exact";
    expect(classOf(`${header}${exact}\n,,,,443,Wild`, "a.pcap", WEB)).toBe("Exact");
    expect(classOf(`${header},,,,443,Wild\n${exact}`, "a.pcap", WEB)).toBe("Wild");
  });

  it("may name a capture beside the 5-tuple", () => {
    const csv = "capture,responder_port,class\na.pcap,443,A\nb.pcap,443,B\n";
    expect(classOf(csv, "x/a.pcap", WEB)).toBe("A");
    expect(classOf(csv, "x/b.pcap", WEB)).toBe("B");
  });

  it("report rules that fit no session", () => {
    const labeller = ruleLabeller(parseLabels("responder_port,class\n443,Web\n25,Mail\n", "l.csv"), [
      "a.pcap",
    ]);
    expect(labeller.labelOf(0, () => WEB)).toBe(labeller.classes.indexOf("Web"));
    expect(labeller.unmatched()).toEqual(['line 3 (class "Mail") fits no session']);
  });

  it.each([
    ["", /labels.csv:1: expected column class .* received nothing/],
    ["class\nx\n", /:1: expected column class and at least one of row, capture, protocol/],
    ["capture,klass\na,b\n", /:1: expected columns .* received column "klass"/],
    ["capture,class\n", /:2: expected at least one rule/],
    ["capture,class\na.pcap,Chat\nb.pcap,\n", /:3: expected a class but received an empty cell/],
    ["capture,class\n,Chat\n", /:2: expected a capture, protocol, address or port/],
    ["capture,class\na,b,c\n", /:2: expected CSV but/],
    [
      "responder_port,class\n\n70000,Chat\n",
      /:3: expected responder_port to be a whole number up to 65535 but received "70000"/,
    ],
    [
      "protocol,class\nicmp6,Chat\n",
      /:2: expected protocol to be a whole number up to 255 but received "icmp6"/,
    ],
    [
      "responder_address,class\n10.0.0.256,Chat\n",
      /:2: expected responder_address to be an IPv4 or IPv6 address/,
    ],
  ])("refuse %j with the line number", (csv, message) => {
    expect(() => parseLabels(csv, "labels.csv")).toThrow(message);
    expect(() => parseLabels(csv, "labels.csv")).toThrow(
      expect.objectContaining({ code: "ERR_LABELS" }) as Error,
    );
  });
});

describe("address keys", () => {
  it("are equal for the spellings of one address", () => {
    const same = ["::ffff:192.0.2.1", "::FFFF:c000:0201", "0:0:0:0:0:ffff:c000:201"].map(addressKey);
    expect(new Set(same)).toEqual(new Set([`6:${"0".repeat(20)}ffffc0000201`]));
    expect(addressKey("::")).toBe(`6:${"0".repeat(32)}`);
    expect(addressKey("2001:db8::")).toBe(`6:20010db8${"0".repeat(24)}`);
    expect(addressKey("192.0.2.1")).toBe("4:c0000201");
    for (const wrong of ["", "1.2.3", "fe80::1%eth0", "host"]) expect(addressKey(wrong)).toBeUndefined();
  });
});
