// Builds small captures in code: frames, packets, and the classic pcap file around them.
// Field layouts: IEEE 802.3, RFC 791 (IPv4), RFC 8200 (IPv6), RFC 9293 (TCP), RFC 768 (UDP), pcap-savefile(5).

export const LINKTYPE = { null: 0, ethernet: 1, rawIp: 101, loop: 108, linuxCooked: 113 } as const;

export interface Endpoint {
  /** `10.0.0.1`, or eight groups of IPv6 in full or with `::`. */
  readonly address: string;
  readonly port: number;
}

export interface CaptureRecord {
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
  readonly bytes: Uint8Array;
  /** Where the capture cut the packet; the length of `bytes` otherwise. */
  readonly originalLength?: number;
}

export interface PcapOptions {
  readonly nanoseconds?: boolean;
  readonly bigEndian?: boolean;
  readonly linktype?: number;
  readonly snaplen?: number;
}

/** A classic pcap file. */
export function pcapFile(records: readonly CaptureRecord[], options: PcapOptions = {}): Uint8Array {
  const { nanoseconds = false, bigEndian = false, linktype = LINKTYPE.ethernet, snaplen = 65535 } = options;
  const size = records.reduce((sum, { bytes }) => sum + 16 + bytes.length, 24);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  const little = !bigEndian;
  view.setUint32(0, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, little);
  view.setUint16(4, 2, little);
  view.setUint16(6, 4, little);
  view.setUint32(16, snaplen, little);
  view.setUint32(20, linktype, little);
  let at = 24;
  for (const { timeNs, bytes, originalLength } of records) {
    const fraction = timeNs % 1_000_000_000n;
    view.setUint32(at, Number(timeNs / 1_000_000_000n), little);
    view.setUint32(at + 4, Number(nanoseconds ? fraction : fraction / 1000n), little);
    view.setUint32(at + 8, bytes.length, little);
    view.setUint32(at + 12, originalLength ?? bytes.length, little);
    file.set(bytes, at + 16);
    at += 16 + bytes.length;
  }
  return file;
}

/** Ethernet II around an IP packet; the MAC addresses are fixed, locally administered ones. */
export function ethernetFrame(packet: Uint8Array): Uint8Array {
  const etherType = packet[0]! >> 4 === 6 ? [0x86, 0xdd] : [0x08, 0x00];
  return join([2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1], etherType, packet);
}

export interface PacketOptions {
  readonly ttl?: number;
  readonly identification?: number;
}

export interface TcpOptions extends PacketOptions {
  readonly sequence?: number;
  readonly acknowledgement?: number;
  /** CWR ECE URG ACK PSH RST SYN FIN; default ACK. */
  readonly flags?: number;
  readonly window?: number;
  /** A multiple of four bytes. */
  readonly tcpOptions?: Uint8Array;
}

/** An IP packet that holds a TCP segment. Checksums are right. */
export function tcpPacket(
  from: Endpoint,
  to: Endpoint,
  payload: Uint8Array,
  options: TcpOptions = {},
): Uint8Array {
  const {
    sequence = 0,
    acknowledgement = 0,
    flags = 0x10,
    window = 64240,
    tcpOptions = new Uint8Array(0),
  } = options;
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  view.setUint16(0, from.port);
  view.setUint16(2, to.port);
  view.setUint32(4, sequence);
  view.setUint32(8, acknowledgement);
  header[12] = ((20 + tcpOptions.length) / 4) << 4;
  header[13] = flags;
  view.setUint16(14, window);
  return ipPacket(from.address, to.address, 6, join(header, tcpOptions, payload), 16, options);
}

/** An IP packet that holds a UDP datagram. Checksums are right. */
export function udpPacket(
  from: Endpoint,
  to: Endpoint,
  payload: Uint8Array,
  options: PacketOptions = {},
): Uint8Array {
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint16(0, from.port);
  view.setUint16(2, to.port);
  view.setUint16(4, 8 + payload.length);
  return ipPacket(from.address, to.address, 17, join(header, payload), 6, options);
}

/** An IPv4 or IPv6 header before `body`; the transport checksum goes to `checksumAt` in it, where that is given. */
export function ipPacket(
  from: string,
  to: string,
  protocol: number,
  body: Uint8Array,
  checksumAt?: number,
  options: PacketOptions = {},
): Uint8Array {
  const { ttl = 64, identification = 0x1234 } = options;
  const source = addressBytes(from);
  const destination = addressBytes(to);
  if (checksumAt !== undefined) {
    const pseudo = join(source, destination, [body.length >> 8, body.length & 0xff, 0, protocol]);
    const sum = internetChecksum(join(pseudo, body));
    new DataView(body.buffer, body.byteOffset).setUint16(checksumAt, sum === 0 ? 0xffff : sum);
  }
  if (source.length === 16) {
    const header = new Uint8Array(8);
    header[0] = 0x60;
    new DataView(header.buffer).setUint16(4, body.length);
    header[6] = protocol;
    header[7] = ttl;
    return join(header, source, destination, body);
  }
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  header[0] = 0x45;
  view.setUint16(2, 20 + body.length);
  view.setUint16(4, identification);
  view.setUint16(6, 0x4000); // don't fragment
  header[8] = ttl;
  header[9] = protocol;
  view.setUint16(10, internetChecksum(join(header, source, destination)));
  return join(header, source, destination, body);
}

export interface ExchangeOptions {
  readonly protocol?: "tcp" | "udp";
  /** Of the first packet. */
  readonly startNs?: bigint;
  readonly intervalNs?: bigint;
  /** Packets of the session; the initiator and the responder take turns. */
  readonly packets?: number;
  /** Bytes of each payload; each holds its number in the session, so that no two are alike. */
  readonly payloadBytes?: number;
}

/** The Ethernet records of one session between `initiator` and `responder`. */
export function exchange(
  initiator: Endpoint,
  responder: Endpoint,
  options: ExchangeOptions = {},
): CaptureRecord[] {
  const { protocol = "tcp", startNs = 1_700_000_000_000_000_000n, intervalNs = 1_000_000n } = options;
  const { packets = 4, payloadBytes = 32 } = options;
  const build = protocol === "tcp" ? tcpPacket : udpPacket;
  return Array.from({ length: packets }, (_, i) => {
    const payload = new Uint8Array(payloadBytes).fill(i + 1);
    const [from, to] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
    return { timeNs: startNs + BigInt(i) * intervalNs, bytes: ethernetFrame(build(from, to, payload)) };
  });
}

/** The i-th of many distinct client endpoints, in 10.0.0.0/8. */
export function clientEndpoint(i: number): Endpoint {
  return { address: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, port: 1024 + (i % 60000) };
}

/** `count` sessions of `packets` packets each, one after the other, as a pcap file. */
export function manySessions(
  count: number,
  options: ExchangeOptions & { readonly server?: Endpoint } = {},
): Uint8Array {
  const {
    server = { address: "192.0.2.1", port: 443 },
    packets = 4,
    startNs = 1_700_000_000_000_000_000n,
  } = options;
  const intervalNs = options.intervalNs ?? 1000n;
  const records: CaptureRecord[] = [];
  for (let i = 0; i < count; i++) {
    const start = startNs + BigInt(i * packets) * intervalNs;
    records.push(...exchange(clientEndpoint(i), server, { ...options, packets, intervalNs, startNs: start }));
  }
  return pcapFile(records);
}

/** Network byte order: 4 bytes, or 16 where the text holds a colon. */
export function addressBytes(text: string): Uint8Array {
  if (!text.includes(":")) return Uint8Array.from(text.split("."), Number);
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => part.split(":").filter((group) => group !== "");
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = new Array<string>(8 - left.length - right.length).fill("0");
  return Uint8Array.from(
    [...left, ...zeros, ...right].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}

/** RFC 1071. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

export function join(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
