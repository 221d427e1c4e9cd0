import { expect, test } from "vitest";
import { formatAddress } from "../../src/capture/index.ts";
import { addressBytes } from "../support/pcap-builder.ts";

const format6 = (text: string) => formatAddress(6, addressBytes(text), 0);

test("IPv4 addresses are dotted", () => {
  const column = new Uint8Array(32);
  column.set([192, 0, 2, 255], 16);
  expect(formatAddress(4, column, 0)).toBe("0.0.0.0");
  expect(formatAddress(4, column, 1)).toBe("192.0.2.255");
});

test.each([
  // RFC 5952 section 4.1: no leading zeros; 4.2.1: :: as far as it goes
  ["2001:0db8:0000:0000:0000:0000:0002:0001", "2001:db8::2:1"],
  // 4.2.2: not for one group
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  // 4.2.3: the longest run, the first of equals
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  // 4.3: lower case
  ["2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:1", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["fe80:0:0:0:0:0:0:0", "fe80::"],
  ["1:0:0:0:0:0:0:8", "1::8"],
  // 5: an IPv4-mapped address
  ["0:0:0:0:0:ffff:c000:0201", "::ffff:192.0.2.1"],
])("%s is written %s", (given, text) => {
  expect(format6(given)).toBe(text);
});
