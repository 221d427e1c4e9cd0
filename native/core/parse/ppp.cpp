// PPP (RFC 1661, 1662), PPPoE (RFC 2516) and the network-layer identifiers that HDLC and Frame Relay use
// (ISO 9577, RFC 2427).
#include "parse/link_walk.hpp"

namespace flowglyph {

// [FF 03], u16 protocol; u8 where both ends agreed to compress it: then its last bit is set
LinkResult pppAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (notes.tooMany()) return skip(SkipReason::kNotIp);
  notes.went(Layer::kPpp);
  if (holds(frame, offset, 2) && frame[offset] == 0xFF && frame[offset + 1] == 0x03) offset += 2;
  if (!holds(frame, offset, 1)) return skip(SkipReason::kTruncatedHeader);
  std::uint16_t protocol = frame[offset];
  if ((protocol & 1) != 0) {
    offset += 1;
  } else {
    if (!holds(frame, offset, 2)) return skip(SkipReason::kTruncatedHeader);
    protocol = big16(frame, offset);
    offset += 2;
  }
  switch (protocol) {
    case 0x0021:
    case 0x0057:
      return ipAt(frame, offset);
    case 0x0281:
    case 0x0283:
      return mplsAt(frame, offset, notes);
    case 0x003D:  // multilink (RFC 1990): u1 begins, u1 ends, sequence number of 12 or 24 bits
      if (!holds(frame, offset, 4)) return skip(SkipReason::kTruncatedHeader);
      if ((frame[offset] & 0xC0) != 0xC0) return skip(SkipReason::kLinkFragment);
      return pppAt(frame, offset + 4, notes);
    case 0x0053:  // RFC 1968
    case 0x0055:
      return skip(SkipReason::kEncrypted);
    default:
      return skip(SkipReason::kNotIp);
  }
}

// u8 version and type, u8 code, u16 session, u16 length, then PPP without FF 03
LinkResult pppoeAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 6)) return skip(SkipReason::kTruncatedHeader);
  notes.went(Layer::kPppoe);
  if (frame[offset + 1] != 0) return skip(SkipReason::kNotIp);  // discovery
  notes.hide(offset + 2, 2);
  return pppAt(frame, offset + 6, notes);
}

LinkResult nlpidAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 1)) return skip(SkipReason::kTruncatedHeader);
  switch (frame[offset]) {
    case 0xCC:
    case 0x8E:
      return ipAt(frame, offset + 1);
    case 0x80: {  // SNAP, without the LLC before it: u24 organisation, u16 type
      if (!holds(frame, offset, 6)) return skip(SkipReason::kTruncatedHeader);
      notes.went(Layer::kLlcSnap);
      const std::uint32_t organisation = loadBig<std::uint32_t>(frame.data() + offset) & 0x00FFFFFFu;
      const std::uint16_t type = big16(frame, offset + 4);
      if (organisation == 0 && type >= 0x0600) return afterEtherType(frame, type, offset + 6, notes);
      if (organisation == 0x0080C2 && (type == 0x0001 || type == 0x0007))
        return ethernetAt(frame, offset + 6, notes);
      return skip(SkipReason::kNotIp);
    }
    case 0xCF:
      return pppAt(frame, offset + 1, notes);
    case 0xB1:  // FRF.12: u1 begins, u1 ends
      if (!holds(frame, offset, 3)) return skip(SkipReason::kTruncatedHeader);
      return skip(SkipReason::kLinkFragment);
    default:
      return skip(SkipReason::kNotIp);
  }
}

}  // namespace flowglyph
