// Live sessions in flat memory: a row of 32 words each, read as Int32 and as Float64, an image in the common slab, an
// index by hash, and a wheel of deadlines. The rules about ends are those of the library: idle, active and closing
// timeouts of capture time, a hard cap on sessions.
import { IMAGE_BYTES, newBatch, type TypeScriptBatch } from "./batch.ts";
import { Encoder } from "./encoder.ts";
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
  PAYLOAD_AT,
  type PacketGroup,
  TCP_FLAGS,
  TRANSPORT_AT,
} from "./packet-group.ts";
import { SessionIndex } from "./session-index.ts";

// Words of a row; F64 ones are indexes of doubles. What a look-up reads is in the first 64 bytes.
const HASH = 0;
const PORTS = 1; // low | high << 16
const KIND = 2; // protocol | version << 8 | low endpoint began << 16
const FILL = 3;
const LOW = 4; // address, 4 words
const HIGH = 8;
const FLAGS = 12; // TCP flags seen: initiator's | responder's << 8 | alive << 16
const PACKETS = 13; // two words
const START = 8; // F64
const LAST = 9; // F64
const BYTES = 10; // F64, two
const WHEEL_NEXT = 24;
const WHEEL_PREVIOUS = 25; // a slot, or ~bucket at the head
const ORDINAL = 26;
const ROW = 32;

const BUCKETS = 256;
const TICKS_PER_IDLE = 128;
const NONE = -1;

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

export const END = { input: 0, idle: 1, active: 2, evicted: 3, fin: 4, rst: 5 } as const;

export interface TableOptions {
  readonly idleTimeout: number;
  readonly activeTimeout: number;
  readonly closeTimeout: number;
  readonly memoryBytes: number;
  readonly batchSize: number;
  /** Bytes in front of the slab that the reader uses for blocks of the capture. */
  readonly blockBytes: number;
}

export class SessionTable {
  /** Blocks of the capture, then the images. Pages that nobody touches cost nothing. */
  readonly memory: ArrayBuffer;
  readonly ready: TypeScriptBatch[] = [];
  sessions = 0;
  evicted = 0;
  /** Of no meaning: see addGroup. */
  touched = 0;

  private readonly idleNs: number;
  private readonly activeNs: number;
  private readonly closeNs: number;
  private readonly batchSize: number;
  private readonly images: number;
  private readonly capacity: number;
  private readonly slab: Uint8Array;
  private readonly words: Int32Array;
  private readonly doubles: Float64Array;
  private readonly encoder: Encoder;
  private readonly index = new SessionIndex();
  private readonly wheel = new Int32Array(BUCKETS).fill(NONE);
  private readonly tickNs: number;
  private readonly guesses = new Int32Array(GROUP);
  private phaseNs = 0;
  private baseSeconds = 0;
  private tick = 0;
  private nextTickNs = 0;
  private free: Int32Array;
  private freed = 0;
  private fresh = 0;
  private ordinal = 0;
  private batch: TypeScriptBatch;

  constructor(options: TableOptions) {
    this.idleNs = options.idleTimeout > 0 ? options.idleTimeout * 1e9 : Number.POSITIVE_INFINITY;
    this.activeNs = options.activeTimeout > 0 ? options.activeTimeout * 1e9 : Number.POSITIVE_INFINITY;
    this.closeNs = options.closeTimeout * 1e9;
    this.batchSize = options.batchSize;
    // A row, an image, its entry of the index at half load, its place among the free slots.
    this.capacity = Math.max(1, Math.floor(options.memoryBytes / (4 * ROW + IMAGE_BYTES + 32 + 4)));
    this.images = options.blockBytes;
    this.memory = new ArrayBuffer(this.images + this.capacity * IMAGE_BYTES);
    this.slab = new Uint8Array(this.memory);
    const rows = new ArrayBuffer(this.capacity * ROW * 4);
    this.words = new Int32Array(rows);
    this.doubles = new Float64Array(rows);
    this.free = new Int32Array(this.capacity);
    this.encoder = new Encoder(this.memory);
    this.tickNs = this.idleNs / TICKS_PER_IDLE;
    this.batch = newBatch(this.batchSize, 0);
  }

  /** `baseSeconds` since the epoch: all times of add() count from it. */
  begin(baseSeconds: number): void {
    this.baseSeconds = baseSeconds;
    this.batch = newBatch(this.batchSize, baseSeconds);
    if (this.idleNs === Number.POSITIVE_INFINITY) {
      this.nextTickNs = Number.POSITIVE_INFINITY;
      return;
    }
    // Ticks count from the epoch.
    this.phaseNs = Number((BigInt(baseSeconds) * 1_000_000_000n) % BigInt(Math.round(this.tickNs)));
    this.tick = 0;
    this.nextTickNs = this.tickNs - this.phaseNs;
  }

  private tickOf(ns: number): number {
    return Math.floor((ns + this.phaseNs) / this.tickNs);
  }

  /**
   * Takes the `count` packets of `group`. Memory is asked for in stages, each over all packets, so that the processor
   * waits for many cache misses at once instead of for one after the other: JavaScript's way of prefetching.
   */
  addGroup(group: PacketGroup, count: number, view: DataView): void {
    const { words, guesses, slab } = this;
    const { fields } = group;
    const { entries, mask } = this.index;
    let touched = 0;
    for (let i = 0; i < count; ++i) guesses[i] = entries[2 * (fields[i * FIELDS + HASHED]! & mask) + 1]! - 1;
    for (let i = 0; i < count; ++i) {
      const slot = guesses[i]!;
      if (slot !== NONE) touched ^= words[slot * ROW + BYTES * 2]!;
    }
    for (let i = 0; i < count; ++i) {
      const slot = guesses[i]!;
      if (slot === NONE) continue;
      const fill = words[slot * ROW + FILL]!;
      if (fill < IMAGE_BYTES) touched ^= slab[this.images + slot * IMAGE_BYTES + fill]!;
    }
    this.touched = touched; // what was loaded counts as used
    for (let i = 0; i < count; ++i) this.add(group.timesNs[i]!, fields, i * FIELDS, view);
  }

  private add(timeNs: number, fields: Int32Array, at: number, view: DataView): void {
    if (timeNs >= this.nextTickNs) this.advance(timeNs);
    const { words } = this;
    const { entries, mask } = this.index;
    const hash = fields[at + HASHED]!;
    const ports = fields[at + KEY_PORTS]!;
    const kind = fields[at + KEY_KIND]!;
    const flags = fields[at + TCP_FLAGS]!;
    const lowAddress = fields[at + LOW_ADDRESS]!;
    const highAddress = fields[at + HIGH_ADDRESS]!;
    let slot = NONE;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const entry = entries[2 * i + 1]!;
      if (entry === 0) break;
      if (entries[2 * i] !== hash) continue;
      const row = (entry - 1) * ROW;
      if (words[row + PORTS] !== ports || ((words[row + KIND]! ^ kind) & 0xffff) !== 0) continue;
      if (
        (kind & 0xf00) === 0x400
          ? words[row + LOW] === lowAddress && words[row + HIGH] === highAddress
          : this.sameAddresses(row, lowAddress, highAddress, view)
      ) {
        slot = entry - 1;
        break;
      }
    }
    if (slot !== NONE && this.over(slot, timeNs, flags)) slot = NONE;
    if (slot === NONE) {
      slot = this.start(timeNs, hash, ports, kind);
      const row = slot * ROW;
      if ((kind & 0xf00) === 0x400) {
        words[row + LOW] = lowAddress;
        words[row + HIGH] = highAddress;
      } else {
        for (let w = 0; w < 4; ++w) {
          words[row + LOW + w] = view.getInt32(lowAddress + 4 * w, true);
          words[row + HIGH + w] = view.getInt32(highAddress + 4 * w, true);
        }
      }
    }
    this.update(slot, timeNs, fields, at);
  }

  private sameAddresses(row: number, lowAt: number, highAt: number, view: DataView): boolean {
    const { words } = this;
    for (let w = 0; w < 4; ++w) {
      if (words[row + LOW + w] !== view.getInt32(lowAt + 4 * w, true)) return false;
      if (words[row + HIGH + w] !== view.getInt32(highAt + 4 * w, true)) return false;
    }
    return true;
  }

  // The session that the packet would join is over, and has been ended.
  private over(slot: number, timeNs: number, flags: number): boolean {
    const silent = timeNs - this.doubles[slot * (ROW / 2) + LAST]!;
    const seen = this.words[slot * ROW + FLAGS]!;
    if (this.closed(seen) && (silent >= this.closeNs || (flags & (SYN | ACK)) === SYN)) {
      this.end(slot, this.closingReason(seen));
      return true;
    }
    if (silent >= this.idleNs) {
      this.end(slot, END.idle);
      return true;
    }
    if (timeNs - this.doubles[slot * (ROW / 2) + START]! >= this.activeNs) {
      this.end(slot, END.active);
      return true;
    }
    return false;
  }

  private closed(seen: number): boolean {
    if (this.closeNs === 0 || this.idleNs === Number.POSITIVE_INFINITY) return false;
    return (seen & (RST | (RST << 8))) !== 0 || (seen & (FIN | (FIN << 8))) === (FIN | (FIN << 8));
  }

  private closingReason(seen: number): number {
    return (seen & (RST | (RST << 8))) !== 0 ? END.rst : END.fin;
  }

  private start(timeNs: number, hash: number, ports: number, kind: number): number {
    let slot: number;
    if (this.freed > 0) {
      slot = this.free[--this.freed]!;
    } else {
      if (this.fresh === this.capacity) this.evict();
      slot = this.freed > 0 ? this.free[--this.freed]! : this.fresh++;
    }
    const { words, doubles } = this;
    const row = slot * ROW;
    words[row + HASH] = hash;
    words[row + PORTS] = ports;
    words[row + KIND] = kind;
    words[row + FILL] = 0;
    // An IPv4 address is one word; the others were somebody's else.
    words[row + LOW + 1] = words[row + LOW + 2] = words[row + LOW + 3] = 0;
    words[row + HIGH + 1] = words[row + HIGH + 2] = words[row + HIGH + 3] = 0;
    words[row + FLAGS] = 0;
    words[row + PACKETS] = words[row + PACKETS + 1] = 0;
    words[row + ORDINAL] = this.ordinal++;
    doubles[row / 2 + START] = timeNs;
    doubles[row / 2 + LAST] = timeNs;
    doubles[row / 2 + BYTES] = doubles[row / 2 + BYTES + 1] = 0;
    this.index.insert(hash, slot);
    if (this.idleNs !== Number.POSITIVE_INFINITY) this.schedule(slot, this.tickOf(timeNs + this.idleNs));
    return slot;
  }

  private update(slot: number, timeNs: number, fields: Int32Array, at: number): void {
    const { words, doubles } = this;
    const row = slot * ROW;
    const kind = fields[at + KEY_KIND]!;
    const direction = ((kind ^ words[row + KIND]!) & 0x10000) >>> 16;
    if (timeNs > doubles[row / 2 + LAST]!) doubles[row / 2 + LAST] = timeNs;
    doubles[row / 2 + BYTES + direction]! += fields[at + IP_BYTES]!;
    words[row + PACKETS + direction]! += 1;
    const fill = words[row + FILL]!;
    if (fill < IMAGE_BYTES) {
      words[row + FILL] =
        fill +
        this.encoder.append(
          this.images + slot * IMAGE_BYTES + fill,
          IMAGE_BYTES - fill,
          fields[at + IP_AT]!,
          fields[at + CAPTURED]!,
          fields[at + TRANSPORT_AT]!,
          fields[at + PAYLOAD_AT]!,
          kind & 0xff,
        );
    }
    const flags = fields[at + TCP_FLAGS]!;
    if (flags === 0) return;
    const before = words[row + FLAGS]!;
    const seen = before | (flags << (8 * direction));
    if (seen === before) return;
    words[row + FLAGS] = seen;
    if (!this.closed(seen) || this.closed(before)) return;
    this.unschedule(slot);
    this.schedule(slot, this.tickOf(doubles[row / 2 + LAST]! + this.closeNs));
  }

  private schedule(slot: number, tick: number): void {
    const { words, wheel } = this;
    const bucket = tick % BUCKETS;
    const head = wheel[bucket]!;
    words[slot * ROW + WHEEL_NEXT] = head;
    words[slot * ROW + WHEEL_PREVIOUS] = ~bucket;
    if (head !== NONE) words[head * ROW + WHEEL_PREVIOUS] = slot;
    wheel[bucket] = slot;
  }

  private unschedule(slot: number): void {
    const { words, wheel } = this;
    const next = words[slot * ROW + WHEEL_NEXT]!;
    const previous = words[slot * ROW + WHEEL_PREVIOUS]!;
    if (previous < 0) wheel[~previous] = next;
    else words[previous * ROW + WHEEL_NEXT] = next;
    if (next !== NONE) words[next * ROW + WHEEL_PREVIOUS] = previous;
  }

  // The clock has come to another tick: ends what was due in those before it. A session that had packets since it was
  // put into its bucket goes to a later one.
  private advance(timeNs: number): void {
    const now = this.tickOf(timeNs);
    const { words, doubles, wheel } = this;
    for (let tick = Math.max(this.tick, now - BUCKETS); tick < now; ++tick) {
      let slot = wheel[tick % BUCKETS]!;
      while (slot !== NONE) {
        const next = words[slot * ROW + WHEEL_NEXT]!;
        const seen = words[slot * ROW + FLAGS]!;
        const closed = this.closed(seen);
        const due = this.tickOf(doubles[slot * (ROW / 2) + LAST]! + (closed ? this.closeNs : this.idleNs));
        if (due < now) {
          this.end(slot, closed ? this.closingReason(seen) : END.idle);
        } else {
          this.unschedule(slot);
          this.schedule(slot, due);
        }
        slot = next;
      }
    }
    this.tick = now;
    this.nextTickNs = (now + 1) * this.tickNs - this.phaseNs;
  }

  // Of the sessions that are due first, one.
  private evict(): void {
    for (let tick = this.tick; ; ++tick) {
      const slot = this.wheel[tick % BUCKETS]!;
      if (slot === NONE) continue;
      ++this.evicted;
      this.end(slot, END.evicted);
      return;
    }
  }

  private end(slot: number, reason: number): void {
    this.emit(slot, reason);
    this.index.erase(this.words[slot * ROW + HASH]!, slot);
    if (this.idleNs !== Number.POSITIVE_INFINITY) this.unschedule(slot);
    this.encoder.clear(this.images + slot * IMAGE_BYTES, this.words[slot * ROW + FILL]!);
    this.words[slot * ROW + ORDINAL] = NONE;
    this.free[this.freed++] = slot;
  }

  private emit(slot: number, reason: number): void {
    const { words, doubles, batch } = this;
    const row = slot * ROW;
    const at = batch.count++;
    const kind = words[row + KIND]!;
    const began = kind >= 0x10000; // the low endpoint
    const ports = words[row + PORTS]!;
    const initiator = row + (began ? LOW : HIGH);
    const responder = row + (began ? HIGH : LOW);
    batch.startNs[at] = doubles[row / 2 + START]!;
    batch.endNs[at] = doubles[row / 2 + LAST]!;
    batch.initiatorBytes[at] = doubles[row / 2 + BYTES]!;
    batch.responderBytes[at] = doubles[row / 2 + BYTES + 1]!;
    batch.initiatorPackets[at] = words[row + PACKETS]!;
    batch.responderPackets[at] = words[row + PACKETS + 1]!;
    for (let w = 0; w < 4; ++w) {
      batch.initiatorAddress[4 * at + w] = words[initiator + w]!;
      batch.responderAddress[4 * at + w] = words[responder + w]!;
    }
    batch.initiatorPort[at] = began ? ports & 0xffff : ports >>> 16;
    batch.responderPort[at] = began ? ports >>> 16 : ports & 0xffff;
    batch.imageBytes[at] = words[row + FILL]!;
    batch.ipVersion[at] = (kind >> 8) & 0xf;
    batch.protocol[at] = kind & 0xff;
    batch.endReason[at] = reason;
    const image = this.images + slot * IMAGE_BYTES;
    batch.images.set(this.slab.subarray(image, image + IMAGE_BYTES), at * IMAGE_BYTES);
    ++this.sessions;
    if (batch.count === this.batchSize) {
      this.ready.push(batch);
      this.batch = newBatch(this.batchSize, this.baseSeconds);
    }
  }

  /** End of the input: all that are left, in the order of their first packets. */
  finish(): void {
    const { words } = this;
    const left: number[] = [];
    for (let slot = 0; slot < this.fresh; ++slot) if (words[slot * ROW + ORDINAL] !== NONE) left.push(slot);
    const order = Float64Array.from(
      left,
      (slot) => (words[slot * ROW + ORDINAL]! >>> 0) * 2 ** 20 + slot,
    ).sort();
    for (const key of order) {
      const slot = key % 2 ** 20;
      const seen = words[slot * ROW + FLAGS]!;
      this.emit(slot, this.closed(seen) ? this.closingReason(seen) : END.input);
    }
    if (this.batch.count > 0) this.ready.push(this.batch);
  }
}
