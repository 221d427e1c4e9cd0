// What an operating system puts before IP itself: nothing, an address family, or a cooked header.
#include <algorithm>
#include <array>

#include "parse/linktype.hpp"

namespace flowglyph {
namespace {

LinkResult rawAt(Bytes frame, std::size_t offset, LinkNotes&) { return ipAt(frame, offset); }

// The link type itself says which version: another one is no packet of that type.
template <std::uint8_t kVersion>
LinkResult rawOfAt(Bytes frame, std::size_t offset, LinkNotes&) {
  if (holds(frame, offset, 1) && frame[offset] >> 4 != kVersion) return skip(SkipReason::kBadIpHeader);
  return ipAt(frame, offset);
}

// An address family as the capturing machine numbers them: 2 is IPv4 everywhere, IPv6 differs by system.
bool isIpFamily(std::uint32_t family) {
  constexpr std::array<std::uint32_t, 6> kFamilies = {2, 10, 24, 26, 28, 30};
  return std::find(kFamilies.begin(), kFamilies.end(), family) != kFamilies.end();
}

// u32 family in the byte order of the machine that captured, which may not be the file's: families are small
// numbers. LOOP should be big-endian, but some writers follow their own order there too.
template <std::size_t kHeader>
LinkResult familyAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, kHeader)) return skip(SkipReason::kTruncatedHeader);
  auto family = loadLittle<std::uint32_t>(frame.data() + offset);
  if ((family & 0xFFFF0000u) != 0) family = byteSwap(family);
  if (!isIpFamily(family)) return skip(SkipReason::kNotIp);
  notes.hide(offset + 4, kHeader - 4);  // ENC: u32 SPI, u32 flags
  return ipAt(frame, offset + kHeader);
}

// Linux's cooked headers say what kind of device it was (ARPHRD_*), and for most an EtherType.
LinkResult cookedAt(Bytes frame, std::uint16_t device, std::uint16_t protocol, std::size_t offset,
                    LinkNotes& notes) {
  constexpr std::uint16_t k80211 = 801, kPrism = 802, kRadiotap = 803, kNetlink = 824;
  constexpr std::uint16_t kLlc = 4;
  switch (device) {
    case k80211:
      return linktypeAt(frame, 105, offset, notes);
    case kPrism:
      return linktypeAt(frame, 119, offset, notes);
    case kRadiotap:
      return linktypeAt(frame, 127, offset, notes);
    case kNetlink:
      return skip(SkipReason::kNotIp);
    default:
      break;
  }
  if (protocol == kLlc) return llcAt(frame, offset, notes);
  if (protocol < 0x0600) return skip(SkipReason::kNotIp);  // Linux's own numbers: Novell 802.3, CAN, ...
  return afterEtherType(frame, protocol, offset, notes);
}

// u16 packet type, u16 device type, u16 address length, 8 address, u16 protocol
LinkResult cooked1At(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 16)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset + 6, 8);
  return cookedAt(frame, big16(frame, offset + 2), big16(frame, offset + 14), offset + 16, notes);
}

// u16 protocol, u16 reserved, u32 interface, u16 device type, u8 packet type, u8 address length, 8 address
LinkResult cooked2At(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 20)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset + 4, 4);
  notes.hide(offset + 12, 8);
  return cookedAt(frame, big16(frame, offset + 8), big16(frame, offset), offset + 20, notes);
}

// OpenBSD's packet filter: u8 length, u8 family, rule and interface names, ...; padded to 4
LinkResult pflogAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 4)) return skip(SkipReason::kTruncatedHeader);
  const std::size_t header = (frame[offset] + std::size_t{3}) & ~std::size_t{3};
  if (header < 4 || !isIpFamily(frame[offset + 1])) return skip(SkipReason::kNotIp);
  notes.hide(offset + 2, header - 2);
  return ipAt(frame, offset + header);
}

// u8 family, u8 version 0, u16 resource; then u16 length, u16 type, value, padded to 4, in the order of the
// machine that wrote them. Type 9 is the packet.
LinkResult nflogAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  constexpr std::uint16_t kPayload = 9;
  if (!holds(frame, offset, 4)) return skip(SkipReason::kTruncatedHeader);
  if (frame[offset + 1] != 0 || !isIpFamily(frame[offset])) return skip(SkipReason::kNotIp);
  if (!holds(frame, offset, 8)) return skip(SkipReason::kTruncatedHeader);
  // Types are small numbers: the zero byte of the first one tells the order.
  const bool bigEndian = frame[offset + 6] == 0 && frame[offset + 7] != 0;
  for (std::size_t at = offset + 4; holds(frame, at, 4);) {
    const std::size_t length = load<std::uint16_t>(frame.data() + at, bigEndian);
    if (length < 4) return skip(SkipReason::kNotIp);
    if ((load<std::uint16_t>(frame.data() + at + 2, bigEndian) & 0x7FFF) == kPayload) {
      notes.hide(offset + 2, at + 4 - (offset + 2));  // hardware addresses, times, user ids
      return ipAt(frame, at + 4);
    }
    at += (length + 3) & ~std::size_t{3};
  }
  return skip(SkipReason::kTruncatedHeader);
}

// Solaris: u8 version, u8 family, u16 hook, u32 length, u32 interface, u32 group, u32 zone from, u32 zone to
LinkResult ipnetAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  if (!holds(frame, offset, 24)) return skip(SkipReason::kTruncatedHeader);
  if (!isIpFamily(frame[offset + 1])) return skip(SkipReason::kNotIp);
  notes.hide(offset + 8, 16);
  return ipAt(frame, offset + 24);
}

// Apple: u32 header length, u32 record type (1 = packet), u32 link type, names of interface and process, ...
LinkResult pktapAt(Bytes frame, std::size_t offset, LinkNotes& notes) {
  constexpr std::size_t kShortest = 108;
  if (!holds(frame, offset, 12)) return skip(SkipReason::kTruncatedHeader);
  const auto header = loadLittle<std::uint32_t>(frame.data() + offset);
  if (header < kShortest || loadLittle<std::uint32_t>(frame.data() + offset + 4) != 1)
    return skip(SkipReason::kNotIp);
  if (!holds(frame, offset, header)) return skip(SkipReason::kTruncatedHeader);
  notes.hide(offset + 12, header - 12);
  return linktypeAt(frame, loadLittle<std::uint32_t>(frame.data() + offset + 8), offset + header, notes);
}

constexpr Linktype kRows[] = {
    {0, "NULL", familyAt<4>, 4},
    {12, "RAW (BSD)", rawAt, 0},
    {14, "RAW (OpenBSD)", rawAt, 0},
    {101, "RAW", rawAt, 0},
    {108, "LOOP", familyAt<4>, 4},
    {109, "ENC", familyAt<12>, 12},
    {113, "LINUX_SLL", cooked1At, 16},
    {117, "PFLOG", pflogAt},
    {149, "USER2 (Apple PKTAP)", pktapAt},  // what Apple wrote before the type had a number
    {226, "IPNET", ipnetAt, 24},
    {228, "IPV4", rawOfAt<4>, 0},
    {229, "IPV6", rawOfAt<6>, 0},
    {239, "NFLOG", nflogAt},
    {258, "PKTAP", pktapAt},
    {276, "LINUX_SLL2", cooked2At, 20},
};

}  // namespace

std::span<const Linktype> hostLinktypes() { return kRows; }

}  // namespace flowglyph
