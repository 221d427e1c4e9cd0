#include "parse/tunnel/tunnel_decoders.hpp"

#include "parse/protocol_set.hpp"

namespace flowglyph {
namespace {

struct UdpRow {
  std::uint16_t port;
  Tunnel tunnel;
  // Where the source port carries a hash of what is inside, only the destination says what this is.
  bool eitherPort;
  TunnelDecoder decode;
};

// https://www.iana.org/assignments/service-names-port-numbers; 8472 is what Linux used before 4789 was given.
constexpr UdpRow kUdpRows[] = {
    {3544, Tunnel::kTeredo, true, teredoInside},  {4789, Tunnel::kVxlan, false, vxlanInside},
    {8472, Tunnel::kVxlan, false, vxlanInside},   {4790, Tunnel::kVxlanGpe, false, vxlanGpeInside},
    {6081, Tunnel::kGeneve, false, geneveInside}, {2152, Tunnel::kGtpU, true, gtpUserInside},
    {1701, Tunnel::kL2tp, true, l2tpUdpInside},   {4754, Tunnel::kGre, false, greInside},  // RFC 8086
};

constexpr std::uint8_t kIpv4InIp = 4, kIpv6InIp = 41, kL2tpOverIp = 115;

}  // namespace

std::optional<TunnelInside> tunnelOverUdp(Bytes packet, std::size_t offset, TunnelSet wanted) {
  const std::uint16_t source = big16(packet, offset), destination = big16(packet, offset + 2);
  for (const UdpRow& row : kUdpRows)
    if (hasTunnel(wanted, row.tunnel) && (row.port == destination || (row.eitherPort && row.port == source)))
      return row.decode(packet, offset + 8, wanted);
  return std::nullopt;
}

std::optional<TunnelInside> tunnelOverIp(std::uint8_t protocol, std::uint8_t version, Bytes packet,
                                         std::size_t offset, TunnelSet wanted) {
  switch (protocol) {
    case kIpv4InIp:
    case kIpv6InIp: {
      const Tunnel tunnel = protocol == kIpv6InIp && version == 4 ? Tunnel::k6in4 : Tunnel::kIpInIp;
      const unsigned inner = protocol == kIpv4InIp ? 4 : 6;
      if (!hasTunnel(wanted, tunnel) || !holds(packet, offset, 1) || packet[offset] >> 4 != inner)
        return std::nullopt;
      return insideAt(tunnel, ipAt(packet, offset), {});
    }
    case kGreProtocol:
      return greInside(packet, offset, wanted);
    case kL2tpOverIp:
      return hasTunnel(wanted, Tunnel::kL2tp) ? l2tpIpInside(packet, offset, wanted) : std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace flowglyph
