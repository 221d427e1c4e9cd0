// Tunnels: from the header that carries one to the IP packet inside. To add one: a Tunnel, a decoder here and
// a row in tunnel_decoders.cpp.
#pragma once

#include <optional>

#include "parse/link_walk.hpp"
#include "parse/tunnel.hpp"

namespace flowglyph {

struct TunnelInside {
  Tunnel tunnel;
  std::uint32_t ipOffset;
  LayerSet layers;
  bool guessed = false;  // nothing said what is inside: believe only what cannot be chance
};

// Each decoder gets the record up to the captured end of the outer IP packet, and where the tunnel's own
// header starts. Nothing: no tunnel, not one of `wanted`, or what is in it is not IP.
using TunnelDecoder = std::optional<TunnelInside> (*)(Bytes packet, std::size_t offset, TunnelSet wanted);

std::optional<TunnelInside> greInside(Bytes packet, std::size_t offset, TunnelSet wanted);
std::optional<TunnelInside> teredoInside(Bytes packet, std::size_t offset, TunnelSet wanted);
std::optional<TunnelInside> vxlanInside(Bytes packet, std::size_t offset, TunnelSet wanted);
std::optional<TunnelInside> vxlanGpeInside(Bytes packet, std::size_t offset, TunnelSet wanted);
std::optional<TunnelInside> geneveInside(Bytes packet, std::size_t offset, TunnelSet wanted);
std::optional<TunnelInside> gtpUserInside(Bytes packet, std::size_t offset, TunnelSet wanted);
std::optional<TunnelInside> l2tpUdpInside(Bytes packet, std::size_t offset, TunnelSet wanted);
std::optional<TunnelInside> l2tpIpInside(Bytes packet, std::size_t offset, TunnelSet wanted);

// Behind an IP header: by its protocol and its version.
std::optional<TunnelInside> tunnelOverIp(std::uint8_t protocol, std::uint8_t version, Bytes packet,
                                         std::size_t offset, TunnelSet wanted);
// Behind a UDP header at `offset`, by the ports.
std::optional<TunnelInside> tunnelOverUdp(Bytes packet, std::size_t offset, TunnelSet wanted);

// One look at a small table, before anything of a datagram but its ports is read: 0 for nearly all ports.
class TunnelPorts {
 public:
  constexpr TunnelPorts() {
    for (const std::uint16_t port : {3544, 4789, 8472, 4790, 6081, 2152, 1701, 4754})
      bits_[slot(port) >> 6] |= std::uint64_t{1} << (slot(port) & 63);
  }
  constexpr bool maybe(std::uint16_t port) const {
    return (bits_[slot(port) >> 6] >> (slot(port) & 63) & 1) != 0;
  }

 private:
  static constexpr unsigned slot(std::uint16_t port) { return port & 0xFFu; }
  std::uint64_t bits_[4] = {};
};
inline constexpr TunnelPorts kTunnelPorts;

constexpr Layer layerOf(Tunnel tunnel) {
  return static_cast<Layer>(static_cast<unsigned>(Layer::kIpInIp) + static_cast<unsigned>(tunnel));
}
static_assert(layerOf(Tunnel::kL2tp) == Layer::kL2tp && layerOf(Tunnel::kGre) == Layer::kGre);

// What a decoder returns when the walk inside found IP.
inline std::optional<TunnelInside> insideAt(Tunnel tunnel, const LinkResult& inner, const LinkNotes& notes) {
  if (inner.reason != SkipReason::kNone) return std::nullopt;
  return TunnelInside{tunnel, inner.ipOffset, notes.layers | layerBit(layerOf(tunnel))};
}

}  // namespace flowglyph
