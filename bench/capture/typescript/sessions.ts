// The tuned pure-TypeScript twin of the library's sessions(): classic pcap over Ethernet, TCP and UDP over IPv4 and
// IPv6, view l3, mask identity. No allocation for a packet. It follows no tunnels, puts no fragments together and counts
// no retransmissions: that is in its favour.
import { closeSync, openSync, readSync } from "node:fs";
import type { TypeScriptBatch } from "./batch.ts";
import {
  CAPTURED,
  FIELDS,
  GROUP,
  HASHED,
  HIGH_ADDRESS,
  IP_AT,
  IP_BYTES,
  KEY_KIND,
  KEY_PORTS,
  LOW_ADDRESS,
  newPacketGroup,
  PAYLOAD_AT,
  TCP_FLAGS,
  TRANSPORT_AT,
} from "./packet-group.ts";
import { SessionTable } from "./session-table.ts";

export interface TypeScriptOptions {
  readonly idleTimeout?: number;
  readonly activeTimeout?: number;
  readonly closeTimeout?: number;
  readonly memoryBytes?: number;
  readonly batchSize?: number;
}

export interface TypeScriptSummary {
  packets: number;
  sessionPackets: number;
  skipped: number;
  evicted: number;
}

// What the second-level cache holds: 256 KiB to 1 MiB measure alike, 8 MiB is slower.
const BLOCK_BYTES = 1 << 20;
const LONGEST_RECORD = 1 << 18;

const MAGICS = new Map<number, { little: boolean; perSecond: number }>([
  [0xd4c3b2a1, { little: true, perSecond: 1e6 }],
  [0xa1b2c3d4, { little: false, perSecond: 1e6 }],
  [0x4d3cb2a1, { little: true, perSecond: 1e9 }],
  [0xa1b23c4d, { little: false, perSecond: 1e9 }],
]);

/** Batches of ended sessions; returns what was counted. */
export function* typescriptSessions(
  path: string,
  options: TypeScriptOptions = {},
): Generator<TypeScriptBatch, TypeScriptSummary> {
  const table = new SessionTable({
    idleTimeout: options.idleTimeout ?? 120,
    activeTimeout: options.activeTimeout ?? 1800,
    closeTimeout: options.closeTimeout ?? 5,
    memoryBytes: options.memoryBytes ?? 512 * 2 ** 20,
    batchSize: options.batchSize ?? 1024,
    blockBytes: BLOCK_BYTES + LONGEST_RECORD,
  });
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(table.memory);
    const reader = new PacketReader(table, new DataView(table.memory));
    let kept = readSync(file, bytes, 0, 24, null);
    reader.begin(kept);
    kept = 0;
    for (;;) {
      const got = readSync(file, bytes, kept, BLOCK_BYTES, null);
      if (got === 0) break;
      const used = reader.read(kept + got);
      bytes.copyWithin(0, used, kept + got);
      kept += got - used;
      yield* table.ready;
      table.ready.length = 0;
    }
    table.finish();
    yield* table.ready;
    const { packets, skipped } = reader;
    return { packets, skipped, sessionPackets: packets - skipped, evicted: table.evicted };
  } finally {
    closeSync(file);
  }
}

class PacketReader {
  packets = 0;
  skipped = 0;
  private little = true;
  private nsPerUnit = 1000;
  private baseSeconds = Number.NaN;
  private readonly table: SessionTable;
  private readonly view: DataView;
  private readonly group = newPacketGroup();
  /** Nobody outside can aim packets at one entry of the index. */
  private readonly seed = (Math.random() * 0x7fffffff) | 0;

  constructor(table: SessionTable, view: DataView) {
    this.table = table;
    this.view = view;
  }

  begin(headerBytes: number): void {
    const magic = headerBytes === 24 ? MAGICS.get(this.view.getUint32(0)) : undefined;
    if (magic === undefined || this.view.getUint32(20, magic.little) !== 1)
      throw new Error("Expected a classic pcap file of Ethernet frames");
    this.little = magic.little;
    this.nsPerUnit = 1e9 / magic.perSecond;
  }

  /** Takes the whole records of the block's first `end` bytes; returns how many bytes they are. */
  read(end: number): number {
    const { view, little, nsPerUnit, group } = this;
    let at = 0;
    let packets = 0;
    let skipped = 0;
    let count = 0;
    while (at + 16 <= end) {
      const captured = view.getUint32(at + 8, little);
      if (captured > LONGEST_RECORD - 16)
        throw new Error(`Expected a record's length but received ${captured}`);
      const frame = at + 16;
      const next = frame + captured;
      if (next > end) break;
      const seconds = view.getUint32(at, little);
      if (packets === 0 && Number.isNaN(this.baseSeconds)) {
        this.baseSeconds = seconds;
        this.table.begin(seconds);
      }
      group.timesNs[count] = (seconds - this.baseSeconds) * 1e9 + view.getUint32(at + 4, little) * nsPerUnit;
      at = next;
      ++packets;
      if (this.parse(frame, next, count * FIELDS)) ++count;
      else ++skipped;
      if (count === GROUP) {
        this.table.addGroup(group, count, view);
        count = 0;
      }
    }
    this.table.addGroup(group, count, view);
    this.packets += packets;
    this.skipped += skipped;
    return at;
  }

  // From the frame's first byte to the fields of a packet; false where it is none of a session's.
  private parse(frame: number, next: number, to: number): boolean {
    const { view } = this;
    const { fields } = this.group;
    if (next - frame < 34) return false;
    let ip = frame + 14;
    let type = view.getUint16(ip - 2);
    while ((type === 0x8100 || type === 0x88a8 || type === 0x9100) && ip + 24 <= next) {
      type = view.getUint16(ip + 2);
      ip += 4;
    }
    const v4 = type === 0x0800;
    if (!v4 && type !== 0x86dd) return false;
    const first = view.getInt32(ip);
    let protocol: number;
    let total: number;
    let transport: number;
    if (v4) {
      const headerBytes = (first >>> 22) & 0x3c;
      total = first & 0xffff || next - ip; // segmentation offload leaves it out
      if (first >>> 28 !== 4 || headerBytes < 20 || total < headerBytes) return false;
      const fragmentAndProtocol = view.getInt32(ip + 6);
      if ((fragmentAndProtocol & 0x1fff0000) !== 0) return false; // a fragment past the first
      protocol = fragmentAndProtocol & 0xff;
      transport = ip + headerBytes;
    } else {
      if (ip + 40 > next || first >>> 28 !== 6) return false;
      const lengthAndProtocol = view.getInt32(ip + 4);
      total = lengthAndProtocol >>> 16 !== 0 ? 40 + (lengthAndProtocol >>> 16) : next - ip;
      protocol = (lengthAndProtocol >> 8) & 0xff;
      transport = ip + 40;
    }
    const end = ip + total < next ? ip + total : next;
    if (transport + 4 > end || (protocol !== 6 && protocol !== 17)) return false;
    let flags = 0;
    let payload = transport + 8;
    if (protocol === 6) {
      payload = transport + 20;
      if (transport + 14 <= end) {
        const word = view.getUint16(transport + 12);
        flags = word & 0xff;
        if (word >>> 12 > 5) payload = transport + (word >>> 12) * 4;
      }
    }
    const sourcePort = view.getUint16(transport);
    const destinationPort = view.getUint16(transport + 2);
    let low: boolean;
    let lowAddress: number;
    let highAddress: number;
    let hash = this.seed;
    if (v4) {
      const source = view.getInt32(ip + 12, true);
      const destination = view.getInt32(ip + 16, true);
      low = source !== destination ? source < destination : sourcePort <= destinationPort;
      lowAddress = low ? source : destination;
      highAddress = low ? destination : source;
      hash = Math.imul(hash ^ (hash >>> 15) ^ lowAddress, 0x9e3779b1);
      hash = Math.imul(hash ^ (hash >>> 15) ^ highAddress, 0x85ebca6b);
    } else {
      let order = 0;
      for (let i = 0; i < 16 && order === 0; i += 4)
        order = view.getUint32(ip + 8 + i, true) - view.getUint32(ip + 24 + i, true);
      low = order !== 0 ? order < 0 : sourcePort <= destinationPort;
      lowAddress = ip + (low ? 8 : 24);
      highAddress = ip + (low ? 24 : 8);
      for (let i = 0; i < 16; i += 4) {
        hash = Math.imul(hash ^ (hash >>> 15) ^ view.getInt32(lowAddress + i, true), 0x9e3779b1);
        hash = Math.imul(hash ^ (hash >>> 13) ^ view.getInt32(highAddress + i, true), 0x85ebca6b);
      }
    }
    const ports = low ? sourcePort | (destinationPort << 16) : destinationPort | (sourcePort << 16);
    hash = Math.imul(hash ^ (hash >>> 13) ^ ports, 0xc2b2ae35);
    fields[to + HASHED] = hash ^ (hash >>> 16) ^ protocol;
    fields[to + KEY_PORTS] = ports;
    fields[to + KEY_KIND] = protocol | (v4 ? 0x400 : 0x600) | (low ? 0x10000 : 0);
    fields[to + LOW_ADDRESS] = lowAddress;
    fields[to + HIGH_ADDRESS] = highAddress;
    fields[to + TCP_FLAGS] = flags;
    fields[to + IP_BYTES] = total;
    fields[to + IP_AT] = ip;
    fields[to + CAPTURED] = end - ip;
    fields[to + TRANSPORT_AT] = transport;
    fields[to + PAYLOAD_AT] = payload;
    return true;
  }
}
