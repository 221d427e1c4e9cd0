import { describe, expect, test } from "vitest";
import { type CaptureOptions, PROTOCOLS, sessions, TUNNELS } from "../../src/capture/index.ts";
import { decapTunnels, protocolNumbers, resolveCaptureOptions } from "../../src/capture/options.ts";

test.each([
  [{ view: "l4" }, 'Expected view to be one of pcap, l3, l7 but received "l4"'],
  [{ mask: 1 }, "Expected mask to be one of none, identity, stack but received 1"],
  [{ order: "time" }, 'Expected order to be one of stream, capture but received "time"'],
  [
    { idleTimeout: -1 },
    "Expected idleTimeout to be seconds from 0 (unlimited) to 9223372036 but received -1",
  ],
  [{ activeTimeout: Number.NaN }, "but received NaN"],
  [{ activeTimeout: 1e10 }, "but received 10000000000"],
  [
    { closeTimeout: "5" },
    'Expected closeTimeout to be seconds from 0 (unlimited) to 9223372036 but received "5"',
  ],
  [{ batchSize: 0 }, "Expected batchSize to be an integer from 1 to 1048576 but received 0"],
  [{ batchSize: 1.5 }, "but received 1.5"],
  [{ memoryBytes: -5 }, "Expected memoryBytes to be an integer"],
  [{ sequence: -1 }, "Expected sequence to be an integer from 0 to 1024 but received -1"],
  [{ sequence: 1025 }, "but received 1025"],
  [{ threads: 0 }, 'Expected threads to be "auto" or an integer from 1 to 64 but received 0'],
  [{ threads: 65 }, "but received 65"],
  [{ threads: "2" }, 'but received "2"'],
  [{ decap: "vxlan" }, 'Expected decap to be "all", "none" or a list of ipip, 6in4'],
  [{ decap: ["vxlan", "vpn"] }, 'but received ["vxlan","vpn"]'],
  [{ protocols: [] }, 'Expected protocols to be "all" or a list of icmp, igmp, tcp, udp'],
  [{ protocols: ["TCP"] }, 'but received ["TCP"]'],
  [{ protocols: [256] }, "or numbers from 0 to 255 but received [256]"],
  [{ protocols: ["toString"] }, 'but received ["toString"]'],
  [{ merge: 1 }, "Expected merge to be true or false but received 1"],
  [{ follow: "yes" }, 'Expected follow to be true or false but received "yes"'],
  [{ inputMethod: "mmap" }, 'Expected inputMethod to be one of read, map but received "mmap"'],
  [{ signal: {} }, "Expected signal to be an AbortSignal"],
  [{ finishSignal: 1 }, "Expected finishSignal to be an AbortSignal"],
  [{ onProgress: 3 }, "Expected onProgress to be a function"],
  [{ idleTimeOut: 3 }, "Expected options to be made of view, mask, order, decap, protocols, idleTimeout"],
  [{ toString: 3 }, "Expected options to be made of view"],
] as unknown as [CaptureOptions, string][])("%o is refused at once", (options, message) => {
  expect(() => sessions("x.pcap", options)).toThrow(message);
  expect(() => sessions("x.pcap", options)).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
});

describe("equal options are equal values", () => {
  test.each([
    [
      ["vxlan", "ipip", "vxlan"],
      ["ipip", "vxlan"],
    ],
    [[], "none"],
    [[...TUNNELS].reverse(), "all"],
    ["all", "all"],
    [undefined, "all"],
  ] as [CaptureOptions["decap"], unknown][])("decap %o is %o", (decap, expected) => {
    expect(resolveCaptureOptions({ decap }).decap).toEqual(expected);
  });

  test.each([
    [
      ["udp", 6, "tcp", 41, 17],
      ["tcp", "udp", 41],
    ],
    [
      ["sctp", "icmp"],
      ["icmp", "sctp"],
    ],
    [Array.from({ length: 256 }, (_, i) => i), "all"],
    [undefined, ["tcp", "udp"]],
  ] as [CaptureOptions["protocols"], unknown][])("protocols %o are %o", (protocols, expected) => {
    expect(resolveCaptureOptions({ protocols }).protocols).toEqual(expected);
  });
});

test("what the addon is told of them", () => {
  expect(decapTunnels("all")).toEqual(TUNNELS);
  expect(decapTunnels("none")).toEqual([]);
  expect(decapTunnels(["gtpu"])).toEqual(["gtpu"]);
  expect(protocolNumbers("all")).toHaveLength(256);
  expect(protocolNumbers(["tcp", 41, "udplite"])).toEqual([6, 41, PROTOCOLS.udplite]);
});

test("a batch that would be larger than 1 GiB is refused with what fits", async () => {
  const reading = sessions("x.pcap", { batchSize: 2 ** 20, sequence: 1024 });
  // Paths are looked at first: name one that is there.
  await expect(reading.next()).rejects.toMatchObject({ code: "ERR_IO" });
  await expect(sessions("package.json", { batchSize: 2 ** 20, sequence: 1024 }).next()).rejects.toThrow(
    /^Expected batchSize to be at most \d+ with a sequence of 1024$/,
  );
});
