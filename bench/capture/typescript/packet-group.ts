// Parsed packets on their way to the session table: a row of words each, offsets into the block of the capture.

/** Packets taken together: enough to overlap their cache misses, few enough to stay in the first-level cache. */
export const GROUP = 64;

export const FIELDS = 12;
export const HASHED = 0; // of the key
export const KEY_PORTS = 1; // low | high << 16
export const KEY_KIND = 2; // protocol | version << 8 | the low endpoint sent it << 16
export const LOW_ADDRESS = 3; // IPv4: the address; IPv6: where it is
export const HIGH_ADDRESS = 4;
export const TCP_FLAGS = 5;
export const IP_BYTES = 6; // on the wire
export const IP_AT = 7;
export const CAPTURED = 8; // bytes of the IP packet
export const TRANSPORT_AT = 9;
export const PAYLOAD_AT = 10;

export interface PacketGroup {
  readonly fields: Int32Array;
  /** Since the capture's base second. */
  readonly timesNs: Float64Array;
}

export function newPacketGroup(): PacketGroup {
  return { fields: new Int32Array(GROUP * FIELDS), timesNs: new Float64Array(GROUP) };
}
