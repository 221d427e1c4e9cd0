// Which fields of IP and transport headers a mask zeroes.
#pragma once

#include "bytes.hpp"
#include "image/mask_pattern.hpp"
#include "options.hpp"

namespace flowglyph {

// `ip`: from the IPv4 header to the end of the packet as captured; `base`: where it stands in the pattern.
// `headerBytes`: up to the transport, authentication headers that were walked through included.
void maskIpv4(MaskPattern& pattern, Mask mask, Bytes ip, std::size_t base, std::size_t headerBytes);
void maskIpv6(MaskPattern& pattern, Mask mask, Bytes ip, std::size_t base, bool stopAtAh);

// `segment`: from the transport header to the end of the packet as captured. `nesting` counts the IP packets
// around it, for protocols that hold whole packets.
void maskTransport(MaskPattern& pattern, Mask mask, std::uint8_t protocol, Bytes segment, std::size_t base,
                   unsigned nesting = 0);

// The bytes that a TCP header has, by its own word and by what was captured of it; at least 20.
std::size_t tcpHeaderBytes(Bytes segment);

}  // namespace flowglyph
