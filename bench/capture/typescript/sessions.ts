// The tuned pure-TypeScript twin of the library's sessions(): classic pcap over Ethernet, TCP and UDP over IPv4 and
// IPv6, view l3, mask identity. No allocation for a packet. It follows no tunnels, puts no fragments together and counts
// no retransmissions: that is in its favour.
import { closeSync, openSync, readSync } from "node:fs";
import type { TypeScriptBatch } from "./batch.ts";
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
    const { view, little, nsPerUnit } = this;
    let at = 0;
    let packets = 0;
    let skipped = 0;
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
      const timeNs = (seconds - this.baseSeconds) * 1e9 + view.getUint32(at + 4, little) * nsPerUnit;
      at = next;
      ++packets;
      if (captured < 34) {
        ++skipped;
        continue;
      }
      let ip = frame + 14;
      let type = view.getUint16(ip - 2);
      while ((type === 0x8100 || type === 0x88a8 || type === 0x9100) && ip + 24 <= next) {
        type = view.getUint16(ip + 2);
        ip += 4;
      }
      if (type === 0x0800 ? !this.ipv4(timeNs, ip, next) : type !== 0x86dd || !this.ipv6(timeNs, ip, next)) {
        ++skipped;
      }
    }
    this.packets += packets;
    this.skipped += skipped;
    return at;
  }

  private ipv4(timeNs: number, ip: number, next: number): boolean {
    const { view } = this;
    const first = view.getInt32(ip);
    const headerBytes = (first >>> 22) & 0x3c;
    const total = first & 0xffff || next - ip; // segmentation offload leaves it out
    if (first >>> 28 !== 4 || headerBytes < 20 || total < headerBytes) return false;
    if ((view.getUint16(ip + 6) & 0x1fff) !== 0) return false; // a fragment past the first
    const protocol = (view.getInt32(ip + 8) >> 16) & 0xff;
    const end = ip + total < next ? ip + total : next;
    const transport = ip + headerBytes;
    if (transport + 4 > end || (protocol !== 6 && protocol !== 17)) return false;
    const ports = view.getInt32(transport);
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
    this.table.add4(
      timeNs,
      view.getInt32(ip + 12, true),
      view.getInt32(ip + 16, true),
      ports >>> 16,
      ports & 0xffff,
      protocol,
      flags,
      total,
      ip,
      end - ip,
      transport,
      payload,
    );
    return true;
  }

  private ipv6(timeNs: number, ip: number, next: number): boolean {
    const { view } = this;
    if (ip + 40 > next || view.getUint8(ip) >> 4 !== 6) return false;
    const length = view.getUint16(ip + 4);
    const total = length !== 0 ? 40 + length : next - ip;
    const end = ip + total < next ? ip + total : next;
    const protocol = view.getUint8(ip + 6);
    const transport = ip + 40;
    if ((protocol !== 6 && protocol !== 17) || transport + 4 > end) return false;
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
    this.table.add6(
      timeNs,
      view.getUint16(transport),
      view.getUint16(transport + 2),
      protocol,
      flags,
      total,
      ip,
      end - ip,
      transport,
      payload,
      view,
    );
    return true;
  }
}
