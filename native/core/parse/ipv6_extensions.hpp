// The chain of IPv6 extension headers (RFC 8200 section 4) up to TCP or UDP. Used by the parser and by the
// masks, so that both agree on where things are.
#pragma once

#include <cstdint>

#include "bytes.hpp"
#include "parse/skip_reason.hpp"

namespace flowglyph {

inline constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kAuthentication = 51,
                              kDestinationOptions = 60, kMobility = 135, kHostIdentity = 139, kShim6 = 140;

struct Ipv6Transport {
  SkipReason reason;
  std::uint8_t protocol;
  std::size_t offset;  // of the transport header in the IP packet
};

// `packet`: from the IPv6 header on, at least 40 bytes. Calls visit(header type, offset, header bytes) for
// each extension header.
template <typename Visit>
Ipv6Transport walkIpv6Extensions(Bytes packet, Visit&& visit) {
  std::uint8_t next = packet[6];
  std::size_t offset = 40;
  for (;;) {
    if (next == 6 || next == 17) return {SkipReason::kNone, next, offset};
    const bool known = next == kHopByHop || next == kRouting || next == kFragment ||
                       next == kAuthentication || next == kDestinationOptions || next == kMobility ||
                       next == kHostIdentity || next == kShim6;
    if (!known) return {SkipReason::kOtherTransport, next, offset};
    // u8 next header, u8 length; the fragment header has a fixed size. Every header is at least 8 bytes: the
    // loop ends.
    if (packet.size() < offset + 8) return {SkipReason::kTruncatedHeader, next, offset};
    std::size_t length = 8 + packet[offset + 1] * std::size_t{8};
    if (next == kFragment) length = 8;
    if (next == kAuthentication) length = (packet[offset + 1] + std::size_t{2}) * 4;
    if (length < 8) length = 8;  // an authentication header says 1 at the least
    if (packet.size() < offset + length) return {SkipReason::kTruncatedHeader, next, offset};
    visit(next, offset, packet.subspan(offset, length));
    if (next == kFragment && (loadBig<std::uint16_t>(packet.data() + offset + 2) & 0xFFF8) != 0)
      return {SkipReason::kFragmentTail, packet[offset], offset};
    next = packet[offset];
    offset += length;
  }
}

}  // namespace flowglyph
