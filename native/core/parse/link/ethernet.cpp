// Ethernet, and Ethernet with something of a switch's or a modem's own around it.
#include <algorithm>
#include <array>

#include "parse/linktype.hpp"

namespace flowglyph {
namespace {

// The tag takes the place of an EtherType: 6 destination, 6 source, tag, u16 EtherType. It names ports of the
// switch and VLANs.
template <std::size_t kTag>
LinkResult taggedAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  constexpr std::size_t kHeader = 12 + kTag + 2;
  if (!holds(frame, offset, kHeader)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset, 12 + kTag);
  return afterEtherType(frame, big16(frame, offset + 12 + kTag), offset + kHeader, notes);
}

// Broadcom: u32 tag before the Ethernet frame
LinkResult prependedAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  notes.hide(offset, 4);
  return ethernetAt(frame, offset + 4, notes);
}

// IEEE 802.3br: preamble of 55, then a delimiter: D5 before a whole frame, four others before the first part
// of a frame that may be interrupted; anything else begins another part of one.
LinkResult mpacketAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  constexpr std::array<std::uint8_t, 5> kStarts = {0xD5, 0xE6, 0x4C, 0x7F, 0xB3};
  std::size_t at = offset;
  while (at < frame.size() && at < offset + 7 && frame[at] == 0x55) ++at;
  if (at >= frame.size()) return skip(SkipReason::kTruncatedHeader);
  if (std::find(kStarts.begin(), kStarts.end(), frame[at]) == kStarts.end())
    return skip(SkipReason::kLinkFragment);
  return ethernetAt(frame, at + 1, notes);
}

// u8 frame control (the upper two bits: 0 = packets), u8 bytes of extended header, u16 length, extended
// header, u16 check sequence, Ethernet. Bit 0 of the control says whether there is an extended header.
LinkResult docsisAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 6)) return skip(SkipReason::kTruncatedHeader);
  const std::uint8_t control = frame[offset];
  if (control >> 6 != 0) return skip(SkipReason::kNotIp);
  const std::size_t extended = (control & 1) != 0 ? frame[offset + 1] : 0;
  notes.hide(offset + 4, extended + 2);
  return ethernetAt(frame, offset + 6 + extended, notes);
}

constexpr Linktype kRows[] = {
    {1, "ETHERNET", ethernetAt, 14},
    {143, "DOCSIS", docsisAt},
    {274, "ETHERNET_MPACKET", mpacketAt},
    {281, "DSA_TAG_BRCM", taggedAt<4>},
    {282, "DSA_TAG_BRCM_PREPEND", prependedAt},
    {284, "DSA_TAG_DSA", taggedAt<4>},
    {285, "DSA_TAG_EDSA", taggedAt<8>},  // EtherType, u16 reserved, u32 tag
};

}  // namespace

std::span<const Linktype> ethernetLinktypes() { return kRows; }

}  // namespace flowglyph
