// RFC 791 section 3.1, RFC 8200 section 4.5.
#include "stream/fragment.hpp"

#include <algorithm>
#include <cstring>

#include "parse/ipv6_extensions.hpp"

namespace flowglyph {
namespace {

constexpr std::uint32_t kIpv4HeaderBytes = 20, kIpv6HeaderBytes = 40, kFragmentHeaderBytes = 8;

std::uint64_t keyTail(std::uint32_t id, std::uint8_t protocol, std::uint8_t version, std::uint8_t depth) {
  return std::uint64_t{id} | std::uint64_t{protocol} << 32 | std::uint64_t{version} << 40 |
         std::uint64_t{depth} << 48;
}

// A length field of 0 is left to the network card (IPv4) or a jumbogram: the record's length stands in.
std::uint32_t wireLength(const Packet& packet) {
  return std::max(packet.record.origLength, packet.record.capLength) - packet.ipOffset;
}

bool readIpv4(const Packet& packet, Bytes ip, Fragment& fragment) {
  if (ip.size() < kIpv4HeaderBytes) return false;
  fragment.headerBytes = (ip[0] & 0x0F) * 4u;
  const std::uint32_t totalBytes = loadBig<std::uint16_t>(ip.data() + 2);
  fragment.ipBytes = totalBytes != 0 ? totalBytes : wireLength(packet);
  if (fragment.headerBytes < kIpv4HeaderBytes || fragment.headerBytes > ip.size()) return false;
  const std::uint16_t flagsAndOffset = loadBig<std::uint16_t>(ip.data() + 6);
  fragment.fixedBytes = fragment.headerBytes;
  fragment.nextHeaderAt = 0;
  fragment.more = (flagsAndOffset & 0x2000) != 0;
  fragment.offset = (flagsAndOffset & 0x1FFF) * 8u;
  fragment.key.words = {loadNative<std::uint32_t>(ip.data() + 12), 0,
                        loadNative<std::uint32_t>(ip.data() + 16), 0,
                        keyTail(loadBig<std::uint16_t>(ip.data() + 4), ip[9], 4, packet.tunnelDepth)};
  return true;
}

bool readIpv6(const Packet& packet, Bytes ip, Fragment& fragment) {
  if (ip.size() < kIpv6HeaderBytes) return false;
  const std::uint32_t payloadBytes = loadBig<std::uint16_t>(ip.data() + 4);
  fragment.ipBytes = payloadBytes != 0 ? kIpv6HeaderBytes + payloadBytes : wireLength(packet);
  // The header that makes it a fragment; a header of a whole datagram ("atomic", RFC 6946) only if that is
  // all.
  std::size_t before = 6, beforeIt = 0, at = 0;
  bool parts = false;
  walkIpv6Extensions(ip, [&](std::uint8_t type, std::size_t offset, Bytes header) {
    if (type == kFragment && !parts) {
      parts = (loadBig<std::uint16_t>(header.data() + 2) & 0xFFF9) != 0;
      if (parts || at == 0) {
        at = offset;
        beforeIt = before;
      }
    }
    before = offset;
  });
  if (at == 0) return false;
  // u8 next header, u8 reserved, u13 offset in units of 8 bytes, u2 reserved, u1 more, u32 identification
  const std::uint8_t* header = ip.data() + at;
  const std::uint16_t offsetAndMore = loadBig<std::uint16_t>(header + 2);
  fragment.headerBytes = static_cast<std::uint32_t>(at) + kFragmentHeaderBytes;
  fragment.fixedBytes = static_cast<std::uint32_t>(at) - kIpv6HeaderBytes;
  fragment.nextHeaderAt = static_cast<std::uint32_t>(beforeIt);
  fragment.more = (offsetAndMore & 1) != 0;
  fragment.offset = offsetAndMore & 0xFFF8;
  auto& words = fragment.key.words;
  std::memcpy(&words[0], ip.data() + 8, 16);
  std::memcpy(&words[2], ip.data() + 24, 16);
  // The next header is not part of it: only that of the first fragment counts (RFC 8200 section 4.5).
  words[4] = keyTail(loadBig<std::uint32_t>(header + 4), 0, 6, packet.tunnelDepth);
  return true;
}

}  // namespace

bool readFragment(const Packet& packet, Fragment& fragment) {
  const std::uint32_t end = std::min(packet.ipEnd, packet.record.capLength);
  if (packet.ipOffset >= end) return false;
  const Bytes ip{packet.record.data + packet.ipOffset, end - packet.ipOffset};
  fragment.ip = ip.data();
  const bool read = ip[0] >> 4 == 4   ? readIpv4(packet, ip, fragment)
                    : ip[0] >> 4 == 6 ? readIpv6(packet, ip, fragment)
                                      : false;
  if (!read || fragment.ipBytes < fragment.headerBytes) return false;
  fragment.length = fragment.ipBytes - fragment.headerBytes;
  fragment.captured = std::min(static_cast<std::uint32_t>(ip.size()) - fragment.headerBytes, fragment.length);
  return true;
}

}  // namespace flowglyph
