// Why a record did not become part of a session. One enumerator, one stable name; every record has exactly
// one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flowglyph {

enum class SkipReason : std::uint8_t {
  kNone,  // it did
  kUnknownInterface,
  kUnknownLinktype,
  kNotIp,
  kTruncatedHeader,
  kBadIpHeader,
  kFragmentTail,
  kOtherTransport,
  kTunnelDepth,
  kLinktypeWithoutIp,
  kEncrypted,
  kLinkFragment,
  kFragment,  // never counted: the defragmenter decides
};

inline constexpr std::array<std::string_view, 13> kSkipReasonNames = {
    "none",
    "unknownInterface",   // pcapng: the block names an interface that its section never described
    "unknownLinktype",    // no row in the table of link types
    "notIp",              // ARP, spanning tree, ...
    "truncatedHeader",    // the captured bytes end before the ports are known
    "badIpHeader",        // version, header length or total length contradict each other
    "fragmentTail",       // a fragment past the first: no ports in it
    "otherTransport",     // IP, but no protocol that was asked for
    "tunnelDepth",        // packets in packets in packets, beyond kMaxTunnelDepth
    "linktypeWithoutIp",  // a link type that is known and holds no IP: USB, Bluetooth, CAN, ...
    "encrypted",          // below IP: 802.11 with its protected bit, MACsec
    "linkFragment",       // a link layer's own piece of a packet: 802.11, multilink PPP, ARCnet
    "fragment",
};
inline constexpr std::size_t kSkipReasons = kSkipReasonNames.size();

}  // namespace flowglyph
