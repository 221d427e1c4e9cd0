// Tunnels over UDP: Teredo (RFC 4380), VXLAN (RFC 7348), VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe), Geneve
// (RFC 8926), GTP-U (3GPP TS 29.281).
#include "parse/tunnel/tunnel_decoders.hpp"

namespace flowglyph {

// [u16 1, u8 client id length, u8 authentication length, both, 8 nonce, u8 confirmation], [u16 0, u16 port,
// u32 address], then IPv6
std::optional<TunnelInside> teredoInside(Bytes packet, std::size_t offset, TunnelSet) {
  if (holds(packet, offset, 4) && big16(packet, offset) == 1)
    offset += std::size_t{13} + packet[offset + 2] + packet[offset + 3];
  if (holds(packet, offset, 2) && big16(packet, offset) == 0) offset += 8;
  if (!holds(packet, offset, 1) || packet[offset] >> 4 != 6) return std::nullopt;
  return insideAt(Tunnel::kTeredo, ipAt(packet, offset), {});
}

// u8 flags (08: the network identifier is valid), u24, u24 network, u8; then Ethernet
std::optional<TunnelInside> vxlanInside(Bytes packet, std::size_t offset, TunnelSet) {
  if (!holds(packet, offset, 8) || (packet[offset] & 0x08) == 0) return std::nullopt;
  LinkNotes notes;
  return insideAt(Tunnel::kVxlan, ethernetAt(packet, offset + 8, notes), notes);
}

// u8 flags (04: the next protocol is valid), u16, u8 next protocol, u24 network, u8
std::optional<TunnelInside> vxlanGpeInside(Bytes packet, std::size_t offset, TunnelSet) {
  if (!holds(packet, offset, 8)) return std::nullopt;
  const bool typed = (packet[offset] & 0x04) != 0;
  LinkNotes notes;
  switch (typed ? packet[offset + 3] : 3) {
    case 1:
    case 2:
      return insideAt(Tunnel::kVxlanGpe, ipAt(packet, offset + 8), notes);
    case 3:
      return insideAt(Tunnel::kVxlanGpe, ethernetAt(packet, offset + 8, notes), notes);
    case 4:
      return insideAt(Tunnel::kVxlanGpe, nshAt(packet, offset + 8, notes), notes);
    case 5:
      return insideAt(Tunnel::kVxlanGpe, mplsAt(packet, offset + 8, notes), notes);
    default:
      return std::nullopt;
  }
}

// u2 version 0, u6 option words, u8 flags, u16 EtherType, u24 network, u8, options
std::optional<TunnelInside> geneveInside(Bytes packet, std::size_t offset, TunnelSet) {
  if (!holds(packet, offset, 8) || packet[offset] >> 6 != 0) return std::nullopt;
  const std::uint16_t type = big16(packet, offset + 2);
  if (type < 0x0600) return std::nullopt;
  LinkNotes notes;
  const std::size_t header = 8 + (packet[offset] & 0x3F) * std::size_t{4};
  return insideAt(Tunnel::kGeneve, afterEtherType(packet, type, offset + header, notes), notes);
}

// u3 version 1, u1 GTP (not charging), u1, u3 flags: any of them means that u16 sequence, u8 number, u8 next
// extension follow; u8 message (FF: a user's packet), u16 length, u32 tunnel. An extension: u8 words,
// content, u8 next extension.
std::optional<TunnelInside> gtpUserInside(Bytes packet, std::size_t offset, TunnelSet) {
  constexpr std::uint8_t kUserPacket = 0xFF;
  if (!holds(packet, offset, 8) || packet[offset] >> 4 != 3 || packet[offset + 1] != kUserPacket)
    return std::nullopt;
  std::size_t at = offset + 8;
  if ((packet[offset] & 0x07) != 0) {
    if (!holds(packet, at, 4)) return std::nullopt;
    std::uint8_t extension = (packet[offset] & 0x04) != 0 ? packet[at + 3] : 0;
    at += 4;
    while (extension != 0) {
      if (!holds(packet, at, 1) || packet[at] == 0) return std::nullopt;
      const std::size_t bytes = packet[at] * std::size_t{4};
      if (!holds(packet, at, bytes)) return std::nullopt;
      extension = packet[at + bytes - 1];
      at += bytes;
    }
  }
  return insideAt(Tunnel::kGtpU, ipAt(packet, at), {});
}

}  // namespace flowglyph
