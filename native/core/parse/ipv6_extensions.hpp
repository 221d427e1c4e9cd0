// The chain of IPv6 extension headers (RFC 8200 section 4) up to the transport. Used by the parser and by the
// masks, so that both agree on where things are.
#pragma once

#include <cstdint>

#include "bytes.hpp"
#include "parse/protocol_set.hpp"
#include "parse/skip_reason.hpp"

namespace flowglyph {

inline constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestinationOptions = 60,
                              kMobility = 135, kHostIdentity = 139, kShim6 = 140;

struct Ipv6Transport {
  SkipReason reason;      // kFragmentTail: the rest is not a header but the middle of a datagram
  std::uint8_t protocol;  // of what stands at `offset`
  std::size_t offset;     // in the IP packet
  bool fragment;          // one of several: an atomic fragment (RFC 6946) is none
};

inline bool isIpv6Extension(std::uint8_t next) {
  return next == kHopByHop || next == kRouting || next == kFragment || next == kAh ||
         next == kDestinationOptions || next == kMobility || next == kHostIdentity || next == kShim6;
}

// `packet`: from the IPv6 header on, at least 40 bytes. Calls visit(header type, offset, header bytes) for
// each extension header. `stopAtAh`: an authentication header is a transport.
template <typename Visit>
Ipv6Transport walkIpv6Extensions(Bytes packet, Visit&& visit, bool stopAtAh = false) {
  Ipv6Transport at{SkipReason::kNone, packet[6], 40, false};
  while (isIpv6Extension(at.protocol) && !(stopAtAh && at.protocol == kAh)) {
    // u8 next header, u8 length; the fragment header has a fixed size. Every header is at least 8 bytes: the
    // loop ends.
    at.reason = SkipReason::kTruncatedHeader;
    if (packet.size() < at.offset + 8) return at;
    std::size_t length = 8 + packet[at.offset + 1] * std::size_t{8};
    if (at.protocol == kFragment) length = 8;
    if (at.protocol == kAh) length = (packet[at.offset + 1] + std::size_t{2}) * 4;
    if (length < 8) length = 8;  // an authentication header says 1 at the least
    if (packet.size() < at.offset + length) return at;
    visit(at.protocol, at.offset, packet.subspan(at.offset, length));
    at.reason = SkipReason::kNone;
    if (at.protocol == kFragment) {
      // u13 offset in 8 bytes, u2 reserved, u1 more fragments
      const auto place = loadBig<std::uint16_t>(packet.data() + at.offset + 2);
      at.fragment = at.fragment || (place & 0xFFF9) != 0;
      if ((place & 0xFFF8) != 0) {
        at.reason = SkipReason::kFragmentTail;
        return at;
      }
    }
    at.protocol = packet[at.offset];
    at.offset += length;
  }
  return at;
}

}  // namespace flowglyph
