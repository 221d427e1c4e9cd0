import { expect, test } from "vitest";
import { type CaptureOptions, sessions } from "../../src/capture/index.ts";

test.each([
  [{ view: "l4" }, 'Expected view to be one of pcap, l3, l7 but received "l4"'],
  [{ mask: 1 }, "Expected mask to be one of none, identity, stack but received 1"],
  [
    { idleTimeout: -1 },
    "Expected idleTimeout to be seconds from 0 (unlimited) to 9223372036 but received -1",
  ],
  [{ activeTimeout: Number.NaN }, "but received NaN"],
  [{ activeTimeout: 1e10 }, "but received 10000000000"],
  [{ batchSize: 0 }, "Expected batchSize to be an integer from 1 to 1048576 but received 0"],
  [{ batchSize: 1.5 }, "but received 1.5"],
  [{ memoryBytes: -5 }, "Expected memoryBytes to be an integer"],
  [{ signal: {} }, "Expected signal to be an AbortSignal"],
  [{ onProgress: 3 }, "Expected onProgress to be a function"],
  [{ idleTimeOut: 3 }, "Expected options to be made of view, mask, idleTimeout, activeTimeout"],
] as [CaptureOptions, string][])("%o is refused at once", (options, message) => {
  expect(() => sessions("x.pcap", options)).toThrow(message);
  expect(() => sessions("x.pcap", options)).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
});
