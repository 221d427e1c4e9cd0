// What EtherTypes lead to: VLAN tags (IEEE 802.1Q), LLC/SNAP (IEEE 802.2, RFC 1042), MPLS (RFC 3032), PPPoE,
// provider backbone bridges (802.1ah), MACsec (802.1AE), HSR (IEC 62439-3), NSH (RFC 8300).
#include "parse/link_walk.hpp"

namespace flowglyph {
namespace {

constexpr std::size_t kMaxLength8023 = 0x05FF;  // an EtherType is 0x0600 at the least; below it is a length

// u8 TCI (0x20: a channel identifier follows, 0x08: encrypted), u8 short length, u32 packet number,
// [8 channel identifier], u16 EtherType
LinkResult macsecAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 6)) return skip(SkipReason::kTruncatedHeader);
  const std::uint8_t tci = frame[offset];
  if ((tci & 0x08) != 0) return skip(SkipReason::kEncrypted);
  const std::size_t header = (tci & 0x20) != 0 ? 14 : 6;
  if (!holds(frame, offset, header + 2)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset + 2, header - 2);
  return afterEtherType(frame, big16(frame, offset + header), offset + header + 2, notes);
}

// `bytes` of a tag, of which the last two are the next EtherType; `identity` of its bytes name a place
LinkResult afterTag(Bytes frame, std::size_t offset, std::size_t bytes, LinkNotes& notes) {
  if (!holds(frame, offset, bytes)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset, bytes - 2);
  return afterEtherType(frame, big16(frame, offset + bytes - 2), offset + bytes, notes);
}

}  // namespace

// 6 destination, 6 source, u16 EtherType or length
LinkResult ethernetAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 14)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset, 12);
  const std::uint16_t etherType = big16(frame, offset + 12);
  if (etherType == kEtherIpv4) return ipAt(frame, offset + 14);  // the common case, ahead of the rest
  return afterEtherType(frame, etherType, offset + 14, notes);
}

LinkResult afterEtherType(Bytes frame, std::uint16_t etherType, std::size_t offset, LinkNotes& notes) {
  for (; !notes.tooMany();) {
    switch (etherType) {
      case kEtherIpv4:
      case kEtherIpv6:
        return ipAt(frame, offset);
      case 0x8100:  // 802.1Q
      case 0x88A8:  // 802.1ad
      case 0x9100:  // QinQ before it was a standard
      case 0x9200:
        // u4 priority, u12 VLAN, u16 EtherType
        if (!holds(frame, offset, 4)) return skip(SkipReason::kTruncatedHeader);
        notes.went(Layer::kVlan);
        notes.hide(offset, 1, 0xF0);
        notes.hide(offset + 1, 1);
        etherType = big16(frame, offset + 2);
        offset += 4;
        continue;
      case kEtherMpls:
      case 0x8848:
        return mplsAt(frame, offset, notes);
      case 0x8864:
        return pppoeAt(frame, offset, notes);
      case kEtherPpp:
        return pppAt(frame, offset, notes);
      case kEtherTransparent:
        return ethernetAt(frame, offset, notes);
      case kEtherNsh:
        return nshAt(frame, offset, notes);
      case 0x88E7:  // 802.1ah: u8 flags, u24 service, then the customer's Ethernet
        if (!holds(frame, offset, 4)) return skip(SkipReason::kTruncatedHeader);
        notes.went(Layer::kVlan);
        notes.hide(offset + 1, 3);
        return ethernetAt(frame, offset + 4, notes);
      case 0x88E5:
        return macsecAt(frame, offset, notes);
      case 0x8926:  // VNTAG: u32 interfaces
      case 0x892F:  // HSR: u16 path and size, u16 sequence number
        return afterTag(frame, offset, 6, notes);
      case 0x8909:  // Cisco metadata: u8 version, u8 length, u16 option, u16 security group
      case 0x893F:  // 802.1BR: u48 tag
        return afterTag(frame, offset, 8, notes);
      case 0x8870:  // LLC in frames longer than a length field says
        return llcAt(frame, offset, notes);
      default:
        if (etherType <= kMaxLength8023) return llcAt(frame, offset, notes);
        return skip(SkipReason::kNotIp);
    }
  }
  return skip(SkipReason::kNotIp);
}

// u8 destination, u8 source, u8 control; AA AA 03: SNAP, u24 organisation, u16 type in its meaning
LinkResult llcAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 3)) return skip(SkipReason::kTruncatedHeader);
  const std::uint8_t* llc = frame.data() + offset;
  notes.went(Layer::kLlcSnap);
  if (llc[0] == 0x06 && llc[1] == 0x06 && llc[2] == 0x03) return ipAt(frame, offset + 3);  // RFC 948
  if ((llc[0] & 0xFE) != 0xAA || (llc[1] & 0xFE) != 0xAA || llc[2] != 0x03) return skip(SkipReason::kNotIp);
  if (!holds(frame, offset, 8)) return skip(SkipReason::kTruncatedHeader);
  const std::uint32_t organisation = loadBig<std::uint32_t>(llc + 2) & 0x00FFFFFFu;
  const std::uint16_t type = big16(frame, offset + 6);
  // Ethernet, and the bridges' own number for the same.
  if (organisation == 0 || organisation == 0x0000F8) {
    if (type <= kMaxLength8023) return skip(SkipReason::kNotIp);
    return afterEtherType(frame, type, offset + 8, notes);
  }
  // RFC 2684, 2427: bridged Ethernet; in ATM two bytes of padding stand before it.
  if (organisation == 0x0080C2 && (type == 0x0001 || type == 0x0007)) {
    const bool padded = holds(frame, offset, 24) && big16(frame, offset + 8) == 0;
    return ethernetAt(frame, offset + (padded ? 10 : 8), notes);
  }
  return skip(SkipReason::kNotIp);
}

// u20 label, u3 class, u1 bottom of stack, u8 TTL. What is behind the bottom is not said: RFC 4928 and
// RFC 4385 leave the first four bits, as tcpdump and Wireshark read them.
LinkResult mplsAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  notes.went(Layer::kMpls);
  for (bool bottom = false; !bottom; offset += 4) {
    if (notes.tooMany()) return skip(SkipReason::kNotIp);
    if (!holds(frame, offset, 4)) return skip(SkipReason::kTruncatedHeader);
    bottom = (frame[offset + 2] & 1) != 0;
    notes.hide(offset, 2);
    notes.hide(offset + 2, 1, 0x0F);
    notes.hideHops(offset + 3);
  }
  if (!holds(frame, offset, 1)) return skip(SkipReason::kTruncatedHeader);
  const unsigned nibble = frame[offset] >> 4;
  if (nibble == 4 || nibble == 6) {
    // A pseudowire without a control word may begin with an address that looks like this: but then an IP
    // header makes no sense.
    if (!holds(frame, offset, nibble == 4 ? 20 : 40) || looksLikeIp(frame, offset))
      return ipAt(frame, offset);
  }
  if (nibble == 1) return skip(SkipReason::kNotIp);  // an associated channel: not user traffic
  // Ethernet pseudowires: u4 zero, u12 flags and length, u16 sequence number, then the frame. Without the
  // control word, the frame at once.
  const LayerSet outside = notes.layers;
  for (const std::size_t control : {std::size_t{4}, std::size_t{0}}) {
    if (control != 0 && nibble != 0) continue;
    notes.layers = outside;
    notes.went(Layer::kPseudowire);
    const LinkResult inner = ethernetAt(frame, offset + control, notes);
    if (inner.reason == SkipReason::kNone && looksLikeIp(frame, inner.ipOffset)) return inner;
  }
  notes.layers = outside;
  return skip(SkipReason::kNotIp);
}

// u16 version, flags, TTL and length in words (the last 6 bits), u8 metadata type, u8 next protocol, ...
LinkResult nshAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (notes.tooMany()) return skip(SkipReason::kNotIp);
  if (!holds(frame, offset, 8)) return skip(SkipReason::kTruncatedHeader);
  const std::size_t header = (big16(frame, offset) & 0x3Fu) * std::size_t{4};
  if (header < 8) return skip(SkipReason::kNotIp);
  notes.hide(offset + 4, header - 4);
  switch (frame[offset + 3]) {
    case 1:
    case 2:
      return ipAt(frame, offset + header);
    case 3:
      return ethernetAt(frame, offset + header, notes);
    case 4:
      return nshAt(frame, offset + header, notes);
    case 5:
      return mplsAt(frame, offset + header, notes);
    default:
      return skip(SkipReason::kNotIp);
  }
}

bool looksLikeIp(Bytes frame, std::size_t offset) {
  if (!holds(frame, offset, 20)) return false;
  const std::uint8_t* ip = frame.data() + offset;
  if (ip[0] >> 4 == 4) {
    const std::size_t header = (ip[0] & 0x0F) * std::size_t{4};
    return header >= 20 && loadBig<std::uint16_t>(ip + 2) >= header;
  }
  return ip[0] >> 4 == 6 && holds(frame, offset, 40);
}

}  // namespace flowglyph
