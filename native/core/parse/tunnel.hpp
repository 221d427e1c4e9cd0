// The tunnels whose outer headers can be removed, and which of them are to be (`--decap`).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace flowglyph {

// Names are those of the command line; the order is that of kTunnelNames and of src/capture/names.ts.
enum class Tunnel : std::uint8_t {
  kIpInIp,    // RFC 2003, 2473: IPv4 or IPv6 in IPv4 or IPv6, but for IPv6 in IPv4
  k6in4,      // RFC 4213, 6to4 (RFC 3056), 6rd: IPv6 in IPv4, protocol 41
  kTeredo,    // RFC 4380
  kGre,       // RFC 2784, 2890, and PPTP's version 1 (RFC 2637)
  kErspan,    // types I, II and III, in GRE
  kNvgre,     // RFC 7637, in GRE
  kVxlan,     // RFC 7348
  kVxlanGpe,  // draft-ietf-nvo3-vxlan-gpe
  kGeneve,    // RFC 8926
  kGtpU,      // 3GPP TS 29.281
  kL2tp,      // RFC 2661, and version 3 over IP and UDP (RFC 3931)
};

inline constexpr std::array<std::string_view, 11> kTunnelNames = {
    "ipip", "6in4", "teredo", "gre", "erspan", "nvgre", "vxlan", "vxlan-gpe", "geneve", "gtpu", "l2tp"};
inline constexpr std::size_t kTunnels = kTunnelNames.size();

// A set of tunnels: bit n is Tunnel n.
using TunnelSet = std::uint32_t;
inline constexpr TunnelSet kAllTunnels = (TunnelSet{1} << kTunnels) - 1;
constexpr bool hasTunnel(TunnelSet set, Tunnel tunnel) {
  return (set >> static_cast<unsigned>(tunnel) & 1) != 0;
}

// Packets in packets beyond this are no session: a crafted one could go on to its end.
inline constexpr unsigned kMaxTunnelDepth = 8;

}  // namespace flowglyph
