// Rings, ARCnet (RFC 1051, 1201), ATM (RFC 2684, 2225), Fibre Channel (RFC 2625), FireWire (RFC 2734) and
// InfiniBand (RFC 4391).
#include "parse/linktype.hpp"

namespace flowglyph {
namespace {

// u8 access, u8 frame control (01xxxxxx: LLC), 6 destination, 6 source; the source's first bit: routing
// information follows, its length in the last 5 bits of its first byte
LinkResult tokenRingAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 15)) return skip(SkipReason::kTruncatedHeader);
  if ((frame[offset + 1] & 0xC0) != 0x40) return skip(SkipReason::kNotIp);
  notes.hide(offset + 2, 12);
  const std::size_t routing = (frame[offset + 8] & 0x80) != 0 ? frame[offset + 14] & 0x1Fu : 0;
  notes.hide(offset + 14, routing);
  return llcAt(frame, offset + 14 + routing, notes);
}

// u8 frame control (x101xxxx: LLC), 6 destination, 6 source
LinkResult fddiAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 13)) return skip(SkipReason::kTruncatedHeader);
  if ((frame[offset] & 0x70) != 0x50) return skip(SkipReason::kNotIp);
  notes.hide(offset + 1, 12);
  return llcAt(frame, offset + 13, notes);
}

// The type says which of the two headers it is. RFC 1201: u8 split flag, u16 sequence; FF as a flag means
// that three bytes of padding and the same again follow.
LinkResult arcnetTypeAt(Bytes frame, std::size_t at, LinkNotes& notes) {
  constexpr std::uint8_t kIpv6 = 0xC4, kIp = 0xD4, kOldIp = 0xF0;
  if (!holds(frame, at, 1)) return skip(SkipReason::kTruncatedHeader);
  const std::uint8_t type = frame[at];
  if (type == kOldIp) return ipAt(frame, at + 1);
  if (type != kIp && type != kIpv6) return skip(SkipReason::kNotIp);
  if (!holds(frame, at, 4)) return skip(SkipReason::kTruncatedHeader);
  if (frame[at + 1] == 0xFF) at += 4;
  if (!holds(frame, at, 4)) return skip(SkipReason::kTruncatedHeader);
  if (frame[at + 1] != 0) return skip(SkipReason::kLinkFragment);
  notes.hide(at + 2, 2);
  return ipAt(frame, at + 4);
}

// u8 source, u8 destination, [Linux: u16 offset]
template <std::size_t kHeader>
LinkResult arcnetAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  notes.hide(offset, 2);
  return arcnetTypeAt(frame, offset + kHeader, notes);
}

// LLC/SNAP, or IP at once where the circuit is known to hold nothing else
LinkResult atmAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 3)) return skip(SkipReason::kTruncatedHeader);
  if (frame[offset] == 0xFE && frame[offset + 1] == 0xFE && frame[offset + 2] == 0x03)
    return nlpidAt(frame, offset + 3, notes);
  const bool llc = frame[offset] == 0xAA && frame[offset + 1] == 0xAA;
  if (llc) return llcAt(frame, offset, notes);
  return looksLikeIp(frame, offset) ? ipAt(frame, offset) : skip(SkipReason::kNotIp);
}

// u8 kind of traffic in the last 4 bits (1: LAN emulation, 2: LLC), u8 path, u16 circuit
LinkResult sunAtmAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 4)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset + 1, 3);
  switch (frame[offset] & 0x0F) {
    case 1:  // u16 client, then Ethernet
      notes.hide(offset + 4, 2);
      return ethernetAt(frame, offset + 6, notes);
    case 2:
      return llcAt(frame, offset + 4, notes);
    default:
      return skip(SkipReason::kNotIp);
  }
}

// 8 destination, 8 source
LinkResult fibreChannelAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  notes.hide(offset, 16);
  return llcAt(frame, offset + 16, notes);
}

// 8 destination, 8 source, u16 EtherType
LinkResult fireWireAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 18)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset, 16);
  return afterEtherType(frame, big16(frame, offset + 16), offset + 18, notes);
}

// 40 route header (from the network, or made up to hold the addresses), u16 EtherType, u16 reserved
LinkResult infiniBandAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 44)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset, 40);
  return afterEtherType(frame, big16(frame, offset + 40), offset + 44, notes);
}

constexpr Linktype kRows[] = {
    {6, "IEEE802_5", tokenRingAt},
    {7, "ARCNET_BSD", arcnetAt<2>},
    {10, "FDDI", fddiAt},
    {19, "LINUX_CLASSICAL_IP (BSD)", atmAt},
    {100, "ATM_RFC1483", atmAt},
    {106, "ATM_CLIP", atmAt},
    {122, "IP_OVER_FC", fibreChannelAt},
    {123, "SUNATM", sunAtmAt},
    {129, "ARCNET_LINUX", arcnetAt<4>},
    {138, "APPLE_IP_OVER_IEEE1394", fireWireAt},
    {242, "IPOIB", infiniBandAt},
};

}  // namespace

std::span<const Linktype> rareLinktypes() { return kRows; }

}  // namespace flowglyph
