// The tuned TypeScript's encoder alone, over the packets and into the ring of images that flowglyph_encode_bench uses.
//   node encode-typescript.js CAPTURE [ROUNDS]
import { closeSync, openSync, readSync } from "node:fs";
import { IMAGE_BYTES } from "./typescript/batch.ts";
import { Encoder } from "./typescript/encoder.ts";

const BYTES = 128 * 2 ** 20;
const BATCH = 1024;

const memory = new ArrayBuffer(BYTES + BATCH * IMAGE_BYTES);
const bytes = new Uint8Array(memory);
const view = new DataView(memory);
const file = openSync(process.argv[2]!, "r");
let end = 0;
for (let got = -1; got !== 0 && end < BYTES; end += got) got = readSync(file, bytes, end, BYTES - end, null);
closeSync(file);

// ip, length, transport, payload, protocol of each packet; the generator's captures are plain Ethernet.
const FIELDS = 5;
const GROUP = 2048;
const packets = new Int32Array(FIELDS * GROUP);
const encoder = new Encoder(memory);
let image = BYTES;
let fill = 0;

/** Parses a group of packets from `at` on; returns how many, and where the next one begins. */
function parseGroup(at: number): { count: number; next: number } {
  let count = 0;
  let next = at;
  while (count < GROUP && next + 16 <= end) {
    const length = view.getUint32(next + 8, true);
    const ip = next + 30;
    if (next + 16 + length > end) break;
    const v4 = bytes[ip]! >> 4 === 4;
    const protocol = bytes[ip + (v4 ? 9 : 6)]!;
    const transport = ip + (v4 ? 20 : 40);
    const i = FIELDS * count++;
    packets[i] = ip;
    packets[i + 1] = v4 ? view.getUint16(ip + 2) : 40 + view.getUint16(ip + 4);
    packets[i + 2] = transport;
    packets[i + 3] = transport + (protocol === 17 ? 8 : (bytes[transport + 12]! >> 4) * 4);
    packets[i + 4] = protocol;
    next += 16 + length;
  }
  return { count, next };
}

function encodeGroup(count: number): number {
  let total = 0;
  for (let i = 0; i < count * FIELDS; i += FIELDS) {
    const filled = encoder.append(
      image + fill,
      IMAGE_BYTES - fill,
      packets[i]!,
      packets[i + 1]!,
      packets[i + 2]!,
      packets[i + 3]!,
      packets[i + 4]!,
    );
    fill += filled;
    total += filled;
    if (fill < IMAGE_BYTES) continue;
    fill = 0;
    image += IMAGE_BYTES;
    if (image === memory.byteLength) image = BYTES;
    encoder.clear(image, IMAGE_BYTES);
  }
  return total;
}

/** Processor seconds in which all packets become images; parsing them is not in it. */
function encode(): { seconds: number; imageBytes: number; packetCount: number } {
  let seconds = 0;
  let imageBytes = 0;
  let packetCount = 0;
  image = BYTES;
  fill = 0;
  for (let at = 24; ; ) {
    const { count, next } = parseGroup(at);
    if (count === 0) return { seconds, imageBytes, packetCount };
    const start = process.cpuUsage();
    imageBytes += encodeGroup(count);
    const { user, system } = process.cpuUsage(start);
    seconds += (user + system) / 1e6;
    packetCount += count;
    at = next;
  }
}

const { imageBytes, packetCount } = encode(); // and the compiler has seen it
const seconds = Array.from({ length: Number(process.argv[3] ?? 7) }, () => encode().seconds).sort(
  (a, b) => a - b,
);
let sum = 0;
for (let i = BYTES; i < memory.byteLength; ++i) sum += bytes[i]!;
console.log(
  JSON.stringify({
    packets: packetCount,
    imageBytes,
    encode: imageBytes / seconds[seconds.length >> 1]!,
    sum,
  }),
);
