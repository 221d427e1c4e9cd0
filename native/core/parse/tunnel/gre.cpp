// GRE (RFC 2784, 2890; routing: RFC 1701), PPTP's version 1 (RFC 2637), ERSPAN (draft-foschiano-erspan),
// NVGRE (RFC 7637).
#include "parse/tunnel/tunnel_decoders.hpp"

namespace flowglyph {
namespace {

constexpr std::uint16_t kChecksum = 0x8000, kRouting = 0x4000, kKey = 0x2000, kSequence = 0x1000,
                        kAcknowledgement = 0x0080, kVersion = 0x0007;
constexpr std::uint16_t kErspan12 = 0x88BE, kErspan3 = 0x22EB, kWccp = 0x883E;
constexpr std::uint8_t kAruba =
    0x82;  // 82 00, 82 10, ...: 802.11 frames between access points and controllers

std::optional<TunnelInside> believed(Tunnel tunnel, TunnelSet wanted, const LinkResult& inner,
                                     LinkNotes notes) {
  if (!hasTunnel(wanted, tunnel)) return std::nullopt;
  notes.went(Layer::kGre);
  return insideAt(tunnel, inner, notes);
}

// Type II: u4 version 1, u12 VLAN, u16 flags and session, u32 index. Type III: version 2, 12 bytes, and 8
// more where the last bit says so. Type I has no header: its GRE has no sequence number.
std::optional<TunnelInside> erspanInside(Bytes packet, std::size_t offset, std::uint16_t type, bool numbered,
                                         TunnelSet wanted) {
  LinkNotes notes;
  if (type == kErspan12) {
    if (numbered) offset += 8;
  } else {
    if (!holds(packet, offset, 12)) return std::nullopt;
    offset += (packet[offset + 11] & 1) != 0 ? 20 : 12;
  }
  return believed(Tunnel::kErspan, wanted, ethernetAt(packet, offset, notes), notes);
}

// u16 flags, u16 88 0B, u16 length, u16 call, [u32 sequence], [u32 acknowledgement]; then PPP
std::optional<TunnelInside> pptpInside(Bytes packet, std::size_t offset, std::uint16_t flags,
                                       TunnelSet wanted) {
  if ((flags & kSequence) == 0) return std::nullopt;  // an acknowledgement alone
  LinkNotes notes;
  const std::size_t header = (flags & kAcknowledgement) != 0 ? 16 : 12;
  return believed(Tunnel::kGre, wanted, pppAt(packet, offset + header, notes), notes);
}

}  // namespace

// u16 flags, u16 EtherType, [u16 checksum, u16 offset], [u32 key], [u32 sequence], [routing]
std::optional<TunnelInside> greInside(Bytes packet, std::size_t offset, TunnelSet wanted) {
  if (!holds(packet, offset, 8)) return std::nullopt;
  const std::uint16_t flags = big16(packet, offset), type = big16(packet, offset + 2);
  if ((flags & kVersion) == 1 && type == kEtherPpp) return pptpInside(packet, offset, flags, wanted);
  if ((flags & kVersion) != 0) return std::nullopt;
  std::size_t at = offset + 4;
  if ((flags & (kChecksum | kRouting)) != 0) at += 4;
  if ((flags & kKey) != 0) at += 4;
  if ((flags & kSequence) != 0) at += 4;
  if ((flags & kRouting) != 0) {
    // u16 family, u8 offset, u8 length, route; a family and a length of 0 end the list
    for (;;) {
      if (!holds(packet, at, 4)) return std::nullopt;
      const std::size_t length = packet[at + 3];
      const bool last = big16(packet, at) == 0 && length == 0;
      at += 4 + length;
      if (last) break;
    }
  }
  if (type == kErspan12 || type == kErspan3)
    return erspanInside(packet, at, type, (flags & kSequence) != 0, wanted);
  LinkNotes notes;
  if (type == kWccp) {  // version 2 puts u32 before IP, version 1 nothing
    if (holds(packet, at, 1) && packet[at] >> 4 != 4) at += 4;
    return believed(Tunnel::kGre, wanted, ipAt(packet, at), notes);
  }
  if (type >> 8 == kAruba) return believed(Tunnel::kGre, wanted, linktypeAt(packet, 105, at, notes), notes);
  // NVGRE is GRE with a key, without checksum and sequence number, around Ethernet: keyed GRE looks the same.
  const bool nvgre = type == kEtherTransparent && (flags & (kChecksum | kRouting | kKey | kSequence)) == kKey;
  const Tunnel tunnel = nvgre && hasTunnel(wanted, Tunnel::kNvgre) ? Tunnel::kNvgre : Tunnel::kGre;
  if (type < 0x0600) return std::nullopt;
  return believed(tunnel, wanted, afterEtherType(packet, type, at, notes), notes);
}

}  // namespace flowglyph
