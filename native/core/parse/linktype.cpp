#include "parse/linktype.hpp"

#include <algorithm>
#include <array>

namespace flowglyph {
namespace {

constexpr std::uint16_t kEtherIpv4 = 0x0800, kEtherIpv6 = 0x86DD, kEtherPppoeSession = 0x8864;

constexpr LinkResult ipAt(Bytes frame, std::size_t offset) {
  if (frame.size() <= offset) return {SkipReason::kTruncatedHeader, 0};
  return {SkipReason::kNone, static_cast<std::uint32_t>(offset)};
}

constexpr LinkResult skip(SkipReason reason) { return {reason, 0}; }

bool isVlan(std::uint16_t etherType) {
  return etherType == 0x8100 || etherType == 0x88A8 || etherType == 0x9100;  // 802.1Q, 802.1ad, old QinQ
}

// RFC 2516: u8 version and type, u8 code, u16 session, u16 length, then u16 PPP protocol
LinkResult pppoeSession(Bytes frame, std::size_t offset) {
  constexpr std::uint16_t kPppIpv4 = 0x0021, kPppIpv6 = 0x0057;
  if (frame.size() < offset + 8) return skip(SkipReason::kTruncatedHeader);
  const auto protocol = loadBig<std::uint16_t>(frame.data() + offset + 6);
  if (protocol != kPppIpv4 && protocol != kPppIpv6) return skip(SkipReason::kNotIp);
  return ipAt(frame, offset + 8);
}

// From an EtherType whose 2 bytes stand just before `offset`, through any number of VLAN tags, to IP.
LinkResult afterEtherType(Bytes frame, std::uint16_t etherType, std::size_t offset) {
  while (isVlan(etherType)) {  // u16 tag, u16 EtherType
    if (frame.size() < offset + 4) return skip(SkipReason::kTruncatedHeader);
    etherType = loadBig<std::uint16_t>(frame.data() + offset + 2);
    offset += 4;
  }
  if (etherType == kEtherIpv4 || etherType == kEtherIpv6) return ipAt(frame, offset);
  if (etherType == kEtherPppoeSession) return pppoeSession(frame, offset);
  return skip(SkipReason::kNotIp);
}

// 6 destination, 6 source, u16 EtherType (a length below 0x0600: 802.3, no IP behind it but in LLC/SNAP)
LinkResult ethernet(Bytes frame) {
  if (frame.size() < 14) return skip(SkipReason::kTruncatedHeader);
  return afterEtherType(frame, loadBig<std::uint16_t>(frame.data() + 12), 14);
}

LinkResult rawIp(Bytes frame) { return ipAt(frame, 0); }

// The link type itself says which version: another one is no packet of that type.
template <std::uint8_t kVersion>
LinkResult rawIpOf(Bytes frame) {
  if (!frame.empty() && frame[0] >> 4 != kVersion) return skip(SkipReason::kBadIpHeader);
  return ipAt(frame, 0);
}

// An address family as the capturing machine numbers them: 2 is IPv4 everywhere, IPv6 differs by system.
LinkResult afterFamily(Bytes frame, std::uint32_t family) {
  constexpr std::array<std::uint32_t, 6> kFamilies = {2, 10, 24, 26, 28, 30};
  if (std::find(kFamilies.begin(), kFamilies.end(), family) == kFamilies.end())
    return skip(SkipReason::kNotIp);
  return ipAt(frame, 4);
}

// u32 family in the byte order of the machine that captured, which may not be the file's: families are small
// numbers
LinkResult null(Bytes frame) {
  if (frame.size() < 4) return skip(SkipReason::kTruncatedHeader);
  const auto family = loadLittle<std::uint32_t>(frame.data());
  return afterFamily(frame, (family & 0xFFFF0000u) != 0 ? byteSwap(family) : family);
}

// u32 family, big-endian
LinkResult loop(Bytes frame) { return null(frame); }  // some writers follow their own order here too

// u16 packet type, u16 ARPHRD type, u16 address length, 8 address, u16 protocol
LinkResult linuxCooked1(Bytes frame) {
  if (frame.size() < 16) return skip(SkipReason::kTruncatedHeader);
  return afterEtherType(frame, loadBig<std::uint16_t>(frame.data() + 14), 16);
}

// u16 protocol, u16 reserved, u32 interface, u16 ARPHRD type, u8 packet type, u8 address length, 8 address
LinkResult linuxCooked2(Bytes frame) {
  if (frame.size() < 20) return skip(SkipReason::kTruncatedHeader);
  return afterEtherType(frame, loadBig<std::uint16_t>(frame.data()), 20);
}

constexpr ByteRange kEthernetAddresses[] = {{0, 12}};
constexpr ByteRange kCooked1Address[] = {{6, 8}};
constexpr ByteRange kCooked2Address[] = {{12, 8}};

constexpr Linktype kLinktypes[] = {
    {0, "NULL", null, {}},
    {1, "ETHERNET", ethernet, kEthernetAddresses},
    {12, "RAW (BSD)", rawIp, {}},
    {14, "RAW (OpenBSD)", rawIp, {}},
    {101, "RAW", rawIp, {}},
    {108, "LOOP", loop, {}},
    {113, "LINUX_SLL", linuxCooked1, kCooked1Address},
    {228, "IPV4", rawIpOf<4>, {}},
    {229, "IPV6", rawIpOf<6>, {}},
    {276, "LINUX_SLL2", linuxCooked2, kCooked2Address},
};

}  // namespace

const Linktype* findLinktype(std::uint16_t number) {
  for (const Linktype& row : kLinktypes)
    if (row.number == number) return &row;
  return nullptr;
}

std::span<const Linktype> allLinktypes() { return kLinktypes; }

}  // namespace flowglyph
