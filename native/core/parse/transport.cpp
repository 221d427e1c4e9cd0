// RFC 9293 (TCP), 768 (UDP), 3828 (UDP-Lite), 4340 (DCCP), 9260 (SCTP), 792 and 4443 (ICMP), 4303 (ESP), 4302
// (AH).
#include "parse/transport.hpp"

#include <algorithm>

namespace flowglyph {
namespace {

// Queries and their answers carry u16 identifier behind type, code and checksum; it is what a host tells its
// own conversations apart by, as ports are.
bool hasIdentifier(std::uint8_t protocol, std::uint8_t type) {
  if (protocol == kIcmpV6) return type == 128 || type == 129 || type == 160 || type == 161;  // echo, RFC 8335
  return type == 0 || type == 8 || (type >= 13 && type <= 18) || type == 42 || type == 43;
}

std::uint32_t headerBytesOf(std::uint8_t protocol, const std::uint8_t* header, std::uint32_t available) {
  switch (protocol) {
    case kUdpLite:
    case kIcmp:
    case kIcmpV6:
    case kEsp:
      return 8;
    case kSctp:
      return 12;
    case kDccp:  // u8 data offset in words at 4
      return available > 4 ? std::max(header[4] * 4u, 12u) : 12;
    case kAh:
      return available > 1 ? (header[1] + 2u) * 4 : 8;
    default:
      return 0;
  }
}

bool hasPorts(std::uint8_t protocol) {
  return protocol == kUdpLite || protocol == kDccp || protocol == kSctp;
}

}  // namespace

Layer layerOfTransport(std::uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return Layer::kTcp;
    case kUdp:
      return Layer::kUdp;
    case kIcmp:
      return Layer::kIcmp;
    case kIcmpV6:
      return Layer::kIcmpV6;
    case kSctp:
      return Layer::kSctp;
    case kEsp:
      return Layer::kEsp;
    case kAh:
      return Layer::kAh;
    default:
      return Layer::kOtherTransport;
  }
}

// Only what makes the session must be there. A header cut short by the snaplen has no payload; a length that
// contradicts the header's own size is not believed.
SkipReason parseTransport(Packet& packet, const std::uint8_t* frame, std::uint8_t protocol,
                          std::uint32_t wireBytes, TransportPorts& ports) {
  const std::uint32_t available = packet.ipEnd - packet.transportOffset;
  const std::uint8_t* header = frame + packet.transportOffset;
  packet.payloadEnd = packet.ipEnd;
  packet.sequence = 0;
  packet.tcpFlags = 0;
  std::uint32_t headerBytes = 8;
  if (protocol == kTcp) {
    if (available < 4) return SkipReason::kTruncatedHeader;
    headerBytes = 20;
    if (available >= 14) {
      headerBytes = std::max((header[12] >> 4) * 4u, 20u);
      packet.tcpFlags = header[13];
    } else {
      wireBytes = 0;  // nobody knows how long the header is
    }
    if (available >= 8) packet.sequence = loadBig<std::uint32_t>(header + 4);
  } else if (protocol == kUdp) {
    if (available < 4) return SkipReason::kTruncatedHeader;
    // What the IP packet holds beyond the UDP length is not payload. 0 is a jumbogram (RFC 2675).
    const std::uint32_t udpLength = available >= 8 ? loadBig<std::uint16_t>(header + 4) : 0;
    if (udpLength >= 8) {
      packet.payloadEnd = std::min(packet.ipEnd, packet.transportOffset + udpLength);
      wireBytes = std::min(wireBytes, udpLength);
    }
  } else {
    headerBytes = headerBytesOf(protocol, header, available);
    if (protocol == kIcmp || protocol == kIcmpV6) {
      if (available < 1) return SkipReason::kTruncatedHeader;
      if (hasIdentifier(protocol, header[0])) {
        if (available < 6) return SkipReason::kTruncatedHeader;
        ports.source = ports.destination = loadBig<std::uint16_t>(header + 4);
      }
    }
  }
  if (protocol == kTcp || protocol == kUdp || hasPorts(protocol)) {
    if (available < 4) return SkipReason::kTruncatedHeader;
    ports.source = loadBig<std::uint16_t>(header);
    ports.destination = loadBig<std::uint16_t>(header + 2);
  }
  packet.payloadOffset =
      std::min(packet.transportOffset + std::min(headerBytes, available), packet.payloadEnd);
  packet.payloadBytes = wireBytes > headerBytes ? wireBytes - headerBytes : 0;
  return SkipReason::kNone;
}

}  // namespace flowglyph
