// IEEE 802.11-2020 section 9, and what drivers put before a frame: radiotap (radiotap.org), Prism, AVS, PPI.
// Of an aggregate (A-MSDU) the first frame is read: one record is one packet.
#include "parse/linktype.hpp"

namespace flowglyph {
namespace {

bool isSnap(Bytes frame, std::size_t offset) {
  return holds(frame, offset, 3) && frame[offset] == 0xAA && frame[offset + 1] == 0xAA &&
         frame[offset + 2] == 0x03;
}

// u16 frame control, u16 duration, 6 + 6 + 6 addresses, u16 fragment (4 bits) and sequence number,
// [6 address 4, to and from a distribution system], [u16 QoS control, [u32 HT control]]; then LLC
LinkResult dot11At(Bytes frame, std::size_t offset, bool padded, LinkNotes& notes) {
  constexpr std::uint8_t kData = 2, kNoPayload = 0x40, kQos = 0x80;           // of the first byte
  constexpr std::uint8_t kBothSystems = 0x03, kProtected = 0x40, kHt = 0x80;  // of the second
  if (!holds(frame, offset, 2)) return skip(SkipReason::kTruncatedHeader);
  const std::uint8_t type = frame[offset], flags = frame[offset + 1];
  if ((type >> 2 & 3) != kData || (type & kNoPayload) != 0 || (type & 3) != 0)
    return skip(SkipReason::kNotIp);
  std::size_t header = 24;
  if ((flags & kBothSystems) == kBothSystems) header += 6;
  bool aggregate = false, mesh = false;
  if ((type & kQos) != 0) {
    if (!holds(frame, offset, header + 2)) return skip(SkipReason::kTruncatedHeader);
    aggregate = (frame[offset + header] & 0x80) != 0;
    mesh = (frame[offset + header + 1] & 0x01) != 0;  // outside of a mesh this bit says something else
    header += 2;
    if ((flags & kHt) != 0) header += 4;
  }
  if (padded) header = (header + 3) & ~std::size_t{3};
  if (!holds(frame, offset, header)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset + 4, 20);
  if ((flags & kBothSystems) == kBothSystems) notes.hide(offset + 24, 6);
  if ((frame[offset + 22] & 0x0F) != 0) return skip(SkipReason::kLinkFragment);
  std::size_t at = offset + header;
  // Some drivers deliver decrypted frames and leave the bit.
  if ((flags & kProtected) != 0 && !isSnap(frame, at) && !(aggregate && isSnap(frame, at + 14)))
    return skip(SkipReason::kEncrypted);
  if (aggregate) {  // 6 destination, 6 source, u16 length
    notes.hide(at, 12);
    at += 14;
  }
  if (mesh && !isSnap(frame, at)) {  // u8 flags, u8 TTL, u32 sequence number, 0 to 2 addresses
    if (!holds(frame, at, 6)) return skip(SkipReason::kTruncatedHeader);
    const std::size_t meshHeader = 6 + (frame[at] & 3) * std::size_t{6};
    if (isSnap(frame, at + meshHeader)) {
      notes.hide(at + 1, meshHeader - 1);
      at += meshHeader;
    }
  }
  return llcAt(frame, at, notes);
}

LinkResult plainDot11At(Bytes frame, std::size_t offset, LinkNotes& notes) {
  return dot11At(frame, offset, false, notes);
}

// u8 version, u8 0, u16 length, u32 fields present (bit 31: one more such word); fields in the order of the
// bits, each on its natural boundary. All little-endian. Of the fields only the flags matter: 0x20 says that
// the 802.11 header is padded to 4 bytes.
LinkResult radiotapAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 8)) return skip(SkipReason::kTruncatedHeader);
  const std::size_t length = loadLittle<std::uint16_t>(frame.data() + offset + 2);
  if (frame[offset] != 0 || length < 8) return skip(SkipReason::kNotIp);
  if (!holds(frame, offset, length)) return skip(SkipReason::kTruncatedHeader);
  const Bytes header = frame.subspan(offset, length);
  const auto present = loadLittle<std::uint32_t>(header.data() + 4);
  std::size_t at = 8;
  for (auto word = present; (word & 0x80000000u) != 0; at += 4) {
    if (!holds(header, at, 4)) return skip(SkipReason::kNotIp);
    word = loadLittle<std::uint32_t>(header.data() + at);
  }
  if ((present & 1) != 0) at = ((at + 7) & ~std::size_t{7}) + 8;  // u64 time
  const bool padded = (present & 2) != 0 && holds(header, at, 1) && (header[at] & 0x20) != 0;
  notes.hide(offset, length);  // signal, antenna, channel: the receiver's place
  return dot11At(frame, offset + length, padded, notes);
}

// u32 version 0x8021100x, u32 length; big-endian
LinkResult avsAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 8)) return skip(SkipReason::kTruncatedHeader);
  const auto length = loadBig<std::uint32_t>(frame.data() + offset + 4);
  if (length < 8) return skip(SkipReason::kNotIp);
  notes.hide(offset, length);
  return dot11At(frame, offset + length, false, notes);
}

// u32 message, u32 length, in the order of the machine that captured; or AVS
LinkResult prismAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 8)) return skip(SkipReason::kTruncatedHeader);
  if (loadBig<std::uint32_t>(frame.data() + offset) >> 4 == 0x8021100) return avsAt(frame, offset, notes);
  auto length = loadLittle<std::uint32_t>(frame.data() + offset + 4);
  if (length > 0xFFFF) length = byteSwap(length);
  if (length < 8) return skip(SkipReason::kNotIp);
  notes.hide(offset, length);
  return dot11At(frame, offset + length, false, notes);
}

// u8 version, u8 flags, u16 length, u32 link type of what follows; little-endian
LinkResult ppiAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 8)) return skip(SkipReason::kTruncatedHeader);
  const std::size_t length = loadLittle<std::uint16_t>(frame.data() + offset + 2);
  if (frame[offset] != 0 || length < 8) return skip(SkipReason::kNotIp);
  notes.hide(offset + 8, length - 8);
  return linktypeAt(frame, loadLittle<std::uint32_t>(frame.data() + offset + 4), offset + length, notes);
}

constexpr Linktype kRows[] = {
    {105, "IEEE802_11", plainDot11At},
    {119, "IEEE802_11_PRISM", prismAt},
    {127, "IEEE802_11_RADIOTAP", radiotapAt},
    {163, "IEEE802_11_AVS", avsAt},
    {192, "PPI", ppiAt},
};

}  // namespace

std::span<const Linktype> wirelessLinktypes() { return kRows; }

}  // namespace flowglyph
